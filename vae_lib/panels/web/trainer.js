/** The trainer: a VAE with two latent dimensions learns digits, in a Web Worker. */

import { button, decimal, element, followSize, group, labeledRange, liveRegion } from "./parts.js";
import { markPanel, numberList, onThemeChange, prefersLessMotion, readTheme } from "./parts.js";
import { startWorker, whatIsMissing } from "./parts.js";
import { DIGIT, SIDE, drawChart, extended, paintManifold } from "./trainer_chart.js";

const RATES = [1, 2, 3, 5].flatMap((digit) => [1e-4, 1e-3, 1e-2].map((unit) => digit * unit));
const LEARNING_RATES = [...RATES, 0.1].sort((a, b) => a - b).map((rate) => Number(rate.toFixed(4)));
const START = { beta: 1, noisy: true, learning_rate: 1e-2 };
const NUMBERS = {
  iteration: "iteration",
  reconstruction: "reconstruction (nats)",
  kl: "KL (nats)",
};
const CAPTION =
  "Decoded from a grid of the prior. Tiles that stay full of ink are where no digit has its code.";
const WORDS =
  "With noise off and β at 0 it is an autoencoder: nothing draws its codes to the prior, and " +
  "the KL keeps growing. A larger β lowers the KL and blurs the images. A learning rate near " +
  "0.1 is too high.";

/** A number of nats; beyond what a loss should be, by its power of ten. */
function nats(value, places) {
  const notation = value < 1e6 ? "standard" : "scientific";
  const digits = { minimumFractionDigits: places, maximumFractionDigits: places };
  return value.toLocaleString("en", { notation, ...digits });
}

function pictures() {
  const side = SIDE * DIGIT;
  const manifold = {
    class: "manifold",
    width: side,
    height: side,
    "aria-label": `${SIDE} by ${SIDE} images decoded from a grid of the prior`,
  };
  const chart = {
    class: "chart",
    "aria-label": "Two curves against the iteration: reconstruction above, KL below, in nats",
  };
  const decoded = element("canvas", { role: "img", "data-role": "manifold", ...manifold });
  const caption = element("p", { class: "hint" }, CAPTION);
  return element(
    "div",
    { class: "pictures" },
    element("div", {}, decoded, caption),
    element("canvas", { role: "img", "data-role": "chart", ...chart }),
  );
}

/** The controls that may change while it trains; changed(settings) gets what is new. */
function settingsGroup(changed) {
  const beta = labeledRange(
    "β, the weight of the KL term",
    { min: 0, max: 8, step: 0.1, value: START.beta },
    (value) => decimal(value, 1),
    (value) => changed({ beta: value }),
    { "data-role": "beta" },
  );
  const rate = labeledRange(
    "learning rate",
    {
      min: 0,
      max: LEARNING_RATES.length - 1,
      step: 1,
      value: LEARNING_RATES.indexOf(START.learning_rate),
    },
    (index) => String(LEARNING_RATES[index]),
    (index) => changed({ learning_rate: LEARNING_RATES[index] }),
    { "data-role": "rate" },
  );
  const noise = element("input", { type: "checkbox", checked: "", "data-role": "noise" });
  noise.addEventListener("change", () => changed({ noisy: noise.checked }));
  const check = element("label", { class: "check" }, noise, "noise on z");
  const words = element("p", { class: "hint" }, WORDS);
  const controls = element("div", { class: "settings" }, beta.root, rate.root, check);
  return group("Settings, also while it trains", {}, controls, words);
}

/** All that the reader sees; `actions` are what the buttons and settings do. */
function trainerView(el, actions) {
  const play = button("Play", actions.toggle, { class: "main", "data-role": "play" });
  const step = button("Step", actions.step, { "data-role": "step" });
  const reset = button("Reset", actions.reset, { "data-role": "reset" });
  const buttons = [play, step, reset];
  const region = liveRegion();
  // What is seen changes at once; what is read aloud waits until nothing more comes.
  const start = "Not trained yet. Play trains on, Step takes one minibatch.";
  const status = element("p", { class: "status", "data-role": "status", "aria-hidden": "true" }, start);
  region.root.textContent = start;
  const say = (sentence) => {
    status.textContent = sentence;
    region.say(sentence);
  };
  const training = group(
    "Training",
    {},
    element("div", { class: "bar" }, ...buttons),
    status,
    region.root,
    numberList(NUMBERS).root,
    pictures(),
  );
  const root = element("div", { class: "trainer" }, training, settingsGroup(actions.change));
  el.append(root);
  for (const each of buttons) each.disabled = true; // until the digits are unpacked
  const find = (role) => root.querySelector(`[data-role="${role}"]`);
  return { find, play, buttons, say };
}

