/** What the trainer shows of a run: its two losses as curves, and the decoded grid of the prior. */

export const SIDE = 12; // digits along a side of the manifold
export const DIGIT = 28; // pixels along a side of a digit
const MOST_POINTS = 400; // of a curve; beyond it, neighbors are averaged
const FEW = 8; // minibatches, whose average is still rough
const [LEFT, RIGHT, LABEL, GAP, BELOW] = [46, 6, 24, 12, 40]; // the chart's margins in CSS pixels
const PLOTS = [
  { name: "reconstruction", label: "reconstruction (nats)", color: "accent", dash: [] },
  { name: "kl", label: "KL (nats)", color: "ink", dash: [6, 3] },
];

const largest = (values) => values.reduce((most, each) => Math.max(most, each), 0);

/** The average of two points of a curve that follow each other. */
function merged(first, second) {
  const count = first.count + second.count;
  const mean = (name) => (first.count * first[name] + second.count * second[name]) / count;
  const { iteration } = second;
  return { iteration, count, reconstruction: mean("reconstruction"), kl: mean("kl") };
}

/**
 * The curve with one more point { iteration, count, reconstruction, kl }, never too long. Unless
 * it is a step's, it may join the one before it: when that averages few minibatches, or when this
 * does, as training paused.
 */
export function extended(points, point, type) {
  const before = points.at(-1);
  const joins = before && type !== "step" && (type === "paused" || before.count < FEW);
  if (joins) return [...points.slice(0, -1), merged(before, point)];
  const longer = [...points, point];
  if (longer.length < MOST_POINTS) return longer;
  const last = longer.splice(longer.length & ~1); // without a neighbor, if the length is odd
  const pairs = longer.filter((_, k) => k % 2 === 0);
  return [...pairs.map((first, k) => merged(first, longer[2 * k + 1])), ...last];
}

/** An axis from 0 to the first of 1, 2, 4, 6, 8, 10, times a power of ten, not below `most`. */
function linearAxis(most) {
  const unit = 10 ** Math.floor(Math.log10(most));
  const end = unit * [1, 2, 4, 6, 8, 10].find((each) => each * unit >= most);
  return { ticks: [0, end / 2, end], place: (value) => value / end };
}

/** The axis of the reconstruction, logarithmic: what is gained late is small. */
function reconstructionAxis(most) {
  const end = [200, 300, 500, 1000].find((each) => each >= most) ?? 10_000;
  const ticks = end > 1000 ? [100, 1000, end] : [100, 150, 200, 300, 500, 1000];
  const place = (value) => Math.log(value / 100) / Math.log(end / 100);
  return { ticks: ticks.filter((each) => each <= end), place };
}

/**
 * The axes of the iterations and of both losses. What came in the first twentieth of the run, or
 * is out of all proportion, may leave the plot: the rest is seen the better.
 */
function axesFor(points) {
  const last = points.at(-1)?.iteration ?? 0;
  const later = points.filter((point) => point.iteration > last / 20);
  const most = (name) => largest(later.map((point) => point[name]));
  return {
    iteration: linearAxis(Math.max(200, last)),
    reconstruction: reconstructionAxis(most("reconstruction")),
    kl: linearAxis(Math.min(10_000, Math.max(8, most("kl")))),
  };
}

/** Where the two plots lie on the canvas, in CSS pixels. */
function frames(canvas) {
  const height = (canvas.clientHeight - 2 * LABEL - GAP - BELOW) / 2;
  const width = canvas.clientWidth - LEFT - RIGHT;
  const top = [LABEL, 2 * LABEL + GAP + height];
  const across = (part) => LEFT + width * part;
  return top.map((y) => ({ width, height, across, up: (part) => y + height * (1 - part) }));
}

/** Lines across at an axis's ticks. */
function drawLevels(context, frame, axis, theme) {
  context.textAlign = "right";
  for (const tick of axis.ticks) {
    const y = frame.up(axis.place(tick));
    context.fillStyle = theme.line;
    context.fillRect(LEFT, Math.round(y), frame.width, 1);
    context.fillStyle = theme.muted;
    context.fillText(tick.toLocaleString("en"), LEFT - 6, y);
  }
}

function drawIterations(context, frame, axis, theme) {
  const y = frame.up(0) + 14;
  context.fillStyle = theme.muted;
  for (const [k, tick] of axis.ticks.entries()) {
    context.textAlign = ["left", "center", "right"][k];
    context.fillText(tick.toLocaleString("en"), frame.across(axis.place(tick)), y);
  }
  context.textAlign = "center";
  context.fillText("iteration", frame.across(0.5), y + 17);
}

/** A curve with its name above it, and a dot where it is now. */
function drawCurve(context, frame, plot, places, color) {
  context.fillStyle = context.strokeStyle = color;
  context.textAlign = "left";
  context.fillText(plot.label, LEFT, frame.up(1) - 14);
  if (places.length === 0) return;
  context.save();
  context.beginPath();
  context.rect(LEFT, frame.up(1) - 4, frame.width + RIGHT, frame.height + 8);
  context.clip();
  context.setLineDash(plot.dash);
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x, y);
  context.stroke();
  context.beginPath();
  context.arc(...places.at(-1), 3, 0, 2 * Math.PI);
  context.fill();
  context.restore();
}

/** Draw both terms of the loss against the iteration; points as for `extended`. */
export function drawChart(canvas, points, theme) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  context.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  Object.assign(context, { textBaseline: "middle", lineWidth: 2, lineJoin: "round" });
  const axes = axesFor(points);
  const [upper, lower] = frames(canvas);
  for (const [frame, plot] of [[upper, PLOTS[0]], [lower, PLOTS[1]]]) {
    drawLevels(context, frame, axes[plot.name], theme);
    const places = points.map((point) => [
      frame.across(axes.iteration.place(point.iteration)),
      frame.up(axes[plot.name].place(point[plot.name])),
    ]);
    drawCurve(context, frame, plot, places, theme[plot.color]);
  }
  drawIterations(context, lower, axes.iteration, theme);
}

/** Paint (12 * 12 * 784) levels, 0 paper and 255 ink, in the colors of the theme. */
export function paintManifold(canvas, levels, theme) {
  const context = canvas.getContext("2d");
  const side = SIDE * DIGIT;
  const image = context.createImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < levels.length; i++) {
    const [tile, pixel] = [Math.floor(i / DIGIT ** 2), i % DIGIT ** 2];
    const y = Math.floor(tile / SIDE) * DIGIT + Math.floor(pixel / DIGIT);
    pixels[y * side + (tile % SIDE) * DIGIT + (pixel % DIGIT)] = theme.ramp[levels[i]];
  }
  context.putImageData(image, 0, 0);
}
