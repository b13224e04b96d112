/** The map of the latent space: the pad of the explorer. */

import { decimal, element, onDrag } from "./parts.js";

const MASSES = [0.5, 0.9, 0.99]; // of the prior, inside the circles on the map
// One color for each class, at least 4.5:1 against the page.
const ON_LIGHT = ["#0072b2", "#b34700", "#00795a", "#a3317f", "#806200",
  "#6b4fc8", "#c0172d", "#00707f", "#595959", "#7a3b10"];
const ON_DARK = ["#6cb8f0", "#ff9a5c", "#4ccb9c", "#f08ccb", "#e3be4a",
  "#b3a0ff", "#ff8a8a", "#4fd0dd", "#c4c4c4", "#d9b08c"];

/** The pad: prior, codes of test digits, the walk, the code of the drawing, and z. */
export class LatentMap {
  /** limit: of the square that is shown; labels (n,), classes: which there are; onMove(z) while a
   * reader drags. */
  constructor(limit, { labels, classes }, onMove) {
    Object.assign(this, { limit, labels, classes });
    this.canvas = element("canvas", {
      class: "map", role: "img", "data-role": "pad",
      "aria-label": `Map of the latent space from −${limit} to ${limit}, with ${labels.length} ` +
        "test digits where the encoder puts them. The sliders z₁ and z₂ move the point on it.",
    });
    this.ground = element("canvas"); // all that stays while z moves
    onDrag(this.canvas, ([x, y]) => onMove([x / this.unit - limit, limit - y / this.unit]));
  }

  get unit() {
    return this.canvas.clientWidth / (2 * this.limit); // CSS pixels
  }

  pixel([z1, z2]) {
    return [(this.limit + z1) * this.unit, (this.limit - z2) * this.unit];
  }

  /** Paints what stays while z moves; codes (2n,). */
  paintGround(codes, theme) {
    const context = this.ground.getContext("2d");
    [this.ground.width, this.ground.height] = [this.canvas.width, this.canvas.height];
    context.setTransform(this.canvas.getContext("2d").getTransform());
    this.paintAxes(context, theme);
    context.font = "600 9px system-ui, sans-serif";
    const colors = theme.dark ? ON_DARK : ON_LIGHT;
    this.labels.forEach((label, i) => {
      context.fillStyle = colors[this.classes.indexOf(label)];
      context.fillText(label, ...this.pixel([codes[2 * i], codes[2 * i + 1]]));
    });
    this.paintPrior(context, theme);
  }

  paintAxes(context, theme) {
    const [middle, end] = [this.limit * this.unit, 2 * this.limit * this.unit];
    Object.assign(context, { textAlign: "center", textBaseline: "middle" });
    Object.assign(context, { strokeStyle: theme.line, lineWidth: 1, fillStyle: theme.muted });
    context.strokeRect(middle, -1, end, middle + 1);
    context.strokeRect(-1, middle, middle + 1, end);
    context.font = "11px system-ui, sans-serif";
    for (let tick = 2 - this.limit; tick < this.limit; tick += 2) {
      const [x, y] = this.pixel([tick, tick]);
      context.fillText(decimal(tick, 0), x, end - 9);
      context.fillText(decimal(tick, 0), 11, y);
    }
    context.fillText("z₁", end - 12, end - 9);
    context.fillText("z₂", 11, 10);
  }

  paintPrior(context, theme) {
    Object.assign(context, { strokeStyle: theme.muted, globalAlpha: 0.6 });
    for (const mass of MASSES) {
      const radius = Math.sqrt(-2 * Math.log(1 - mass));
      this.ellipse(context, [0, 0], [radius, radius]);
    }
    context.globalAlpha = 1;
  }

  ellipse(context, center, radii) {
    context.beginPath();
    const [across, up] = radii.map((radius) => radius * this.unit);
    context.ellipse(...this.pixel(center), across, up, 0, 0, 2 * Math.PI);
    context.stroke();
  }

  /** Paints everything; pins { A, B }; code { mean, log_var } or null. */
  paint(z, pins, code, theme) {
    const context = this.canvas.getContext("2d");
    const side = this.canvas.clientWidth;
    context.clearRect(0, 0, side, side);
    context.drawImage(this.ground, 0, 0, side, side);
    this.paintCross(context, z, theme);
    this.paintWalk(context, pins, theme);
    this.paintRing(context, z, theme);
    if (code) this.paintCode(context, code, theme);
  }

  paintWalk(context, { A, B }, theme) {
    Object.assign(context, { strokeStyle: theme.ink, lineWidth: 1.5 });
    context.font = "700 12px system-ui, sans-serif";
    Object.assign(context, { textAlign: "center", textBaseline: "middle" });
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(...this.pixel(A));
    context.lineTo(...this.pixel(B));
    context.stroke();
    context.setLineDash([]);
    for (const [name, pin] of [["A", A], ["B", B]]) {
      this.dot(context, pin, 10, theme.ink, theme.paper);
      context.fillStyle = theme.paper;
      context.fillText(name, ...this.pixel(pin));
    }
  }

  paintCode(context, { mean, log_var }, theme) {
    Object.assign(context, { strokeStyle: theme.ink, fillStyle: theme.accent, lineWidth: 1.5 });
    for (const times of [1, 2]) {
      this.ellipse(context, [...mean], [...log_var].map((each) => times * Math.exp(each / 2)));
      context.globalAlpha = 0.15;
      context.fill();
      context.globalAlpha = 1;
    }
  }

  /** Two thin lines that cross at z. */
  paintCross(context, z, theme) {
    const [[x, y], side] = [this.pixel(z), this.canvas.clientWidth];
    Object.assign(context, { strokeStyle: theme.accent, lineWidth: 1 });
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(side, y);
    context.moveTo(x, 0);
    context.lineTo(x, side);
    context.stroke();
  }

  /** A ring around z: a narrow ellipse is seen inside. */
  paintRing(context, z, theme) {
    context.beginPath();
    context.arc(...this.pixel(z), 10, 0, 2 * Math.PI);
    for (const [color, width] of [[theme.paper, 5], [theme.accent, 3]]) {
      Object.assign(context, { strokeStyle: color, lineWidth: width });
      context.stroke();
    }
  }

  dot(context, z, radius, fill, edge) {
    Object.assign(context, { fillStyle: fill, strokeStyle: edge, lineWidth: 2 });
    context.beginPath();
    context.arc(...this.pixel(z), radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}
