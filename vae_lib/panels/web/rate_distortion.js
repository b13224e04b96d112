/** Models of several β in the plane of rate and distortion, and what each restores of images. */

import { decimal, digitCanvas, element, group, labeledRange, liveRegion } from "./parts.js";
import { markPanel, numberList, onDrag, onResize, onThemeChange, paintDigit } from "./parts.js";
import { readTheme, shape } from "./parts.js";

const [WIDTH, HEIGHT] = [360, 300]; // of the picture; what is below is in its units
const EDGES = { left: 42, right: 348, top: 26, bottom: 262 }; // of the plane in it
const LEAST = 0.1; // nats; a dimension that costs less is called silent

const inNats = (value) => `${decimal(value, 1)} nats`;
const betaIs = (name) => `β\u00a0=\u00a0${name}`; // on one line

/** Writes a tick of an axis with the decimals that its steps need. */
function writtenTick(tick, [first, second]) {
  return decimal(tick, Math.max(0, Math.ceil(-Math.log10(second - first))));
}

/** The plane with all models, and the line of slope −β through one of them. */
class Plane {
  /** models: { name, beta, rate, distortion }; ticks { rate, distortion }, the first and the last
   * of which are the ends of the axes; choose(index) is called when a reader points at a model. */
  constructor(models, ticks, choose) {
    Object.assign(this, { models, ticks });
    this.below = shape("polygon");
    this.line = shape("line", { class: "touching", "data-role": "line" });
    this.dots = models.map((model) => {
      const [cx, cy] = this.place(model);
      return shape("circle", { cx, cy, r: 4, "data-role": "dot" });
    });
    const { left, right, top, bottom } = EDGES;
    const size = { x: left, y: top, width: right - left, height: bottom - top };
    const cut = { ...size, viewBox: Object.values(size).join(" ") }; // what leaves the plane
    const points = models.map((model) => this.place(model).join()).join(" ");
    this.root = shape("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plane", role: "img", "data-role": "plane",
      "aria-label": `${models.length} models on a falling curve, rate to the right and ` +
        "distortion up. A line of slope −β touches the curve at the model of the slider.",
    }, ...this.axes(), shape("svg", cut, this.below, this.line), shape("polyline", { points }),
      ...this.dots, ...this.names());
    onDrag(this.root, (place) => choose(this.nearest(place)));
  }

  /** Where a model lies on the picture. */
  place({ rate, distortion }) {
    const { left, right, top, bottom } = EDGES;
    const share = (value, [low, ...others]) => (value - low) / (others.at(-1) - low);
    return [
      left + (right - left) * share(rate, this.ticks.rate),
      bottom - (bottom - top) * share(distortion, this.ticks.distortion),
    ];
  }

  axes() {
    const { left, right, top, bottom } = EDGES;
    const [rate] = this.ticks.rate;
    const [distortion] = this.ticks.distortion;
    const text = (x, y, words, attributes = {}) => shape("text", { x, y, ...attributes }, words);
    return [
      ...this.ticks.rate.map((tick) => {
        const [x] = this.place({ rate: tick, distortion });
        return text(x, bottom + 15, writtenTick(tick, this.ticks.rate));
      }),
      ...this.ticks.distortion.flatMap((tick) => {
        const [, y] = this.place({ rate, distortion: tick });
        return [shape("line", { class: "level", x1: left, x2: right, y1: y, y2: y }),
          text(left - 6, y + 4, writtenTick(tick, this.ticks.distortion), { class: "before" })];
      }),
      text((left + right) / 2, HEIGHT - 6, "rate R (nats)"),
      text(left, top - 12, "distortion D (nats)", { class: "after" }),
    ];
  }

  names() {
    return this.models.map((model) => {
      const [x, y] = this.place(model);
      return shape("text", { x: x + 9, y: y - 6, class: "after" }, model.name);
    });
  }

  /** The model whose dot is nearest to a place on the page. */
  nearest([x, y]) {
    const unit = this.root.clientWidth / WIDTH;
    const distances = this.models.map((model) => {
      const [across, down] = this.place(model);
      return Math.hypot(across * unit - x, down * unit - y);
    });
    return distances.indexOf(Math.min(...distances));
  }

  /** Shows one of the models: all that lies on its line has the same D + βR. */
  show(index) {
    const { beta, rate, distortion } = this.models[index];
    const ends = [this.ticks.rate[0], this.ticks.rate.at(-1)].map((end) =>
      this.place({ rate: end, distortion: distortion + beta * (rate - end) }));
    const [[x1, y1], [x2, y2]] = ends;
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) {
      this.line.setAttribute(name, value);
    }
    const under = [x2, Math.max(y2, EDGES.bottom), x1, EDGES.bottom];
    this.below.setAttribute("points", [...ends.flat(), ...under].join(" "));
    this.dots.forEach((dot, i) => dot.classList.toggle("current", i === index));
  }
}

