/** The completer: a digit of which a part is hidden, and what the model puts there, six times. */

import { button, decimal, digitCanvas, digitChoice, element, group } from "./parts.js";
import { labeledSelect, liveRegion, markPanel, numberList, onResize } from "./parts.js";
import { onThemeChange, paintDigit, readTheme, startWorker, whatIsMissing } from "./parts.js";
import { DrawingPad, Pad, SIDE } from "./pad.js";
import { bytes } from "./vae.js";

const PICKS = 6; // completions that are shown
const REACH = 36; // pixels of the pad: how far from its line the brush hides
const STRIPES = 12; // pixels of the pad from one stripe to the next
const TRUSTED = 10; // draws that carry the weight; with fewer, an average is off by a third
const HALVES = {
  "lower half": (across, down) => down >= 0.5,
  "upper half": (across, down) => down < 0.5,
  "left half": (across) => across < 0.5,
  "right half": (across) => across >= 0.5,
};
const SOURCES = [
  ["fitted", "a fitted Gaussian"],
  ["encoder", "the encoder"],
  ["prior", "the prior"],
];
const WHAT_IS_SEEN = {
  few: "Too few draws carry the weight to trust this: many of the six are one and the same draw.",
  enough: "The six are drawn by their weights.",
  nothing: "Draw a digit, or choose one.",
  all: "Hide a part of the digit.",
};

/** The distance from a point to a line between two points. */
function distance([x, y], [left, top], [right, bottom]) {
  const [across, down] = [right - left, bottom - top];
  const along = ((x - left) * across + (y - top) * down) / (across ** 2 + down ** 2 || 1);
  const nearest = Math.min(1, Math.max(0, along));
  return Math.hypot(x - left - nearest * across, y - top - nearest * down);
}

/** A place to hide pixels of a digit; hidden (side*side,) has a 1 for each. */
class HidingPad extends Pad {
  constructor(side, ...listeners) {
    super({ name: "The digit: hide a part of it", role: "hiding", cells: side,
      help: "Space hides what is there, Shift and an arrow key hide along a line" }, ...listeners);
    this.side = side;
    this.digit = digitCanvas("", {}, side);
    this.past = []; // masks, for undo
    this.hidden = new Uint8Array(side ** 2);
  }

  begin() {
    this.past.push(this.hidden);
  }

  /** The middle of a pixel, in pixels of the pad. */
  middle(i) {
    const size = SIDE / this.side;
    return [((i % this.side) + 0.5) * size, (Math.floor(i / this.side) + 0.5) * size];
  }

  line(from, to) {
    this.hide((middle) => distance(middle, from, to) <= REACH);
  }

  /** Hides the pixels whose middle is in a region, besides what is hidden. */
  hide(isIn) {
    this.hidden = this.hidden.map((each, i) => each || Number(isIn(this.middle(i))));
    this.onChange();
  }

  /** Hides a half, or nothing if it has no name, and shows all else. */
  hideHalf(name) {
    this.begin();
    this.hidden = new Uint8Array(this.hidden.length);
    const half = HALVES[name] ?? (() => false);
    this.hide(([x, y]) => half(x / SIDE, y / SIDE));
  }

  undo() {
    this.hidden = this.past.pop() ?? this.hidden;
    this.onChange();
  }

  /** Paints the digit x, and stripes over what is hidden. */
  paint(x, theme) {
    const context = this.canvas.getContext("2d");
    paintDigit(this.digit, x, theme);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.digit, 0, 0, SIDE, SIDE);
    context.save();
    context.beginPath();
    const size = SIDE / this.side;
    this.hidden.forEach((isHidden, i) => {
      const [across, down] = this.middle(i);
      if (isHidden) context.rect(across - size / 2, down - size / 2, size, size);
    });
    context.clip();
    this.paintStripes(context, theme);
    context.restore();
    this.paintCursor(context, theme);
  }

  paintStripes(context, theme) {
    Object.assign(context, { fillStyle: theme.paper, globalAlpha: 0.75 });
    context.fillRect(0, 0, SIDE, SIDE);
    Object.assign(context, { strokeStyle: theme.accent, globalAlpha: 1, lineWidth: 2 });
    context.beginPath();
    for (let start = -SIDE; start < SIDE; start += STRIPES) {
      context.moveTo(start, SIDE);
      context.lineTo(start + SIDE, 0);
    }
    context.stroke();
  }
}

