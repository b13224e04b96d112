/** "Draw a digit": a drawing in MNIST's form, and what the encoder and the decoder make of it. */

import { button, decimal, digitCanvas, digitChoice, element, group } from "./parts.js";
import { numberList, paintDigit, written } from "./parts.js";
import { DrawingPad } from "./pad.js";
import { decode_logits, encode, kl_divergence, normal, pixel_mean } from "./vae.js";
import { random, reconstruction } from "./vae.js";

const SAMPLES = 6;

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
    this.choice = digitChoice([...samples.keys()].map((label) => [label, label]),
      (label) => this.take(samples.get(label)));
    const clear = button("Clear", () => this.pad.clear(), { "data-role": "clear" });
    return element("div", { class: "bar" }, clear, this.choice.root);
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
    if (!this.pad.exact) this.choice.select.value = "";
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
