"""JavaScript completes digits as `vae_lib.uses` does, given the same noise."""

from itertools import combinations

import numpy as np
import pytest

from tests.browser.hands import module_page, rounded_model, run
from tests.helpers import shrunk
from vae_lib.model import VAE
from vae_lib.panels.quantization import quantize
from vae_lib.reparameterization import standard_normal
from vae_lib.tensorflow_quietly import keras
from vae_lib.training import train
from vae_lib.uses import draw_completions, fit_to_seen, normalized

Z_DIM, SIDE = 12, 14
SEEN = np.repeat(np.arange(SIDE) < SIDE // 2, SIDE).astype(np.float32)


@pytest.fixture(scope="module")
def twin(split):
    """A trained model in whole numbers."""
    model = VAE(Z_DIM, 128, SIDE**2)
    model.compile(keras.optimizers.Adam(2e-3))
    train(model, shrunk(split.x_train), iterations=500)
    return quantize(model)


@pytest.fixture(scope="module")
def model(twin):
    """The library's model of the very weights that the page has."""
    return rounded_model(twin)


@pytest.fixture(scope="module")
def x(split):
    return shrunk(split.x_test[:6])


@pytest.fixture(scope="module")
def tab(chromium):
    with module_page(chromium, "vae.js", "completion.js") as tab:
        yield tab


def test_draws_are_weighed_as_by_the_library(tab, twin, model, x):
    rng = np.random.default_rng(0)
    mean, log_var = np.float32(rng.normal(size=(2, 1, Z_DIM)))
    drawn = draw_completions(model, x[:1], SEEN, (mean, log_var), 51)
    z = drawn.z[0]  # (51, z_dim)
    ours = run(
        tab,
        """const drawn = vae.draw_completions(vae.unpack(packed), x, seen, { mean, log_var }, eps);
        return [drawn.z, drawn.log_weight, drawn.log_hidden, drawn.pixels];""",
        packed=twin.packed(), x=x[0], seen=SEEN, mean=mean[0], log_var=log_var[0],
        eps=(z - mean) / np.exp(log_var / 2),
    )  # fmt: skip
    wanted = (z, drawn.log_weight[0], drawn.log_hidden[0], model.decode(z).numpy())
    for mine, its, tolerance in zip(ours, wanted, (1e-5, 2e-3, 2e-3, 1e-4), strict=True):
        assert np.allclose(mine, np.ravel(its), atol=tolerance)
    assert np.ptp(drawn.log_weight) > 10


@pytest.mark.parametrize("seen", [SEEN, 1 - SEEN, 0 * SEEN, np.ones_like(SEEN)])
def test_the_gaussian_is_fitted_as_by_the_library(tab, twin, model, x, seen):
    steps = 60
    wanted = fit_to_seen(model, x[1:2], seen, steps)
    eps = [standard_normal((4, 1, Z_DIM), (0, step)).numpy() for step in range(steps)]
    ours = run(
        tab,
        """let next = 0;
        const code = vae.fit_to_seen(vae.unpack(packed), x, seen, steps, () => eps[next++]);
        return [code.mean, code.log_var, next];""",
        packed=twin.packed(), x=x[1], seen=seen, steps=steps, eps=np.array(eps).ravel(),
    )  # fmt: skip
    assert ours.pop() == steps * 4 * Z_DIM
    assert np.allclose(ours, np.squeeze(wanted), atol=0.02)
    if seen.any():
        assert abs(wanted[0]).max() > 0.5


def test_weights_and_what_follows_from_them(tab):
    rng = np.random.default_rng(2)
    log_weight, pixels = rng.normal(-900, 2, 40), rng.random((40, 25))
    weights, effective, spread = run(
        tab,
        """const weights = vae.normalized(Float64Array.from(log_weight));
        return [weights, vae.effective_number(weights), vae.spread(weights, pixels)];""",
        log_weight=log_weight.tolist(),
        pixels=np.float32(pixels),
    )
    assert np.allclose(weights, normalized(log_weight))
    assert effective == pytest.approx(np.sum(weights) ** 2 / np.sum(np.square(weights)))
    mean = np.average(pixels, axis=0, weights=weights)
    wanted = np.sqrt(np.average((pixels - mean) ** 2, axis=0, weights=weights))
    assert np.allclose(spread, wanted, atol=1e-5)


def test_draws_are_picked_by_their_weights(tab):
    weights = [0.5, 0.0, 0.2, 0.3]
    body = """const uniform = vae.random(5);
      return Array.from({ length: 20000 }, () => vae.picked(weights, uniform));"""
    picked = np.bincount(run(tab, body, weights=weights), minlength=4)
    assert np.allclose(picked / 20000, weights, atol=0.015)
    assert run(tab, "return vae.picked([0.5, 0.4999], () => 0.99999);") == 1


def test_pixels_apart_are_those_of_all_pairs_under_the_mask(tab):
    rng = np.random.default_rng(3)
    images, mask = rng.random((6, 30)), rng.integers(0, 2, 30)
    ours = run(
        tab,
        "return vae.pixels_apart(images, mask);",
        images=images.tolist(),
        mask=mask.tolist(),
    )
    pairs = [((a > 0.5) != (b > 0.5)) @ mask for a, b in combinations(images, 2)]
    assert ours == pytest.approx(np.mean(pairs))


def completed(tab, twin, x, source, seed=1):
    """What the worker would answer: the images, and three numbers."""
    images, *numbers = run(
        tab,
        """const task = { x, seen, from, seed, picks: 6 };
        const out = vae.complete(vae.unpack(packed), task);
        return [out.images.map((each) => [...each]), out.effective, out.apart, out.hidden_nats];""",
        packed=twin.packed(), x=x, seen=SEEN, seed=seed, **{"from": source},
    )  # fmt: skip
    return np.array(images), numbers


def test_a_completion_is_what_numpy_makes_of_the_same_noise(tab, twin, x):
    eps, mean, log_var = run(
        tab,
        """const draws = (seed) => { const u = vae.random(seed); return () => vae.normal(u); };
        const code = vae.fit_to_seen(vae.unpack(packed), x, seen, 100, draws(0));
        return [Float32Array.from({ length: 500 * 12 }, draws(1)), code.mean, code.log_var];""",
        packed=twin.packed(), x=x[0], seen=SEEN,
    )  # fmt: skip
    eps, std = np.reshape(eps, (500, Z_DIM)), 1.25 * np.exp(np.array(log_var) / 2)
    z = mean + std * eps
    logits = twin.decode_logits(z)
    nats = x[0] * logits - np.logaddexp(0, logits)  # (500, x_dim)
    log_weight = nats @ SEEN + ((eps**2 - z**2) / 2 + np.log(std)).sum(axis=1)
    weights = np.exp(log_weight - np.logaddexp.reduce(log_weight))
    images, (effective, apart, hidden_nats) = completed(tab, twin, x[0], "fitted")
    assert effective == pytest.approx(1 / (weights**2).sum(), rel=0.01)
    log_hidden = np.logaddexp.reduce(np.log(weights) + nats @ (1 - SEEN))
    assert hidden_nats == pytest.approx(-log_hidden, abs=0.01)
    distance = abs(images[:, None] - 1 / (1 + np.exp(-logits))).max(axis=2)  # (6, 500)
    assert distance.min(axis=1).max() < 1e-3  # each is one of the draws
    assert weights[distance.argmin(axis=1)].min() > 1e-5
    assert 0 < apart < 98


def test_fitted_draws_count_and_those_of_the_prior_do_not(tab, twin, x):
    effective = {
        source: [completed(tab, twin, image, source)[1][0] for image in x]
        for source in ("fitted", "encoder", "prior")
    }
    print({source: np.round(each, 1) for source, each in effective.items()})
    assert np.median(effective["fitted"]) > 50
    assert np.median(effective["encoder"]) < 20
    assert np.median(effective["prior"]) < 10


def test_a_seed_decides_what_is_drawn(tab, twin, x):
    first, again, other = (completed(tab, twin, x[0], "fitted", seed)[0] for seed in (1, 1, 2))
    assert first.shape == (6, SIDE**2)
    assert np.array_equal(first, again)
    assert abs(first - other).max() > 0.1