/** What is said when training does not just go on; `where` is the iteration with both terms. */
const SENTENCES = {
  paused: (where) => `Paused at ${where}.`,
  hidden: (where) => `Paused, because the panel went out of view, at ${where}.`,
  step: (where) => `Stepped to ${where}.`,
  reset: () => "Back at the start: the same first weights, digits and noise.",
  lost: () =>
    "Stopped: the loss is no longer a finite number, because the learning rate is too high. " +
    "Lower it and press Reset, which starts again.",
};

function inWords({ iteration, reconstruction, kl }) {
  if (!iteration) return "iteration 0";
  const terms = `reconstruction ${nats(reconstruction, 1)} nats, KL ${nats(kl, 2)} nats`;
  return `iteration ${iteration.toLocaleString("en")}: ${terms}`;
}

/** Calls back when nothing of the panel is on the screen. Returns a function that ends this. */
function onLeavingView(el, callback) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting) callback();
  });
  const hidden = () => document.hidden && callback();
  observer.observe(el);
  document.addEventListener("visibilitychange", hidden);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", hidden);
  };
}

/** The panel and its worker: sends what the reader wants, shows what the worker reports. */
class TrainerPanel {
  constructor(el, task) {
    this.el = el;
    this.points = [];
    this.settings = { ...START, report_ms: prefersLessMotion() ? 1000 : 250 };
    this.view = trainerView(el, {
      toggle: () => (this.playing ? this.pause("paused") : this.play()),
      step: () => this.stopFor("step"),
      reset: () => this.stopFor("reset"),
      change: (changed) => this.change(changed),
    });
    this.worker = startWorker();
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.postMessage({ type: "start", task, settings: this.settings });
    const restyle = () => this.restyle();
    this.endings = [
      followSize(this.view.find("chart"), restyle),
      onThemeChange(restyle),
      onLeavingView(el, () => this.playing && this.pause("hidden")),
    ];
  }

  show(playing) {
    this.playing = playing;
    this.view.play.textContent = playing ? "Pause" : "Play";
  }

  play() {
    this.show(true);
    this.view.say("");
    this.worker.postMessage({ type: "play" });
  }

  pause(reason) {
    this.reason = reason;
    this.stopFor("pause");
  }

  stopFor(type) {
    this.show(false);
    this.worker.postMessage({ type });
  }

  change(changed) {
    Object.assign(this.settings, changed);
    this.worker.postMessage({ type: "settings", settings: this.settings });
  }

  receive({ type, manifold, ...point }) {
    if (type === "ready") for (const each of this.view.buttons) each.disabled = false;
    if (type === "reset") this.points = [];
    if (point.count) this.points = extended(this.points, point, type);
    if (type === "lost") this.show(false);
    this.manifold = manifold;
    this.redraw();
    const sentence = SENTENCES[type === "paused" ? this.reason : type];
    // A report that was under way when the reader pressed Play is about what is over.
    if (sentence && !this.playing) this.view.say(sentence(inWords(this.latest)));
  }

  get latest() {
    return this.points.at(-1) ?? { iteration: 0 };
  }

  restyle() {
    this.theme = readTheme(this.el);
    this.redraw();
  }

  redraw() {
    const { iteration, reconstruction, kl } = this.latest;
    const { find } = this.view;
    find("iteration").textContent = iteration.toLocaleString("en");
    find("reconstruction").textContent = iteration ? nats(reconstruction, 1) : "–";
    find("kl").textContent = iteration ? nats(kl, 2) : "–";
    if (!this.theme) return; // not on the page yet
    if (this.manifold) paintManifold(find("manifold"), this.manifold, this.theme);
    drawChart(find("chart"), this.points, this.theme);
  }

  end() {
    this.worker.terminate();
    for (const end of this.endings) end();
  }
}

/** anywidget's entry: data is { digits, count, h_dim, batch_size }, see the worker. */
export function render({ model, el }) {
  markPanel(el);
  const missing = whatIsMissing("Training", ["Worker", "DecompressionStream"]);
  if (missing) {
    el.append(missing);
    return () => {};
  }
  const panel = new TrainerPanel(el, model.get("data"));
  return () => panel.end();
}