/** A drawing of 28×28 pixels to side×side of them, black or white. */
function blackOrWhite(drawn, side) {
  const factor = 28 / side;
  const sums = new Float32Array(side ** 2);
  drawn.forEach((value, i) => {
    const [column, row] = [i % 28, Math.floor(i / 28)];
    sums[Math.floor(row / factor) * side + Math.floor(column / factor)] += value;
  });
  return sums.map((sum) => Number(sum / factor ** 2 > 0.5));
}

/** Digits by their labels, in order, as [index, name]: the names are 4, 4 (2), 4 (3). */
function inOrder(labels) {
  const order = [...labels.keys()].sort((a, b) => labels[a] - labels[b] || a - b);
  return order.map((index, place) => {
    const nth = 1 + place - order.findIndex((other) => labels[other] === labels[index]);
    return [index, nth > 1 ? `${labels[index]} (${nth})` : labels[index]];
  });
}

class CompleterPanel {
  constructor(el, { network, digits, labels }) {
    Object.assign(this, { el, seed: 1, source: SOURCES[0][0] });
    this.side = Math.sqrt(network.sizes.x_dim);
    this.digits = bytes(digits);
    this.live = liveRegion();
    const say = (sentence) => this.live.say(sentence);
    const changed = () => this.request();
    this.hiding = new HidingPad(this.side, changed, () => this.finishHiding(), say);
    this.drawing = new DrawingPad(changed, () => this.takeDrawing(), say);
    this.choice = digitChoice(inOrder(bytes(labels)), (index) => this.take(index));
    el.append(element("div", { class: "completer" },
      group("Hide, and complete", { class: "own" },
        element("p", {}, "Choose a digit, and hide a part of it: drag over it, or choose a half. ",
          "Striped is what the model does not see."),
        this.controls(), element("div", { class: "frame" }, this.hiding.canvas),
        this.outcome(), this.hiding.help, this.ownDigit()),
      this.live.root));
    this.worker = startWorker();
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.postMessage({ network });
    this.half.select.value = Object.keys(HALVES)[0];
    this.hiding.hideHalf(this.half.select.value);
    this.choice.select.value = 0;
    this.take(0);
  }

  controls() {
    const halves = Object.keys(HALVES).map((name) => [name, name]);
    const hide = (name) => {
      this.hiding.hideHalf(name);
      this.complete();
    };
    this.half = labeledSelect("Hide", [["", "by hand"], ...halves], hide, { "data-role": "half" });
    const undo = button("Undo", () => this.undo(), { "data-role": "undo" });
    const showAll = button("Show all", () => {
      this.half.select.value = "";
      hide("");
    }, { "data-role": "show-all" });
    return element("div", { class: "bar" }, this.choice.root, this.half.root, undo, showAll);
  }

  undo() {
    this.hiding.undo();
    this.finishHiding();
  }

  outcome() {
    const again = button("Again", () => this.again(), { class: "main", "data-role": "again" });
    const draw = (source) => {
      this.source = source;
      this.complete();
    };
    const from = labeledSelect("Draws from", SOURCES, draw, { "data-role": "source" });
    const picture = (name, role) => digitCanvas(name, { "data-role": role }, this.side);
    this.completed = Array.from({ length: PICKS }, (_, i) =>
      picture(`Completion ${i + 1}`, `completion-${i + 1}`));
    this.spread = picture("Where draws differ", "spread");
    this.numbers = numberList({ effective: "Draws that carry the weight",
      apart: "Two of the six differ in", truth: "The true part costs" });
    this.status = element("p", { class: "hint", "data-role": "status" });
    const caption = (text) => element("p", { class: "hint" }, text);
    this.result = element("div", { class: "outcome" },
      element("div", { class: "bar" }, again, from.root),
      element("div", { class: "bar" },
        element("div", { class: "decoded" },
          element("div", { class: "samples", role: "img", "aria-label": "Six completions" },
            ...this.completed),
          caption("Six completions")),
        element("div", { class: "seen" }, this.spread, caption("Where draws differ"))),
      this.numbers.root, this.status);
    return this.result;
  }

