// The trainer's worker: trains in slices, between which it reads its messages, and reports at
// most four times a second. A page starts it from a Blob, so it works from a file, too.
import { adam, adam_state, bytes, decode_logits, gradients } from "./vae.js";
import { new_network, normal, pixel_mean, prior_grid, random } from "./vae.js";

const X_DIM = 784;
const Z_DIM = 2;
const SLICE_MS = 80; // a click waits for the end of a slice
const GRID = prior_grid(12, 0.9).flat(); // the latent vectors of the manifold
const SEEDS = { weights: 0, order: 1, noise: 2 }; // the same start after every reset

let task; // { digits, count, h_dim, batch_size }: what came with the page
let settings; // { beta, noisy, learning_rate, report_ms }
let run; // the network and all that changes as it trains
let playing = false;
let next_slice; // the timer that starts it
let last_report = 0;

/** Base64 of compressed pixels to bytes, (count * x_dim,), 0 paper and 255 ink. */
async function inflate(text) {
  const packed = new Blob([bytes(text)]).stream();
  const pixels = packed.pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(pixels).arrayBuffer());
}

function new_run() {
  const sizes = { x_dim: X_DIM, h_dim: task.h_dim, z_dim: Z_DIM };
  const network = new_network(SEEDS.weights, sizes);
  return {
    network,
    state: adam_state(network.theta.length),
    order: Uint32Array.from({ length: task.count }, (_, i) => i),
    next: task.count, // place in the order; at its end, the next pass begins
    order_uniform: random(SEEDS.order),
    noise_uniform: random(SEEDS.noise),
    iteration: 0,
    since_report: { count: 0, reconstruction: 0, kl: 0 },
  };
}

/** Put the digits in a new order: Fisher and Yates. */
function shuffle(order, uniform) {
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
}

/** The next digits of this pass, (batch_size * x_dim,), in [0, 1]. */
function next_minibatch() {
  if (run.next + task.batch_size > task.count) {
    shuffle(run.order, run.order_uniform);
    run.next = 0;
  }
  const x = new Float32Array(task.batch_size * X_DIM);
  for (let row = 0; row < task.batch_size; row++) {
    const from = run.order[run.next++] * X_DIM;
    for (let i = 0; i < X_DIM; i++) x[row * X_DIM + i] = task.digits[from + i] / 255;
  }
  return x;
}

/** One minibatch. False if the loss is not finite: the weights stay; order and noise went on. */
function iterate() {
  const x = next_minibatch();
  const eps = Float32Array.from({ length: task.batch_size * Z_DIM }, () =>
    normal(run.noise_uniform),
  );
  const step = gradients(run.network, x, eps, settings.beta, settings.noisy);
  if (!Number.isFinite(step.reconstruction + step.kl)) return false;
  adam(run.network.theta, step.theta, run.state, settings.learning_rate);
  run.iteration += 1;
  run.since_report.count += 1;
  run.since_report.reconstruction += step.reconstruction;
  run.since_report.kl += step.kl;
  return true;
}

/** Tell the page where the run is: averages since the last report, and the manifold's pixels. */
function report(type) {
  const { count, reconstruction, kl } = run.since_report;
  const manifold = Uint8Array.from(
    pixel_mean(decode_logits(run.network, GRID)),
    (mean) => Math.round(255 * mean),
  );
  const message = { type, iteration: run.iteration, count, manifold };
  if (count) Object.assign(message, { reconstruction: reconstruction / count, kl: kl / count });
  postMessage(message, [manifold.buffer]);
  run.since_report = { count: 0, reconstruction: 0, kl: 0 };
  last_report = performance.now();
}

function stop() {
  playing = false;
  clearTimeout(next_slice);
}

function train_a_while() {
  const end = performance.now() + SLICE_MS;
  do {
    if (!iterate()) {
      stop();
      return report("lost");
    }
  } while (performance.now() < end);
  if (performance.now() - last_report > settings.report_ms) report("training");
  next_slice = setTimeout(train_a_while, 0);
}

const actions = {
  async start(message) {
    settings = message.settings;
    task = { ...message.task, digits: await inflate(message.task.digits) };
    run = new_run();
    report("ready");
  },
  settings(message) {
    settings = message.settings;
  },
  play() {
    if (playing) return;
    playing = true;
    train_a_while();
  },
  pause() {
    stop();
    report("paused");
  },
  step() {
    stop();
    report(iterate() ? "step" : "lost");
  },
  reset() {
    stop();
    run = new_run();
    report("reset");
  },
};

self.onmessage = ({ data }) => actions[data.type](data);
