/** The explorer of a two-dimensional latent space: a map, the digit at z, a walk, a drawing. */

import { button, decimal, digitCanvas, element, followSize, group } from "./parts.js";
import { labeledRange, liveRegion, markPanel, onThemeChange, paintDigit } from "./parts.js";
import { prefersLessMotion, readTheme, written } from "./parts.js";
import { bytes, decode_logits, floats, pixel_mean, unpack } from "./vae.js";
import { LatentMap } from "./map.js";
import { OwnDigit } from "./drawing.js";

const STILLS = 9;
const WALK = 3000; // ms

const between = (from, to, t) => from.map((start, i) => start + t * (to[i] - start));

/** The walk along a straight line from pin A to pin B. */
class Walk {
  /** explorer: { z, pins, network, theme, move(z), request(part) } */
  constructor(explorer) {
    this.explorer = explorer;
    this.stills = Array.from({ length: STILLS }, (_, i) => digitCanvas(`Still ${i + 1}`));
    this.play = button("", () => this.press(), { class: "main", "data-role": "walk" });
    this.status = element("p", { class: "hint", "data-role": "walk-status" });
    const pin = (name) => button(`Pin ${name} at z`, () => this.pin(name), {
      "data-role": `pin-${name}`,
    });
    this.root = group("A walk from A to B", {},
      element("div", { class: "bar" }, this.play, pin("A"), pin("B")),
      element("div", { class: "stills", role: "img",
        "aria-label": "Nine digits, decoded evenly along the line from A to B" }, ...this.stills),
      this.status);
    this.rest();
  }

  pin(name) {
    this.explorer.pins[name] = [...this.explorer.z];
    this.rest();
    this.explorer.request("walk");
  }

  /** Stands still, ready to walk. */
  rest() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    this.still = 0;
    const { A, B } = this.explorer.pins;
    this.play.textContent = prefersLessMotion() ? "Step from A to B" : "Walk from A to B";
    this.show(null, `A is at (${written(A)}), B at (${written(B)}): nine digits along the line.`);
  }

  /** Marks a still, and says what is going on. */
  show(current, text) {
    this.stills.forEach((canvas, i) => canvas.classList.toggle("current", i === current));
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  press() {
    if (this.frame !== undefined) this.rest();
    else if (prefersLessMotion()) this.step();
    else this.start();
  }

  step() {
    const at = this.still; // the next one
    this.still = (at + 1) % STILLS;
    this.goTo(at / (STILLS - 1), `Still ${at + 1} of ${STILLS} from A to B.`);
  }

  start() {
    const began = performance.now();
    this.play.textContent = "Stop";
    const next = (now) => {
      const t = Math.min(1, Math.max(0, (now - began) / WALK));
      this.frame = requestAnimationFrame(next);
      this.goTo(t, "Walking from A to B.");
      if (t === 1) this.arrive();
    };
    this.frame = requestAnimationFrame(next);
  }

  arrive() {
    this.rest();
    this.show(STILLS - 1, "Arrived at B.");
  }

  goTo(t, text) {
    const { A, B } = this.explorer.pins;
    this.explorer.move(between(A, B, t));
    this.show(Math.round(t * (STILLS - 1)), text);
  }

  paint() {
    const { pins, network, theme } = this.explorer;
    const line = this.stills.flatMap((_, i) => between(pins.A, pins.B, i / (STILLS - 1)));
    const pictures = pixel_mean(decode_logits(network, line)); // (9 * 784,)
    this.stills.forEach((canvas, i) =>
      paintDigit(canvas, pictures.subarray(784 * i, 784 * (i + 1)), theme));
  }
}

/** All parts, and what they share: z, the pins, the checkpoint, the theme. */
class Explorer {
  constructor(model, el) {
    Object.assign(this, { model, el, stale: new Set(), unpacked: [] });
    const { checkpoints, labels, samples, limit } = model.get("data");
    Object.assign(this, { checkpoints, limit, labels: bytes(labels) });
    this.classes = [...new Set(this.labels)].sort((a, b) => a - b); // up to ten
    this.setCheckpoint(checkpoints.length - 1);
    const [first, second = first] = this.classes;
    this.pins = { A: this.center(first), B: this.center(second) };
    this.z = this.inside(model.get("z"));
    const all = bytes(samples);
    const digits = new Map(this.classes.map((label, i) =>
      [label, all.subarray(784 * i, 784 * (i + 1))]));
    this.live = liveRegion();
    this.map = new LatentMap(limit, this, (z) => this.userMove(z));
    this.walk = new Walk(this);
    this.own = new OwnDigit(this, digits, (sentence) => this.live.say(sentence));
    el.append(element("div", { class: "explorer" },
      this.space(), this.walk.root, this.own.root, this.live.root));
  }