/** What each latent dimension costs, on a scale that is the same for all models. */
class Bars {
  constructor(models) {
    this.most = Math.max(...models.flatMap(({ rates }) => rates));
    this.bars = models[0].rates.map((_, x) => shape("rect", { x: x + 0.1, width: 0.8 }));
    this.root = shape("svg", {
      viewBox: `0 0 ${this.bars.length} 1`, preserveAspectRatio: "none", class: "bars",
      role: "img", "data-role": "bars",
    }, ...this.bars);
  }

  /** Shows the rates of a model, and returns in words how many dimensions say anything. */
  show({ rates }) {
    rates.forEach((rate, i) => {
      this.bars[i].setAttribute("y", 1 - rate / this.most);
      this.bars[i].setAttribute("height", rate / this.most);
    });
    const silent = rates.filter((rate) => rate < LEAST).length;
    const words = `${silent} of ${rates.length} dimensions cost less than ${LEAST} nats.`;
    this.root.setAttribute("aria-label", `The rate of each latent dimension. ${words}`);
    return words;
  }
}

class RateDistortionPanel {
  constructor(el, { models, x, ticks }) {
    this.el = el;
    this.models = models.map((model) => {
      const rate = model.rates.reduce((sum, each) => sum + each, 0);
      return { ...model, rate, total: model.distortion + rate };
    });
    this.x = x;
    this.best = this.models.reduce((best, each) => (each.total < best.total ? each : best));
    this.plane = new Plane(this.models, ticks, (index) => this.choose(index));
    this.bars = new Bars(this.models);
    this.live = liveRegion();
    this.index = Math.max(0, models.findIndex(({ beta }) => beta === 1));
    el.append(this.controls());
    this.show();
  }

  controls() {
    const side = Math.sqrt(this.x[0].length);
    const row = (name, role) => this.x.map((_, i) =>
      digitCanvas(`${name} ${i + 1}`, { "data-role": role }, side));
    [this.images, this.restored] = [row("Image", "image"), row("Restored image", "restored")];
    this.slider = labeledRange("β", { min: 0, max: this.models.length - 1, step: 1,
      value: this.index }, (index) => this.models[index].name, (index) => this.choose(index),
    { "data-role": "stop" });
    this.numbers = numberList({ R: "Rate R", D: "Distortion D", sum: "D + R",
      weighted: "D + βR" });
    this.words = element("p", { class: "hint", "data-role": "words" });
    const named = (text, node) => element("div", {}, element("p", { class: "hint" }, text), node);
    const stills = (canvases) => element("div", { class: "stills" }, ...canvases);
    return group("One model at each β", { class: "sweep" },
      element("p", {}, "Move β, or point at a dot of the curve: each is a model with its own β."),
      this.slider.root,
      element("div", { class: "stage" }, element("div", { class: "frame" }, this.plane.root),
        element("div", { class: "outcome" },
          named("Images", stills(this.images)),
          named("What comes back from their codes", stills(this.restored)),
          named("The rate of each latent dimension", this.bars.root))),
      this.numbers.root, this.words, this.live.root);
  }

  /** Shows another model, if the reader has chosen another one. */
  choose(index) {
    if (index === this.index) return;
    this.index = index;
    this.slider.set(index);
    this.live.say(this.show());
    this.paint();
  }

  /** Shows the numbers of the model; returns what is to be read aloud. */
  show() {
    const { beta, name, rate, distortion, total } = this.models[this.index];
    const { values } = this.numbers;
    const numbers = { R: rate, D: distortion, sum: total, weighted: distortion + beta * rate };
    for (const role in numbers) values[role].textContent = inNats(numbers[role]);
    this.plane.show(this.index);
    const silence = this.bars.show(this.models[this.index]);
    const { name: best, total: least } = this.best;
    const more = best === name
      ? "the least of all"
      : `${inNats(total - least)} above that of ${betaIs(best)}`;
    const below = this.models.filter((each) =>
      each.distortion + beta * each.rate < numbers.weighted).length;
    this.words.textContent = `D + R (minus the ELBO) is ${more}. ${silence} The line has the ` +
      `slope −β; ${below} of ${this.models.length} models lie below it. On the left axis, at ` +
      "rate 0, it reads D + βR.";
    return `${betaIs(name)}: rate ${inNats(rate)}, distortion ${inNats(distortion)}. ` +
      `D + R is ${more}. ${silence}`;
  }

  paint() {
    if (!this.theme) return; // not on the page yet
    const { restored } = this.models[this.index];
    for (const [canvases, images] of [[this.images, this.x], [this.restored, restored]]) {
      canvases.forEach((canvas, i) =>
        paintDigit(canvas, images[i].map((gray) => gray / 255), this.theme));
    }
  }

  restyle() {
    this.theme = readTheme(this.el);
    this.paint();
  }
}

export function render({ model, el }) {
  markPanel(el);
  const panel = new RateDistortionPanel(el, model.get("data"));
  const restyle = () => panel.restyle();
  const ends = [onResize(panel.restored[0], restyle), onThemeChange(restyle)];
  return () => ends.forEach((end) => end());
}
