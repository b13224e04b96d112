// The variational autoencoder of `vae_lib`, in plain JavaScript: the same layers, the same
// loss, the same gradients (chapters 2 to 6). No page, no canvas: a worker can run it, too.
// Numbers are held in single precision, as in TensorFlow. Losses are in nats.
//
// Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, appendices B and C.

// A layer's weights are held row by row, `inputs` rows of `outputs` numbers, then its biases;
// the layers follow each other as in Keras's get_weights().
function layer_sizes({ x_dim, h_dim, z_dim }) {
  return [[x_dim, h_dim], [h_dim, z_dim], [h_dim, z_dim], [z_dim, h_dim], [h_dim, x_dim]];
}

function number_of_weights(sizes) {
  return layer_sizes(sizes).reduce((sum, [inputs, outputs]) => sum + (inputs + 1) * outputs, 0);
}

/** A network whose layers are views into `theta`, the one array of all weights. */
export function shaped(theta, sizes) {
  let start = 0;
  const take = (length) => theta.subarray(start, (start += length));
  const layers = layer_sizes(sizes).map(([inputs, outputs]) => ({
    inputs,
    outputs,
    weights: take(inputs * outputs),
    bias: take(outputs),
  }));
  const [hidden, mean, log_var, decoder_hidden, logits] = layers;
  const encoder = { hidden, mean, log_var };
  const decoder = { hidden: decoder_hidden, logits };
  return { sizes, theta, layers, encoder, decoder };
}

/** An untrained network: weights drawn from N(0, 2 / inputs), biases 0. */
export function new_network(seed, sizes = { x_dim: 784, h_dim: 128, z_dim: 2 }) {
  const network = shaped(new Float32Array(number_of_weights(sizes)), sizes);
  const uniform = random(seed);
  for (const { inputs, weights } of network.layers) {
    for (let i = 0; i < weights.length; i++) weights[i] = Math.sqrt(2 / inputs) * normal(uniform);
  }
  return network;
}

// Numbers that came with the page ----------------------------------------------------------

/** Base64 to bytes. */
export function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Base64 of little-endian single precision to numbers. */
export function floats(text) {
  return new Float32Array(bytes(text).buffer);
}

/** A network out of whole numbers from -127 to 127 and one scale for each output of a layer. */
export function unpack({ sizes, weights, scales, biases }) {
  const network = shaped(new Float32Array(number_of_weights(sizes)), sizes);
  const integers = new Int8Array(bytes(weights).buffer);
  const [scale, bias] = [floats(scales), floats(biases)];
  let [first, unit] = [0, 0];
  for (const layer of network.layers) {
    for (let i = 0; i < layer.weights.length; i++) {
      layer.weights[i] = integers[first + i] * scale[unit + (i % layer.outputs)];
    }
    layer.bias.set(bias.subarray(unit, unit + layer.outputs));
    first += layer.weights.length;
    unit += layer.outputs;
  }
  return network;
}

// Layers, for a batch of n rows --------------------------------------------------------------

/** Add value b[k] to out[i], rows of so many columns. */
function add_row(out, i, value, b, k, columns) {
  if (value === 0) return; // as most pixels are
  const [to, from] = [i * columns, k * columns];
  for (let j = 0; j < columns; j++) out[to + j] += value * b[from + j];
}

/** Add p0 b[k] + ... + p3 b[k + 3] to out[i], and with q0 to q3 to out[i + 1]; block: p, then q. */
function add_rows(out, i, block, b, k, columns) {
  const [p0, p1, p2, p3, q0, q1, q2, q3] = block;
  const [to, next] = [i * columns, (i + 1) * columns];
  const from0 = k * columns;
  const from1 = from0 + columns;
  const from2 = from1 + columns;
  const from3 = from2 + columns;
  for (let j = 0; j < columns; j++) {
    const b0 = b[from0 + j];
    const b1 = b[from1 + j];
    const b2 = b[from2 + j];
    const b3 = b[from3 + j];
    out[to + j] += p0 * b0 + p1 * b1 + p2 * b2 + p3 * b3;
    out[next + j] += q0 * b0 + q1 * b1 + q2 * b2 + q3 * b3;
  }
}