  /** The first group: the checkpoint, the map, the digit at z, and the sliders. */
  space() {
    this.digit = digitCanvas("The digit decoded at z", { "data-role": "digit" });
    this.caption = element("p", { class: "hint", "data-role": "caption" });
    const bounds = { min: -this.limit, max: this.limit, step: 0.05, value: 0 };
    const set = (i, value) => this.userMove(this.z.map((each, k) => (k === i ? value : each)));
    this.sliders = ["z₁", "z₂"].map((name, i) => labeledRange(name, bounds, decimal,
      (value) => set(i, value), { "data-role": `z${i + 1}` }));
    const roots = this.sliders.map(({ root }) => root);
    const side = element("div", { class: "side" }, this.digit,
      element("div", { class: "sliders" }, ...roots, this.caption));
    return group("The latent space", {},
      element("p", {}, "Drag on the map, or move the sliders: the decoder draws the digit at z."),
      ...this.checkpointSlider(),
      element("div", { class: "stage" },
        element("div", { class: "frame" }, this.map.canvas), side),
      element("p", { class: "hint" }, "A numeral on the map is where the encoder puts one test ",
        "digit. The circles hold, from the inside, 50%, 90%, and 99% of the prior."));
  }

  /** A slider over the checkpoints, if there is more than one. */
  checkpointSlider() {
    const last = this.checkpoints.length - 1;
    if (last === 0) return [];
    const bounds = { min: 0, max: last, step: 1, value: last };
    const iteration = (index) => this.checkpoints[index].iteration.toLocaleString("en-US");
    const choose = (index) => {
      this.setCheckpoint(index);
      this.refresh();
      this.announce();
    };
    return [labeledRange("Training iteration", bounds, iteration, choose,
      { "data-role": "checkpoint" }).root];
  }

  setCheckpoint(index) {
    const { network, codes } = this.checkpoints[index];
    this.unpacked[index] ??= { network: unpack(network), codes: floats(codes) };
    Object.assign(this, this.unpacked[index]);
  }

  /** The average code of a class of test digits, on the sliders' steps. */
  center(digit) {
    const mine = [...this.labels.keys()].filter((i) => this.labels[i] === digit);
    return [0, 1].map((dimension) => {
      const sum = mine.reduce((total, i) => total + this.codes[2 * i + dimension], 0);
      return Math.round((20 * sum) / mine.length) / 20;
    });
  }

  nearest() {
    let [best, least] = [0, Infinity];
    for (let i = 0; i < this.labels.length; i++) {
      const distance = Math.hypot(this.codes[2 * i] - this.z[0], this.codes[2 * i + 1] - this.z[1]);
      if (distance < least) [best, least] = [i, distance];
    }
    return this.labels[best];
  }

  inside(z) {
    return [...z].map((each) => Math.min(this.limit, Math.max(-this.limit, each)));
  }

  /** Moves z, and tells Python and the reader. */
  move(z) {
    this.z = this.inside(z);
    if (String(this.model.get("z")) !== String(this.z)) {
      this.model.set("z", this.z);
      this.model.save_changes();
    }
    this.announce();
    this.request("z");
  }

  userMove(z) {
    this.walk.rest();
    this.move(z);
  }

  /** Moves z to the mean of the code of a drawing that is finished. */
  place(code) {
    if (!code) return;
    this.userMove(code.mean);
    this.announce("Encoded: ");
  }

  announce(more = "") {
    const digit = this.nearest();
    const name = /^(8|11$|18$)/.test(digit) ? `an ${digit}` : `a ${digit}`;
    this.live.say(`${more}z is ${written(this.z)}; the nearest test digit is ${name}.`);
  }

  /** Paints a part in the next frame, whatever else asks for it until then. */
  request(part) {
    if (this.stale.size === 0) requestAnimationFrame(() => this.paint());
    this.stale.add(part);
  }

  /** Paints all parts anew: another checkpoint, another size, another theme. */
  refresh() {
    this.theme = readTheme(this.el);
    for (const part of ["map", "walk", "drawing"]) this.request(part);
  }

  paint() {
    const stale = this.stale;
    this.stale = new Set();
    if (!this.theme) return; // not on the page yet
    if (stale.has("map")) this.map.paintGround(this.codes, this.theme);
    if (stale.has("walk")) this.walk.paint();
    if (stale.has("drawing")) this.code = this.own.paint();
    this.map.paint(this.z, this.pins, this.code, this.theme);
    this.own.copyMap(this.map.canvas);
    paintDigit(this.digit, pixel_mean(decode_logits(this.network, this.z)), this.theme);
    this.sliders.forEach(({ set }, i) => set(this.z[i]));
    this.caption.textContent = `Nearest test digit: ${this.nearest()}`;
  }
}

export function render({ model, el }) {
  markPanel(el);
  const explorer = new Explorer(model, el);
  const follow = () => {
    if (String(model.get("z")) !== String(explorer.z)) explorer.userMove(model.get("z"));
  };
  model.on("change:z", follow);
  const refresh = () => explorer.refresh();
  const ends = [followSize(explorer.map.canvas, refresh), onThemeChange(refresh)];
  return () => {
    model.off("change:z", follow);
    explorer.walk.rest();
    for (const end of ends) end();
  };
}
