"""What a model is good for, against formulas, quadrature, brute force and SciPy."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.special import expit, logsumexp

from tests.helpers import assert_same_weights, refused
from vae_lib.evaluation import importance_weighted_bound, log_joint
from vae_lib.model import VAE
from vae_lib.reparameterization import standard_normal
from vae_lib.training import train
from vae_lib.uses import (
    PENALTIES,
    BitsBack,
    ConditionalVAE,
    auroc,
    draw_completions,
    fit_to_seen,
    least_squares,
    neighbors,
    normalized,
    same_class_share,
    with_class,
)

RNG = np.random.default_rng(0)
X = (RNG.random((40, 12)) < 0.4).astype("float32")  # (n, x_dim)
Y = RNG.integers(0, 3, 40)
GRID = np.linspace(-9, 9, 4001)
PRIOR = stats.norm.logpdf(GRID) + np.log(GRID[1] - GRID[0])


def louder(model, by=3.0):
    """The same model with larger weights in the decoder, so that z decides something."""
    model.decoder.set_weights([by * w for w in model.decoder.get_weights()])
    return model


def coins(x, logits):
    """Log-probabilities of pixels, `(..., x_dim)`."""
    return x * np.log(expit(logits)) + (1 - x) * np.log(expit(-logits))


# Draw what I ask for


def test_a_class_is_appended_as_zeros_and_a_one():
    both = with_class(X[:2], [2, 0], 3)
    np.testing.assert_array_equal(both[:, :12], X[:2])
    assert both[:, 12:].tolist() == [[0, 0, 1], [1, 0, 0]]
    np.testing.assert_array_equal(with_class(X[:2], 1, 3)[:, 12:], [[0, 1, 0]] * 2)
    assert both.dtype == np.float32


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([0, 3], "whole numbers from 0 to 2"),
        ([-1, 0], "from 0 to 2"),
        ([0.0, 1.0], "whole numbers"),
        ([0, 1, 2], r"\(2,\)"),
        ("one", "whole numbers"),
    ],
)
def test_what_is_no_class_is_refused(y, said):
    with pytest.raises(ValueError, match=rf"^y (was|held) .*it may .*{said}"):
        with_class(X[:2], y, 3)


def test_an_image_that_is_no_row_is_refused():
    with pytest.raises(ValueError, match=r"^x had the shape \(2, 3, 4\); it may be \(n, x_dim\)"):
        with_class(X[:2].reshape(2, 3, 4), 0, 3)


@pytest.fixture(scope="module")
def conditional():
    model = louder(ConditionalVAE(1, 8, classes=3, x_dim=12))
    model.compile(keras.optimizers.Adam(0.01))
    return model


def test_the_likelihood_is_that_of_the_pixels_given_z_and_the_class(conditional):
    x = with_class(X, Y, 3)
    outputs = conditional(x)
    assert outputs["logits"].shape == (40, 12)
    reconstruction, _ = conditional.terms(x, outputs)
    joined = np.concatenate([outputs["z"], np.eye(3)[Y]], axis=1).astype("float32")
    logits = conditional.decoder(joined).numpy().astype(float)
    np.testing.assert_allclose(reconstruction, -coins(X, logits).sum(1), rtol=1e-5)


def test_its_weights_average_to_the_probability_of_the_pixels_given_the_class(conditional):
    x, draws = with_class(X[:1], 1, 3), 4000
    many = np.repeat(x, draws, axis=0)
    outputs = {name: each.numpy().astype(float) for name, each in conditional(many).items()}
    mean, sigma = outputs["mean"], np.exp(0.5 * outputs["log_var"])
    ratio = stats.norm.logpdf(outputs["z"]) - stats.norm.logpdf(outputs["z"], mean, sigma)
    weights = np.exp(coins(X[:1], outputs["logits"]).sum(1) + ratio[:, 0])
    logits = conditional.decoder(with_class(GRID[:, None], 1, 3)).numpy().astype(float)
    exact = np.exp(logsumexp(coins(X[:1], logits).sum(1) + PRIOR))
    assert abs(weights.mean() - exact) < 5 * weights.std() / np.sqrt(draws)
    assert weights.std() / weights.mean() < 3


def test_its_bound_comes_to_the_probability_of_the_pixels_given_the_class(conditional):
    x = with_class(X[:1], 1, 3)
    logits = conditional.decoder(with_class(GRID[:, None], 1, 3)).numpy().astype(float)
    joint = coins(X[:1], logits).sum(1) + stats.norm.logpdf(GRID)
    found = log_joint(conditional, x, GRID[None, ::40, None])[0]
    np.testing.assert_allclose(found, joint[::40], rtol=1e-4)
    bound, error = importance_weighted_bound(conditional, x, 4000, return_error=True)
    exact = logsumexp(joint) + np.log(GRID[1] - GRID[0])
    assert error[0] < 0.1
    assert abs(bound[0] - exact) < 5 * error[0]


def test_several_draws_of_an_image_have_its_class(conditional):
    x, eps = with_class(X[:5], Y[:5], 3), RNG.normal(size=(5, 4, 1)).astype("float32")
    together = conditional.outputs_of(x, eps)["logits"]
    apart = [conditional.outputs_of(x, eps[:, k])["logits"] for k in range(4)]
    np.testing.assert_allclose(together, np.stack(apart, axis=1), rtol=1e-5, atol=1e-6)


def test_it_decodes_the_class_that_is_asked_for(conditional):
    z = np.zeros((3, 1), "float32")
    images = conditional.decode(z, [0, 1, 2]).numpy()
    assert len(np.unique(images.round(4), axis=0)) == 3
    np.testing.assert_array_equal(conditional.decode(z[:1], 2).numpy()[0], images[2])
    again = conditional.reconstruct(with_class(X[:4], Y[:4], 3)).numpy()
    mean = conditional.encode(with_class(X[:4], Y[:4], 3))[0]
    np.testing.assert_allclose(again, conditional.decode(mean, Y[:4]), atol=1e-6)


@pytest.mark.parametrize(
    ("x", "said"),
    [(X, "(40, 12)"), (X[0], "(12,)"), (np.hstack([X, X[:, :3]]), "pixels")],
    ids=["images alone", "one of them", "pixels for a class"],
)
def test_images_without_their_class_are_refused_with_what_makes_them(conditional, x, said):
    for use in (
        conditional.encode,
        conditional.predict,
        lambda x: train(conditional, x, 1),
        lambda x: importance_weighted_bound(conditional, x, 2),
    ):
        with refused(ValueError, "x", said, "(n, 15)", "with_class(x, y, classes=3)"):
            use(x)


def test_it_is_not_for_what_takes_z_alone(conditional):
    for use in (BitsBack, lambda model: fit_to_seen(model, X, SEEN)):
        with refused(ValueError, "model", "ConditionalVAE", "logits_of", "VAE"):
            use(conditional)


def test_samples_are_of_each_class_in_turn(conditional):
    drawn = conditional.sample(7, seed=2).numpy()
    z = standard_normal((7, 1), (2, 0))
    np.testing.assert_allclose(drawn, conditional.decode(z, [0, 1, 2, 0, 1, 2, 0]), atol=1e-6)


def test_it_learns_what_the_class_says():
    """One bit of the class decides all pixels, so z has nothing to say."""
    y = np.arange(200) % 2
    x = np.repeat(y[:, None], 12, axis=1).astype("float32")
    model = ConditionalVAE(1, 8, classes=2, x_dim=12)
    model.compile(keras.optimizers.Adam(0.03))
    train(model, with_class(x, y, 2), 300, batch_size=50)
    assert (
        model.decode([[0.0]], 1).numpy().min() > 0.9 > 0.1 > model.decode([[0.0]], 0).numpy().max()
    )
    reconstruction, kl = model.terms(with_class(x, y, 2), model(with_class(x, y, 2)))
    assert float(tf.reduce_mean(reconstruction + kl)) < 1


def test_it_starts_again_and_its_configuration_makes_it_again(conditional):
    other = ConditionalVAE(1, 8, classes=3, x_dim=12, seed=5)
    again = ConditionalVAE.from_config(other.get_config())
    assert_same_weights(again, other)
    assert (again.classes, again.pixels, again.x_dim) == (3, 12, 15)
    model = ConditionalVAE(1, 8, classes=3, x_dim=12)
    model.compile("adam")
    model.restart(5)
    assert_same_weights(model, other)


def test_it_takes_no_networks_of_the_readers_own():
    with pytest.raises(ValueError, match=r"^encoder was given; a ConditionalVAE has dense"):
        ConditionalVAE(encoder=keras.layers.Dense(2))


# Fill in what is missing


@pytest.fixture(scope="module")
def plain():
    return louder(VAE(1, 8, 12, seed=3))


SEEN = (np.arange(12) < 7).astype("float32")


def on_grid(model, x):
    """Log p(pixels|z) of one image on the grid, in nats, `(points, x_dim)`."""
    return coins(x, model.decoder(GRID[:, None].astype("float32")).numpy().astype(float))


def test_the_fit_has_the_best_bound_of_all_gaussians(plain):
    x = X[:3]
    mean, log_var = fit_to_seen(plain, x, SEEN, steps=400)
    assert mean.shape == log_var.shape == (3, 1)
    for row, m, v in zip(x, mean[:, 0], log_var[:, 0], strict=True):
        nats = on_grid(plain, row)[:, SEEN == 1].sum(1)

        def bound(m, v, nats=nats):
            q = stats.norm.pdf(GRID, m, np.exp(0.5 * v)) * (GRID[1] - GRID[0])
            return q @ nats - 0.5 * (np.exp(v) + m**2 - 1 - v)

        tried = [bound(a, b) for a in np.linspace(-4, 4, 81) for b in np.linspace(-7, 1, 81)]
        assert bound(m, v) > max(tried) - 0.02


def test_hidden_pixels_do_not_change_the_fit(plain):
    other = np.where(SEEN == 1, X[:3], 1 - X[:3])
    for one, same in zip(
        fit_to_seen(plain, X[:3], SEEN), fit_to_seen(plain, other, SEEN), strict=True
    ):
        np.testing.assert_array_equal(one, same)


def test_weights_average_to_the_probability_of_what_is_seen(plain):
    draws = 4000
    code = np.array([[0.3]]), np.array([[0.5]])
    drawn = draw_completions(plain, X[:1], SEEN, code, draws)
    assert drawn.z.shape == (1, draws, 1)
    on = on_grid(plain, X[0])
    exact = np.exp(logsumexp(on[:, SEEN == 1].sum(1) + PRIOR))
    weights = np.exp(drawn.log_weight[0].astype(float))
    assert abs(weights.mean() - exact) < 5 * weights.std() / np.sqrt(draws)
    both = np.exp(logsumexp(on.sum(1) + PRIOR))  # seen and hidden together
    joint = np.exp((drawn.log_weight + drawn.log_hidden)[0].astype(float))
    assert abs(joint.mean() - both) < 5 * joint.std() / np.sqrt(draws)


def test_equal_seeds_draw_the_same_completions(plain):
    code = np.zeros((2, 1)), np.zeros((2, 1))
    draws = [draw_completions(plain, X[:2], SEEN, code, 3, seed).z for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.allclose(draws[0], draws[2])
    assert not np.allclose(draws[0][0], draws[0][1])


def test_weights_are_normalized_whatever_their_size():
    np.testing.assert_allclose(normalized([[-1e4, -1e4 + np.log(3)]]), [[0.25, 0.75]])
    np.testing.assert_allclose(normalized([[1e4, 1e4], [0, -np.inf]]), [[0.5, 0.5], [1, 0]])


@pytest.mark.parametrize("seen", [np.ones(11), np.full(12, 0.5), np.ones((3, 12))])
def test_a_mask_that_does_not_fit_is_refused(plain, seen):
    with pytest.raises(ValueError, match=r"^seen had the shape .*; it may be \(12,\), 1 where"):
        fit_to_seen(plain, X[:3], seen)


@pytest.mark.parametrize("given", [{"likelihood": "gaussian"}, {"x_dim": (3, 4)}])
def test_a_model_without_rows_of_coins_is_refused(given):
    model = VAE(**{"z_dim": 1, "h_dim": 4, "x_dim": 12} | given)
    said = r"^model had the likelihood .*; it may be a VAE with likelihood=\"bernoulli\""
    for use in (BitsBack, lambda model: fit_to_seen(model, X, SEEN)):
        with pytest.raises(ValueError, match=said):
            use(model)


# Find what is odd


def test_auroc_is_the_u_statistic():
    odd, usual = RNG.normal(0.5, 1, 60).round(1), RNG.normal(0, 1, 80).round(1)  # with ties
    u = stats.mannwhitneyu(odd, usual).statistic
    assert auroc(odd, usual) == pytest.approx(u / (60 * 80), abs=1e-12)
    assert auroc(usual, odd) == pytest.approx(1 - auroc(odd, usual))


def test_auroc_of_the_extremes():
    assert auroc([3, 4], [1, 2]) == 1
    assert auroc([1], [2, 3]) == 0
    assert auroc([1, 1], [1, 1, 1]) == 0.5


def test_scores_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"^odd or usual had no scores"):
        auroc([], [1])
    with refused(ValueError, "usual", 1, "finite"):
        auroc([1.0], [np.nan])


# Learn from a hundred labels


@pytest.mark.parametrize("shape", [(40, 5), (12, 30)])
def test_least_squares_is_ridge_regression_with_the_best_penalty(shape):
    n, width = shape
    features, labels = RNG.normal(size=shape), np.arange(n) % 3
    features[:, 0] += labels
    found = least_squares(features, labels, 3)
    targets = np.eye(3)[labels]

    def solve(rows, penalty):
        f, t = features[rows], targets[rows]
        f0, t0 = f.mean(0), t.mean(0)
        gram = (f - f0).T @ (f - f0) + penalty * np.eye(width)
        weights = np.linalg.solve(gram, (f - f0).T @ (t - t0))
        return weights, t0 - f0 @ weights

    weights, bias = solve(np.arange(n), found.penalty)
    np.testing.assert_allclose(found.weights, weights, atol=1e-7)
    np.testing.assert_allclose(found.bias, bias, atol=1e-7)

    def left_out(penalty):  # without the leverage: one fit for each example, but for its mean
        total = 0
        for i in range(n):
            weights, bias = solve(np.delete(np.arange(n), i), penalty)
            total += ((features[i] @ weights + bias - targets[i]) ** 2).sum()
        return total

    assert left_out(found.penalty) < 1.02 * min(map(left_out, PENALTIES))
    np.testing.assert_array_equal(found(features), (features @ weights + bias).argmax(1))


# Look at many


def test_neighbors_are_those_of_brute_force():
    codes, among = RNG.normal(size=(30, 4)), RNG.normal(size=(50, 4))
    by_hand = cdist(codes, among).argsort(axis=1)[:, :7]
    np.testing.assert_array_equal(neighbors(codes, among, 7), by_hand)
    labels, their = RNG.integers(0, 3, 30), RNG.integers(0, 3, 50)
    share = np.mean([their[j] == labels[i] for i in range(30) for j in by_hand[i]])
    assert same_class_share(codes, labels, among, their, 7) == pytest.approx(share)
    with refused(ValueError, "count", 51, 1, 50):
        neighbors(codes, among, 51)


# Compress


@pytest.fixture(scope="module")
def coder():
    pytest.importorskip("constriction")
    return BitsBack(louder(VAE(3, 8, 12, seed=1)))


def test_images_come_back_bit_for_bit(coder):
    words = coder.write(X)
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(coder.read(words, len(X)), X)
    np.testing.assert_array_equal(coder.read(coder.write(X[:1]), 1), X[:1])


def test_the_message_is_as_long_as_minus_the_bound():
    """Of a model whose codes lie about where the prior is: the bits that choose z are random."""
    pytest.importorskip("constriction")
    x = (RNG.random((400, 12)) < np.where(RNG.random((400, 1)) < 0.5, 0.2, 0.8)).astype("float32")
    model = VAE(2, 16, 12)
    model.compile(keras.optimizers.Adam(0.01))
    train(model, x, 400)
    coder = BitsBack(model)
    bits = 32 * (len(coder.write(x)) - len(coder.start))
    draws = [sum(model.terms(x, model(x))).numpy().mean() for _ in range(50)]
    assert bits == pytest.approx(np.mean(draws) / np.log(2) * len(x), rel=0.03)


def test_another_number_of_images_or_another_message_is_refused(coder):
    words = coder.write(X)
    for wrong, count in ((words, len(X) - 1), (words[1:], len(X)), (words[::-1], len(X))):
        with pytest.raises(ValueError, match=r"^words (was|were) "):
            coder.read(wrong, count)


def test_gray_images_are_refused(coder):
    with pytest.raises(ValueError, match=r"^x held values between 0 and 1; it may hold zeros"):
        coder.write(0.5 * X)


def test_without_the_package_the_reader_is_told_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(ModuleNotFoundError, match="needs constriction: pip install constriction"):
        BitsBack(VAE(1, 4, 12)).write(X)
