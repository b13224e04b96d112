/** A square to draw on with a pointer or the keyboard, and a drawing in MNIST's form. */

import { element, uniqueId } from "./parts.js";

export const SIDE = 336; // pixels of a pad's side: 12 for each of a digit's 28
const BRUSH = 36; // pixels: a drawing then holds as much ink as a digit of MNIST

/** The smallest square from the top left of the ink (side*side,) that holds it all, or null. */
function inkSquare(ink, side) {
  let [left, right, top, bottom] = [side, -1, side, -1];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (ink[y * side + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return right < 0 ? null : { left, top, size: Math.max(right - left, bottom - top) + 1 };
}

/** The average of ink over a square with fractions of pixels at its edges. */
function meanInk(ink, side, left, top, size) {
  let sum = 0;
  for (let y = Math.floor(top); y < Math.min(side, top + size); y++) {
    const height = Math.min(y + 1, top + size) - Math.max(y, top);
    for (let x = Math.floor(left); x < Math.min(side, left + size); x++) {
      const width = Math.min(x + 1, left + size) - Math.max(x, left);
      sum += ink[y * side + x] * width * height;
    }
  }
  return sum / size ** 2;
}

/** Puts 20×20 pixels on 28×28 such that their center of mass is in the middle. */
function centered(small) {
  let [mass, across, down] = [0, 0, 0];
  small.forEach((value, i) => {
    mass += value;
    across += value * ((i % 20) + 0.5);
    down += value * (Math.floor(i / 20) + 0.5);
  });
  const [right, lower] = [Math.round(14 - across / mass), Math.round(14 - down / mass)];
  const x = new Float32Array(784);
  small.forEach((value, i) => {
    const [column, row] = [(i % 20) + right, Math.floor(i / 20) + lower];
    if (column >= 0 && column < 28 && row >= 0 && row < 28) x[row * 28 + column] = value;
  });
  return x;
}

/**
 * Puts a drawing into MNIST's form: scaled to fit 20×20 pixels, edges gray, then centered by
 * mass in 28×28. ink (side*side,) in [0, 1] to x (784,), or null where there is no ink.
 */
export function mnistForm(ink, side) {
  const square = inkSquare(ink, side);
  if (!square) return null;
  const step = square.size / 20; // pixels of the drawing to a pixel of the digit
  const small = Float32Array.from({ length: 400 }, (_, i) => {
    const [column, row] = [i % 20, Math.floor(i / 20)];
    return meanInk(ink, side, square.left + column * step, square.top + row * step, step);
  });
  return centered(small);
}

/**
 * A square on which a pointer or the keyboard draws lines. A subclass has `line(from, to)`, between
 * points in pixels of its side, or from a point to itself for a dot, and paints its ground.
 */
export class Pad {
  /** name: as it is read aloud; role: to find it by; cells: steps of the keyboard's cursor along a
   * side; help: what keys do. onChange() is called as it changes, onFinish() once a stroke is done,
   * onCursor(sentence) tells where the keyboard's cursor is. */
  constructor({ name, role, cells, help }, onChange, onFinish, onCursor) {
    Object.assign(this, { cells, onChange, onFinish, onCursor });
    const id = uniqueId();
    this.canvas = element("canvas", {
      width: SIDE, height: SIDE, class: "drawing", tabindex: "0", "data-role": role,
      role: "application", "aria-label": name, "aria-describedby": id,
    });
    this.cell = [cells / 2, cells / 2];
    this.listen();
    this.help = element("p", { class: "hint", id },
      `With the keyboard: arrow keys move the cursor, ${help}.`);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.pointerDown(event));
    canvas.addEventListener("pointermove", (event) => this.pointerMove(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => this.pointerEnd());
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const change of ["focus", "blur"]) canvas.addEventListener(change, () => this.onChange());
  }

  /** What precedes a stroke. */
  begin() {}

  point(event) {
    const scale = SIDE / this.canvas.clientWidth;
    return [event.offsetX * scale, event.offsetY * scale];
  }

  pointerDown(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.begin();
    this.last = this.point(event);
    this.line(this.last, this.last);
  }

  pointerMove(event) {
    if (!this.last || !event.isPrimary) return;
    for (const each of [...event.getCoalescedEvents(), event]) {
      const next = this.point(each);
      this.line(this.last, next);
      this.last = next;
    }
  }

  pointerEnd() {
    if (!this.last) return;
    this.last = null;
    this.onFinish();
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    const from = this.cellCenter();
    if (move) this.cell = this.cell.map((at, i) => Math.min(this.cells - 1, Math.max(0, at + move[i])));
    this.onChange();
    if (move && !event.shiftKey) {
      this.onCursor(`Row ${this.cell[1] + 1}, column ${this.cell[0] + 1} of ${this.cells}.`);
      return;
    }
    this.begin();
    this.line(from, this.cellCenter());
    this.onFinish();
  }

  cellCenter() {
    return this.cell.map((at) => ((at + 0.5) * SIDE) / this.cells);
  }

  /** Paints the cursor, while keys move it. */
  paintCursor(context, theme) {
    if (!this.canvas.matches(":focus-visible")) return;
    const [left, top] = this.cell.map((at) => (at * SIDE) / this.cells);
    context.lineWidth = 3;
    for (const [color, inset] of [[theme.paper, -2], [theme.accent, 1]]) {
      context.strokeStyle = color;
      const size = SIDE / this.cells - 2 * inset;
      context.strokeRect(left + inset, top + inset, size, size);
    }
  }
}

/** A place to draw a digit. */
export class DrawingPad extends Pad {
  constructor(...listeners) {
    super({ name: "Drawing pad", role: "drawing", cells: 20,
      help: "Space draws there, Shift and an arrow key draw a line" }, ...listeners);
    const raster = element("canvas", { width: SIDE, height: SIDE });
    this.raster = raster.getContext("2d", { willReadFrequently: true });
    Object.assign(this.raster, { lineWidth: BRUSH, lineCap: "round", lineJoin: "round" });
    this.clear();
  }

  line(from, to) {
    this.exact = null;
    this.raster.beginPath();
    this.raster.moveTo(...from);
    this.raster.lineTo(...to);
    this.raster.stroke();
    this.onChange();
  }

  clear() {
    this.exact = null;
    this.raster.clearRect(0, 0, SIDE, SIDE);
    this.onChange();
  }

  /** Shows a digit x (784,) of the test set, which is in MNIST's form as it is. */
  take(x) {
    this.clear();
    const small = new ImageData(28, 28);
    x.forEach((value, i) => (small.data[4 * i + 3] = 255 * value));
    const digit = element("canvas", { width: 28, height: 28 });
    digit.getContext("2d").putImageData(small, 0, 0);
    this.raster.drawImage(digit, 0, 0, SIDE, SIDE);
    this.exact = x;
  }

  /** The drawing in MNIST's form, x (784,), or null where nothing is drawn. */
  x() {
    if (this.exact) return this.exact;
    const { data } = this.raster.getImageData(0, 0, SIDE, SIDE);
    const ink = new Float32Array(SIDE ** 2);
    for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3] / 255;
    return mnistForm(ink, SIDE);
  }

  /** Paints the drawing in the colors of the theme. */
  paint(theme) {
    const context = this.canvas.getContext("2d");
    context.globalCompositeOperation = "copy";
    context.drawImage(this.raster.canvas, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = theme.ink;
    context.fillRect(0, 0, SIDE, SIDE);
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = theme.paper;
    context.fillRect(0, 0, SIDE, SIDE);
    context.globalCompositeOperation = "source-over";
    this.paintCursor(context, theme);
  }
}
