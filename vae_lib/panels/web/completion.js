// What may stand where pixels are hidden (equation 11.2): draws of z, weighed by how well they
// explain the pixels that are seen. In the names of `vae_lib.uses`, for one image of coins.

import { adam, adam_state, coin_nats, decode_logits, dense, elu, elu_gradient } from "./vae.js";
import { encode, normal, pixel_mean, random, transposed } from "./vae.js";

const GUESSES = 4; // of z, in a step of fit_to_seen
const FITTING = 0.1; // its learning rate, which falls to a tenth
const STEPS = 100;
const WIDER = 1.25; // than the fitted Gaussian is what is drawn from: its tails are too thin
const COUNT = 500; // draws to be weighed

/** The layer with those of its outputs alone that a mask (outputs,) marks. */
function some_outputs({ inputs, outputs, weights, bias }, mask) {
  const columns = [...mask.keys()].filter((j) => mask[j]);
  const kept = new Float32Array(inputs * columns.length);
  for (let i = 0; i < inputs; i++) {
    columns.forEach((j, k) => (kept[i * columns.length + k] = weights[i * outputs + j]));
  }
  const of_columns = Float32Array.from(columns, (j) => bias[j]);
  return { inputs, outputs: columns.length, weights: kept, bias: of_columns };
}

/**
 * The Gaussian { mean, log_var }, (z_dim,) each, with the best bound of the seen pixels: Adam from
 * the prior on. x and seen (x_dim,); noise() is a draw of N(0, 1).
 */
export function fit_to_seen({ sizes: { z_dim }, decoder }, x, seen, steps, noise) {
  const logits = some_outputs(decoder.logits, seen);
  const [back_hidden, back_logits] = [transposed(decoder.hidden), transposed(logits)];
  const x_seen = x.filter((_, i) => seen[i]);
  const code = new Float32Array(2 * z_dim);
  const [mean, log_var] = [code.subarray(0, z_dim), code.subarray(z_dim)];
  const state = adam_state(code.length);
  for (let step = 1; step <= steps; step++) {
    const eps = Float32Array.from({ length: GUESSES * z_dim }, noise); // (guesses, z_dim)
    const h = elu(dense(decoder.hidden, reparameterize(mean, log_var, eps)));
    const off = pixel_mean(dense(logits, h)).map((each, i) => each - x_seen[i % x_seen.length]);
    const d_z = dense(back_hidden, elu_gradient(h, dense(back_logits, off)));
    const gradient = new Float32Array(code.length);
    for (let j = 0; j < z_dim; j++) {
      gradient[j] = mean[j];
      gradient[z_dim + j] = 0.5 * (Math.exp(log_var[j]) - 1);
    }
    d_z.forEach((each, i) => {
      const j = i % z_dim;
      gradient[j] += each / GUESSES;
      gradient[z_dim + j] += (each * eps[i] * Math.exp(log_var[j] / 2)) / (2 * GUESSES);
    });
    adam(code, gradient, state, FITTING * (1 - (0.9 * step) / steps), 0.99);
  }
  return { mean, log_var };
}

/** Draws of z (n, z_dim) from eps (n, z_dim). */
function reparameterize(mean, log_var, eps) {
  const std = log_var.map((each) => Math.exp(each / 2));
  return eps.map((each, i) => mean[i % mean.length] + std[i % mean.length] * each);
}

/**
 * Draws of the Gaussian `code`, from eps (n, z_dim): z; log_weight, log p(z, seen pixels) - log
 * r(z), and log_hidden, log p(hidden pixels|z), in nats, (n,) each; pixels (n, x_dim), their means.
 */
