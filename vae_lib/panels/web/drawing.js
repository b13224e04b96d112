/** "Draw a digit": a drawing in MNIST's form, and what the encoder and the decoder make of it. */

import { button, decimal, digitCanvas, element, group, paintDigit } from "./parts.js";
import { numberList, uniqueId, written } from "./parts.js";
import { decode_logits, encode, kl_divergence, normal, pixel_mean } from "./vae.js";
import { random, reconstruction } from "./vae.js";

const SIDE = 336; // pixels of a drawing's side: 12 for each of a digit's 28
const BRUSH = 36; // pixels: a drawing then holds as much ink as a digit of MNIST
const CELLS = 20; // steps of the keyboard's cursor along a side
const SAMPLES = 6;

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

/** A place to draw with a pointer or the keyboard. `onChange` is called as it changes, `onFinish`
 * once a stroke is done, `onCursor` with a sentence on where the keyboard's cursor is. */
class DrawingPad {
  constructor(onChange, onFinish, onCursor) {
    Object.assign(this, { onChange, onFinish, onCursor });
    const help = uniqueId();
    this.canvas = element("canvas", {
      width: SIDE, height: SIDE, class: "drawing", tabindex: "0", "data-role": "drawing",
      role: "application", "aria-label": "Drawing pad", "aria-describedby": help,
    });
    const raster = element("canvas", { width: SIDE, height: SIDE });
    this.raster = raster.getContext("2d", { willReadFrequently: true });
    Object.assign(this.raster, { lineWidth: BRUSH, lineCap: "round", lineJoin: "round" });
    this.cell = [CELLS / 2, CELLS / 2];
    this.clear();
    this.listen();
    this.help = element("p", { class: "hint", id: help },
      "With the keyboard: arrow keys move the cursor, Space draws there, ",
      "Shift and an arrow key draw a line.");
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

  /** Draws a line between two points in pixels of the raster; from a point to itself, a dot. */
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

  point(event) {
    const scale = SIDE / this.canvas.clientWidth;
    return [event.offsetX * scale, event.offsetY * scale];
  }

  pointerDown(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
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
    if (move) this.cell = this.cell.map((at, i) => Math.min(CELLS - 1, Math.max(0, at + move[i])));
    this.onChange();
    if (move && !event.shiftKey) {
      this.onCursor(`Row ${this.cell[1] + 1}, column ${this.cell[0] + 1} of ${CELLS}.`);
      return;
    }
    this.line(from, this.cellCenter());
    this.onFinish();
  }

  cellCenter() {
    return this.cell.map((at) => ((at + 0.5) * SIDE) / CELLS);
  }

  /** Paints the drawing in the colors of the theme, and the cursor while keys move it. */
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
    if (!this.canvas.matches(":focus-visible")) return;
    const [left, top] = this.cell.map((at) => (at * SIDE) / CELLS);
    context.lineWidth = 3;
    for (const [color, inset] of [[theme.paper, -2], [theme.accent, 1]]) {
      context.strokeStyle = color;
      const size = SIDE / CELLS - 2 * inset;
      context.strokeRect(left + inset, top + inset, size, size);
    }
  }
}

/** The part of the explorer about a reader's own digit. */
export class OwnDigit {
  /** explorer: { network, theme, request(), place(code) }; samples: bytes (784,) of a
   * test digit, by its label. */
  constructor(explorer, samples, say) {
    this.explorer = explorer;
    const uniform = random(7);
    this.eps = Float32Array.from({ length: 2 * SAMPLES }, () => normal(uniform)); // (6, z_dim)
    const changed = () => explorer.request("drawing");
    this.pad = new DrawingPad(changed, () => explorer.place(this.encoded()), say);
    this.seen = digitCanvas("What the encoder sees", { "data-role": "seen" });
    this.map = element("canvas", { class: "map-copy", role: "img", "data-role": "map-copy",
      "aria-label": "A small copy of the map, with the two ellipses of the code" });
    this.decoded = Array.from({ length: SAMPLES }, (_, i) => digitCanvas(`Sample ${i + 1}`));
    this.numbers = numberList({ reconstruction: "Reconstruction", kl: "KL", loss: "Loss" });
    this.shape = element("p", { class: "hint", "data-role": "code" });
    this.root = group("Your own digit", { class: "own" },
      element("p", {}, "Draw a digit. The encoder turns it into its code, an approximate ",
        "posterior: the two ellipses on the map, of which a copy is here, 1 and 2 standard ",
        "deviations. The decoder draws six samples from it."),
      this.controls(samples), element("div", { class: "frame" }, this.pad.canvas),
      this.outcome(), this.pad.help);
  }