/**
 * Add the product of a (rows, inner) and b (inner, columns) to out (rows, columns). a[i, k] is
 * at i * down + k * across, so that it can be transposed. Nearly all of training's time goes
 * here: blocks of 2 by 4 numbers of a take less than half of it, as b and out are read less.
 */
function add_product(out, a, [down, across], b, rows, inner, columns) {
  const [pairs, fours] = [rows - (rows % 2), inner - (inner % 4)];
  const block = new Float64Array(8); // 4 numbers of row i, 4 of row i + 1
  for (let i = 0; i < pairs; i += 2) {
    for (let k = 0; k < fours; k += 4) {
      for (let n = 0; n < 4; n++) {
        block[n] = a[i * down + (k + n) * across];
        block[n + 4] = a[(i + 1) * down + (k + n) * across];
      }
      if (block.some((each) => each !== 0)) add_rows(out, i, block, b, k, columns);
    }
  }
  for (let i = 0; i < rows; i++) {
    const start = i < pairs ? fours : 0; // what no block held
    for (let k = start; k < inner; k++) add_row(out, i, a[i * down + k * across], b, k, columns);
  }
}

/** x (n, inputs) to x W + b, (n, outputs). */
export function dense({ inputs, outputs, weights, bias }, x) {
  const n = x.length / inputs;
  const out = new Float32Array(n * outputs);
  for (let row = 0; row < n; row++) out.set(bias, row * outputs);
  add_product(out, x, [inputs, 1], weights, n, inputs, outputs);
  return out;
}

/** Add to a layer's gradient what x (n, inputs) and d loss / d output (n, outputs) make of it. */
function add_gradient({ inputs, outputs, weights, bias }, x, d_out) {
  for (let from = 0; from < d_out.length; from += outputs) {
    for (let j = 0; j < outputs; j++) bias[j] += d_out[from + j];
  }
  add_product(weights, x, [1, inputs], d_out, inputs, x.length / inputs, outputs);
}

/** A layer that goes back: from d loss / d output to d loss / d input. */
export function transposed({ inputs, outputs, weights }) {
  const back = new Float32Array(inputs * outputs); // (outputs, inputs)
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < outputs; j++) back[j * inputs + i] = weights[i * outputs + j];
  }
  return { inputs: outputs, outputs: inputs, weights: back, bias: new Float32Array(inputs) };
}

/** d loss / d output (n, outputs) to d loss / d input (n, inputs). */
const input_gradient = (layer, d_out) => dense(transposed(layer), d_out);

export const elu = (a) => a.map((value) => (value > 0 ? value : Math.expm1(value)));

/** From h = elu(a): d loss / d h to d loss / d a. The slope is 1 or exp(a) = h + 1. */
export const elu_gradient = (h, d_h) => d_h.map((slope, i) => (h[i] > 0 ? slope : slope * (h[i] + 1)));

// The model ------------------------------------------------------------------------------------

/** Images x (n, x_dim) to the means and log-variances of q(z|x), (n, z_dim) each. */
export function encode({ encoder }, x) {
  const h = elu(dense(encoder.hidden, x)); // (n, h_dim)
  return { mean: dense(encoder.mean, h), log_var: dense(encoder.log_var, h), h };
}

/** Latent vectors z (n, z_dim) to the logits of the pixels, (n, x_dim). */
export function decode_logits({ decoder }, z) {
  const h = elu(dense(decoder.hidden, Float32Array.from(z))); // (n, h_dim)
  return dense(decoder.logits, h);
}

/** The mean E[x|z] of each pixel, in (0, 1). */
export function pixel_mean(logits) {
  return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
}

/** -log p of one pixel, a coin. */
export function coin_nats(x, logit) {
  return Math.max(logit, 0) - x * logit + Math.log1p(Math.exp(-Math.abs(logit)));
}

/** -log p(x|z), summed over the pixels of all images. */
export function reconstruction(x, logits) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += coin_nats(x[i], logits[i]);
  return sum;
}

/** KL(q(z|x) || p(z)), summed over dimensions and images. */
export function kl_divergence(mean, log_var) {
  let sum = 0;
  for (let i = 0; i < mean.length; i++) {
    sum += 0.5 * (Math.exp(log_var[i]) + mean[i] ** 2 - 1 - log_var[i]);
  }
  return sum;
}