export function draw_completions(network, x, seen, { mean, log_var }, eps) {
  const { x_dim, z_dim } = network.sizes;
  const z = reparameterize(mean, log_var, eps);
  const logits = decode_logits(network, z);
  const [log_weight, log_hidden] = [0, 0].map(() => new Float64Array(eps.length / z_dim));
  eps.forEach((each, i) => {
    log_weight[Math.floor(i / z_dim)] += 0.5 * (each ** 2 + log_var[i % z_dim] - z[i] ** 2);
  });
  for (let row = 0; row < log_weight.length; row++) {
    for (let i = 0; i < x_dim; i++) {
      (seen[i] ? log_weight : log_hidden)[row] -= coin_nats(x[i], logits[row * x_dim + i]);
    }
  }
  return { z, log_weight, log_hidden, pixels: pixel_mean(logits) };
}

/** The log of a sum of exponentials. */
function log_sum(values) {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((sum, each) => sum + Math.exp(each - top), 0));
}

/** Log-weights to weights that sum up to 1, (n,). */
export function normalized(log_weight) {
  const log_total = log_sum(log_weight);
  return log_weight.map((each) => Math.exp(each - log_total));
}

/** How many draws carry the weight: 1 / the sum of squares, from 1 to n. */
export function effective_number(weights) {
  return 1 / weights.reduce((sum, each) => sum + each ** 2, 0);
}

/** The index of a draw, by weights that sum up to 1. */
export function picked(weights, uniform) {
  let left = uniform();
  const index = weights.findIndex((each) => (left -= each) < 0);
  return index < 0 ? weights.length - 1 : index; // rounding may leave a little
}

/** By how much the pixels' means differ between draws: their standard deviation, (x_dim,). */
export function spread(weights, pixels) {
  const x_dim = pixels.length / weights.length;
  const [mean, square] = [0, 0].map(() => new Float64Array(x_dim));
  pixels.forEach((each, i) => {
    const weight = weights[Math.floor(i / x_dim)];
    mean[i % x_dim] += weight * each;
    square[i % x_dim] += weight * each ** 2;
  });
  return mean.map((each, i) => Math.sqrt(Math.max(0, square[i] - each ** 2)));
}

/** In how many pixels under a mask two images of a list differ, where above ½ is ink, on average. */
export function pixels_apart(images, mask) {
  let sum = 0;
  mask.forEach((is_one, i) => {
    const inked = images.filter((image) => image[i] > 0.5).length;
    if (is_one) sum += inked * (images.length - inked); // pairs that differ there
  });
  return sum / ((images.length * (images.length - 1)) / 2);
}

/** What the draws come from. */
const PROPOSALS = {
  fitted: (network, x, seen) => {
    const uniform = random(0);
    const { mean, log_var } = fit_to_seen(network, x, seen, STEPS, () => normal(uniform));
    return { mean, log_var: log_var.map((each) => each + 2 * Math.log(WIDER)) };
  },
  encoder: (network, x, seen) => encode(network, x.map((each, i) => each * seen[i])),
  prior: ({ sizes: { z_dim } }) => ({
    mean: new Float32Array(z_dim),
    log_var: new Float32Array(z_dim),
  }),
};

/** Complete x (x_dim,) where it is not seen, by so many picks of draws from the proposal `from`. */
export function complete(network, { x, seen, from, seed, picks }) {
  const uniform = random(seed);
  const { x_dim, z_dim } = network.sizes;
  const eps = Float32Array.from({ length: COUNT * z_dim }, () => normal(uniform));
  const code = PROPOSALS[from](network, x, seen);
  const { log_weight, log_hidden, pixels } = draw_completions(network, x, seen, code, eps);
  const weights = normalized(log_weight);
  const images = Array.from({ length: picks }, () => {
    const first = x_dim * picked(weights, uniform);
    return pixels.slice(first, first + x_dim);
  });
  const both = log_weight.map((each, i) => each + log_hidden[i]);
  return {
    images,
    spread: spread(weights, pixels),
    count: COUNT,
    effective: effective_number(weights),
    apart: pixels_apart(images, seen.map((each) => 1 - each)),
    hidden_nats: log_sum(log_weight) - log_sum(both), // -log p(hidden pixels|seen pixels)
  };
}
