"""The JavaScript computes what NumPy's twin does, and its gradients are Keras's."""

import numpy as np
import pytest

from tests.browser.hands import module_page, run
from vae_lib.latent_space import prior_grid
from vae_lib.loss import kl_divergence
from vae_lib.model import VAE
from vae_lib.panels.quantization import quantize
from vae_lib.reparameterization import reparameterize
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train

SIZES = {"x_dim": 784, "h_dim": 128, "z_dim": 2}
DECODE_MS = 1.0


@pytest.fixture(scope="module")
def model(split):
    model = VAE(z_dim=2)
    model.compile(keras.optimizers.Adam(3e-3))
    train(model, split.x_train, iterations=500)
    return model


@pytest.fixture(scope="module")
def tab(chromium):
    with module_page(chromium, "vae.js") as tab:
        yield tab


def theta(model):
    """All weights in one array, in Keras's order, which is the page's."""
    return np.concatenate([weights.ravel() for weights in model.get_weights()])


def test_codes_are_those_of_the_twin_and_so_within_its_bound_of_keras(tab, model, split):
    twin, x = quantize(model), split.x_test[:50]
    mean, log_var = run(
        tab,
        "const { mean, log_var } = vae.encode(vae.unpack(packed), x); return [mean, log_var];",
        packed=twin.packed(),
        x=x,
    )
    exact = [each.numpy() for each in model.encoder(x)]
    for ours, twins, true, bound in zip(
        (mean, log_var), twin.encode(x), exact, twin.code_error(x), strict=True
    ):
        ours = np.reshape(ours, (-1, 2))
        assert abs(ours - twins).max() < 1e-4
        assert (abs(ours - true) <= bound + 1e-4).all()


def test_decoded_logits_are_those_of_the_twin_and_within_its_bound_of_keras(tab, model):
    twin = quantize(model)
    z = np.float32(np.random.default_rng(0).normal(size=(50, 2)))
    body = "return vae.decode_logits(vae.unpack(packed), z);"
    ours = np.reshape(run(tab, body, packed=twin.packed(), z=z), (50, 784))
    assert abs(ours - twin.decode_logits(z)).max() < 2e-4
    assert (abs(ours - model.decoder(z).numpy()) <= twin.logits_error(z) + 2e-4).all()
    pixels = run(tab, "return vae.pixel_mean(logits);", logits=np.float32(ours[0]))
    assert np.allclose(pixels, 1 / (1 + np.exp(-ours[0])), atol=1e-6)


def test_both_parts_of_the_loss_are_keras_s(tab, model, split):
    x = split.x_test[:20]
    outputs = model(x)
    ours = run(
        tab,
        "return [vae.reconstruction(x, logits), vae.kl_divergence(mean, log_var)];",
        x=x,
        **{name: outputs[name].numpy() for name in ("logits", "mean", "log_var")},
    )
    assert np.allclose(ours, [part.numpy().sum() for part in model.terms(x, outputs)], rtol=1e-5)


@pytest.mark.parametrize(("beta", "noisy"), [(1, True), (4, True), (0, False), (1, False)])
def test_gradients_are_keras_s(tab, model, split, beta, noisy):
    x = split.x_train[:64]
    eps = np.float32(np.random.default_rng(1).normal(size=(64, 2)))
    with tf.GradientTape() as tape:
        mean, log_var = model.encoder(x)
        z = reparameterize(mean, log_var, eps) if noisy else mean
        reconstruction = tf.reduce_mean(-model.log_likelihood(x, model.decoder(z)))
        kl = tf.reduce_mean(kl_divergence(mean, log_var))
        loss = reconstruction + beta * kl
    wanted = tape.gradient(loss, model.trainable_variables, unconnected_gradients="zero")
    *parts, ours = run(
        tab,
        """const network = vae.shaped(theta, sizes);
        const all = vae.gradients(network, x, eps, beta, noisy);
        return [all.reconstruction, all.kl, all.theta];""",
        theta=theta(model), sizes=SIZES, x=x, eps=eps, beta=beta, noisy=noisy,
    )  # fmt: skip
    assert np.allclose(parts, [float(reconstruction), float(kl)], rtol=1e-5)
    start = 0
    for gradient in (each.numpy().ravel() for each in wanted):  # each weight array on its own
        mine = np.array(ours[start : start + len(gradient)])
        assert np.linalg.norm(mine - gradient) <= 1e-4 * np.linalg.norm(gradient)
        start += len(gradient)
    assert start == len(ours)


def test_steps_are_those_of_keras_s_adam(tab):
    rng = np.random.default_rng(2)
    gradients = np.float32(rng.normal(size=(20, 30)) * 10.0 ** rng.integers(-6, 3, 30))
    start = np.float32(rng.normal(size=30))
    variable, optimizer = keras.Variable(start), keras.optimizers.Adam(0.01)
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
    ours = run(
        tab,
        """const state = vae.adam_state(30);
        for (let k = 0; k < 20; k++) {
          vae.adam(start, gradients.subarray(30 * k, 30 * k + 30), state, 0.01);
        }
        return start;""",
        start=start,
        gradients=gradients,
    )
    assert np.allclose(ours, variable.numpy(), atol=1e-5)


def test_the_grid_of_the_prior_is_the_library_s(tab):
    ours = run(tab, "return vae.prior_grid(12, 0.9);")
    assert np.allclose(ours, prior_grid(12, 0.9), atol=1e-9)


def test_noise_is_normal_and_the_seed_decides_it(tab):
    body = "const u = vae.random(seed); return Array.from({ length: 1e5 }, () => vae.normal(u));"
    draws, again, others = (np.array(run(tab, body, seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(draws, again)
    assert abs(np.corrcoef(draws, others)[0, 1]) < 0.02
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.02
    assert abs(draws.mean()) < 0.02
    assert abs(draws.std() - 1) < 0.02
    assert abs((draws**4).mean() - 3) < 0.15


def test_an_untrained_network_begins_as_the_library_s(tab):
    ours = np.array(run(tab, "return vae.new_network(7).theta;"))
    model = VAE(z_dim=2)
    assert ours.size == model.count_params()
    start = 0
    for weights in model.get_weights():
        mine = ours[start : start + weights.size]
        assert abs(mine.std() - weights.std()) <= 5 * weights.std() / np.sqrt(weights.size)
        start += weights.size


def test_decoding_takes_less_than_a_millisecond(tab, model):
    milliseconds = run(
        tab,
        """const network = vae.unpack(packed);
        const times = [];
        for (let k = 0; k < 300; k++) {
          const start = performance.now();
          vae.pixel_mean(vae.decode_logits(network, [k / 100, 1]));
          times.push(performance.now() - start);
        }
        return times;""",
        packed=quantize(model).packed(),
    )
    print(f"decoding: {np.median(milliseconds):.2f} ms, the median of 300")
    assert np.median(milliseconds) < DECODE_MS