/**
 * The loss, reconstruction + beta KL, and its gradient, averaged over a minibatch.
 * x (n, x_dim), eps (n, z_dim). Not noisy, z is the mean: with beta = 0 an autoencoder.
 */
export function gradients(network, x, eps, beta, noisy) {
  const n = x.length / network.sizes.x_dim;
  const gradient = shaped(new Float32Array(network.theta.length), network.sizes);
  const { encoder, decoder } = network;

  const { mean, log_var, h } = encode(network, x);
  const std = log_var.map((each) => (noisy ? Math.exp(each / 2) : 0)); // (n, z_dim)
  const z = mean.map((each, i) => each + std[i] * eps[i]); // (n, z_dim)
  const h_decoder = elu(dense(decoder.hidden, z)); // (n, h_dim)
  const logits = dense(decoder.logits, h_decoder); // (n, x_dim)

  const d_logits = pixel_mean(logits).map((each, i) => (each - x[i]) / n);
  add_gradient(gradient.decoder.logits, h_decoder, d_logits);
  const d_h_decoder = elu_gradient(h_decoder, input_gradient(decoder.logits, d_logits));
  add_gradient(gradient.decoder.hidden, z, d_h_decoder);

  const d_z = input_gradient(decoder.hidden, d_h_decoder); // (n, z_dim)
  const d_mean = d_z.map((each, i) => each + (beta * mean[i]) / n);
  const d_log_var = d_z.map(
    (each, i) => 0.5 * (each * std[i] * eps[i] + (beta * (Math.exp(log_var[i]) - 1)) / n),
  );
  add_gradient(gradient.encoder.mean, h, d_mean);
  add_gradient(gradient.encoder.log_var, h, d_log_var);
  const from_mean = input_gradient(encoder.mean, d_mean); // (n, h_dim)
  const from_log_var = input_gradient(encoder.log_var, d_log_var);
  const d_h = elu_gradient(h, from_mean.map((each, i) => each + from_log_var[i]));
  add_gradient(gradient.encoder.hidden, x, d_h);

  return {
    reconstruction: reconstruction(x, logits) / n,
    kl: kl_divergence(mean, log_var) / n,
    theta: gradient.theta,
  };
}

/** What Adam remembers: running means of the gradient and of its square. */
export function adam_state(size) {
  return { step: 0, first: new Float32Array(size), second: new Float32Array(size) };
}

/** One step of Adam, as Keras takes it, in place. Source: Kingma and Ba, "Adam", 2015. */
export function adam(theta, gradient, state, learning_rate, beta_2 = 0.999) {
  const [beta_1, epsilon] = [0.9, 1e-7];
  const { first, second } = state;
  state.step += 1;
  const correction = Math.sqrt(1 - beta_2 ** state.step) / (1 - beta_1 ** state.step);
  for (let i = 0; i < theta.length; i++) {
    first[i] += (1 - beta_1) * (gradient[i] - first[i]);
    second[i] += (1 - beta_2) * (gradient[i] ** 2 - second[i]);
    theta[i] -= (learning_rate * correction * first[i]) / (Math.sqrt(second[i]) + epsilon);
  }
}

// Noise, and the prior --------------------------------------------------------------------------

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32, by Tommy Ettinger). */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One draw of N(0, 1) from uniform ones. Source: Box and Muller, 1958. */
export function normal(uniform) {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Where N(0, 1) has the mass p below it: Newton's method on the series of the mass. */
function quantile(p) {
  let z = 0;
  for (let turn = 0; turn < 50; turn++) {
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    let [term, sum] = [z, z];
    for (let k = 3; Math.abs(term) > 1e-17; k += 2) sum += term *= (z * z) / k;
    z -= (0.5 + density * sum - p) / density;
  }
  return z;
}

/** Points [z1, z2] on lines of equal prior mass between them, from the top left (eq. 7.1). */
export function prior_grid(side, mass) {
  const middle = Math.sqrt(mass); // of each dimension
  const ticks = Array.from({ length: side }, (_, k) =>
    quantile((1 - middle) / 2 + (middle * k) / (side - 1)),
  );
  return [...ticks].reverse().flatMap((up) => ticks.map((across) => [across, up]));
}