  controls(samples) {
    const options = [...samples.keys()].map((digit) =>
      element("option", { value: digit }, digit));
    this.choice = element("select", { "data-role": "test-digit" },
      element("option", { value: "" }, "choose"), ...options);
    this.choice.addEventListener("change", () => this.take(samples.get(Number(this.choice.value || NaN))));
    const label = element("label", {}, element("span", {}, "Test digit"), this.choice);
    const clear = button("Clear", () => this.pad.clear(), { "data-role": "clear" });
    return element("div", { class: "bar" }, clear, label);
  }

  outcome() {
    const caption = (text) => element("p", { class: "hint" }, text);
    return element("div", { class: "outcome" },
      element("div", { class: "bar" },
        element("div", { class: "seen" }, this.seen, caption("What the encoder sees")),
        element("div", { class: "placed" }, this.map, caption("Its code on the map")),
        element("div", { class: "decoded" },
          element("div", { class: "samples", role: "img", "aria-label": "Six digits" },
            ...this.decoded),
          caption("Six samples of the code, decoded"))),
      this.numbers.root,
      element("p", { class: "hint" }, "In nats. Reconstruction is the average over the six ",
        "samples; the loss is reconstruction + KL."),
      this.shape);
  }

  take(x) {
    if (!x) return;
    this.pad.take(Float32Array.from(x, (value) => value / 255));
    this.explorer.place(this.encoded());
  }

  /** What is drawn, with its code: { x, mean, log_var }, or null. */
  encoded() {
    const x = this.pad.x();
    return x && { x, ...encode(this.explorer.network, x) };
  }

  /** Copies the map as it is, so that a reader who draws sees it too. */
  copyMap(canvas) {
    [this.map.width, this.map.height] = [canvas.width, canvas.height];
    this.map.getContext("2d").drawImage(canvas, 0, 0);
  }

  /** Paints the drawing and all that follows from it; returns its code, or null. */
  paint() {
    const { network, theme } = this.explorer;
    const code = this.encoded();
    this.pad.paint(theme);
    if (!this.pad.exact) this.choice.value = "";
    paintDigit(this.seen, code?.x ?? new Float32Array(784), theme);
    const logits = code && decode_logits(network, this.draws(code)); // (6 * 784,)
    const pictures = code ? pixel_mean(logits) : new Float32Array(784 * SAMPLES);
    this.decoded.forEach((canvas, i) =>
      paintDigit(canvas, pictures.subarray(784 * i, 784 * (i + 1)), theme));
    this.write(code, logits);
    return code;
  }

  /** Six samples of z (6, z_dim), from the same eps each time. */
  draws({ mean, log_var }) {
    return this.eps.map((eps, i) => mean[i % 2] + Math.exp(log_var[i % 2] / 2) * eps);
  }

  /** Writes the two parts of the loss, in nats. */
  write(code, logits) {
    const { values } = this.numbers;
    if (!code) {
      for (const each of Object.values(values)) each.textContent = "–";
      this.shape.textContent = "Nothing is drawn yet.";
      return;
    }
    const mean = written(code.mean);
    const deviation = written(code.log_var.map((each) => Math.exp(each / 2)));
    this.shape.textContent = `Code: mean (${mean}), standard deviation (${deviation}).`;
    const copies = new Float32Array(784 * SAMPLES);
    for (let i = 0; i < SAMPLES; i++) copies.set(code.x, 784 * i);
    const average = reconstruction(copies, logits) / SAMPLES;
    const kl = kl_divergence(code.mean, code.log_var);
    values.reconstruction.textContent = decimal(average, 1);
    values.kl.textContent = decimal(kl, 1);
    values.loss.textContent = decimal(average + kl, 1);
  }
}