  ownDigit() {
    const clear = button("Clear", () => {
      this.drawing.clear();
      this.takeDrawing();
    }, { "data-role": "clear" });
    return element("details", {}, element("summary", {}, "Draw a digit of your own"),
      element("div", { class: "frame" }, this.drawing.canvas),
      element("div", { class: "bar" }, clear), this.drawing.help);
  }

  /** Shows one of the digits that came with the panel. */
  take(index) {
    const size = this.side ** 2;
    this.x = Float32Array.from(this.digits.subarray(size * index, size * (index + 1)));
    this.complete();
  }

  takeDrawing() {
    const drawn = this.drawing.x();
    this.x = drawn && blackOrWhite(drawn, this.side);
    this.choice.select.value = "";
    this.complete();
  }

  finishHiding() {
    this.half.select.value = "";
    this.complete();
  }

  again() {
    this.seed += 1;
    this.complete();
  }

  /** Asks the worker for completions of what is there now; while it is at work, remembers to. */
  complete() {
    this.late = Boolean(this.working);
    if (this.late) return;
    const { x, source, seed, hiding: { hidden } } = this;
    if (!x || !hidden.includes(1)) {
      this.show(x ? "all" : "nothing");
      return;
    }
    this.working = { x, hidden };
    const task = { x, seen: hidden.map((each) => 1 - each), from: source, seed, picks: PICKS };
    this.worker.postMessage({ task });
    this.request();
  }

  receive(outcome) {
    const task = this.working;
    this.working = null;
    if (this.late) this.complete();
    else this.show(outcome.effective < TRUSTED ? "few" : "enough", { ...outcome, ...task });
  }

  /** Writes what came out, if anything did, and a sentence about it. */
  show(state, outcome = null) {
    this.shown = outcome;
    this.request();
    const { values } = this.numbers;
    for (const each of Object.values(values)) each.textContent = "–";
    this.status.textContent = WHAT_IS_SEEN[state];
    this.live.say(WHAT_IS_SEEN[state]);
    if (!outcome) return;
    const pixels = outcome.hidden.reduce((sum, each) => sum + each);
    values.effective.textContent = `${decimal(outcome.effective, 0)} of ${outcome.count}`;
    values.apart.textContent = `${decimal(outcome.apart, 0)} of ${pixels} pixels`;
    values.truth.textContent = `${decimal(outcome.hidden_nats, 1)} nats`;
    this.live.say(`Completed. ${values.effective.textContent} draws carry the weight; two of the ` +
      `six differ in ${values.apart.textContent}; the true part costs ` +
      `${values.truth.textContent}. ${WHAT_IS_SEEN[state]}`);
  }

  /** Says whether what is shown is of what is there, and paints all in the next frame. */
  request() {
    const { shown, x, working, hiding: { hidden } } = this;
    const isOld = Boolean(shown) && (shown.x !== x || shown.hidden !== hidden);
    this.result?.classList.toggle("old", isOld);
    this.result?.setAttribute("aria-busy", isOld || Boolean(working));
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  refresh() {
    this.theme = readTheme(this.el);
    this.request();
  }

  paint() {
    this.frame = null;
    const { theme, shown, x, hiding } = this;
    if (!theme) return; // not on the page yet
    const blank = new Float32Array(this.side ** 2);
    hiding.paint(x ?? blank, theme);
    this.drawing.paint(theme);
    this.completed.forEach((canvas, k) => {
      const image = shown?.images[k];
      const values = image?.map((each, i) => (shown.hidden[i] ? each : shown.x[i]));
      paintDigit(canvas, values ?? blank, theme, shown?.hidden);
    });
    const differ = shown ? shown.spread.map((each, i) => 2 * each * shown.hidden[i]) : blank;
    paintDigit(this.spread, differ, theme, shown?.hidden);
  }

  end() {
    this.worker.terminate();
  }
}

/** anywidget's entry: data is { network, digits, labels }. */
export function render({ model, el }) {
  markPanel(el);
  const missing = whatIsMissing("Completing", ["Worker"]);
  if (missing) {
    el.append(missing);
    return () => {};
  }
  const panel = new CompleterPanel(el, model.get("data"));
  const refresh = () => panel.refresh();
  const ends = [onResize(el, refresh), onThemeChange(refresh), () => panel.end()];
  return () => ends.forEach((end) => end());
}
