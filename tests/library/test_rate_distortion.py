"""The plane, what can be turned in a compiled model, the decoder that needs no code, the gap."""

import keras
import numpy as np
import pytest
from scipy import integrate, optimize, stats

from tests.helpers import assert_same_weights, refused
from vae_lib.loss import Objective, kl_divergence
from vae_lib.model import VAE
from vae_lib.parameters import ParameterError
from vae_lib.rate_distortion import (
    AdjustableObjective,
    AutoregressiveVAE,
    EarlierPixels,
    PacedAdam,
    binned_information,
    information,
    leads,
    mutual_information_gap,
    water_filling,
)
from vae_lib.training import train


def coins(n, x_dim, seed=0):
    return (np.random.default_rng(seed).random((n, x_dim)) < 0.4).astype("float32")


# The plane


def test_leads_are_those_of_a_curve_that_is_known():
    """On D = 1/R the model of β has R = 1/√β, and D + βR = 2√β."""
    betas = np.array([0.25, 1.0, 4.0])
    rate = 1 / np.sqrt(betas)
    wanted = [
        min(1 / r + b * r for r in rate if r != own) - 2 * np.sqrt(b)
        for b, own in zip(betas, rate, strict=True)
    ]
    np.testing.assert_allclose(leads(rate, 1 / rate, betas), wanted)
    several = leads(np.stack([rate, rate]), np.stack([1 / rate, 1 / rate]), betas)
    np.testing.assert_allclose(several, [wanted, wanted])
    assert leads(rate[::-1], 1 / rate[::-1], betas).min() < 0


def test_leads_refuses_shapes_that_do_not_belong_together():
    with refused(ValueError, "betas", (2,), (2,), (3,)):
        leads([1, 2], [1, 2], [1, 2, 3])
    with refused(ValueError, "betas", (1,)):
        leads([1], [1], [1])


@pytest.mark.parametrize("level", [0.1, 0.7, 3.0, 9.0])
def test_the_water_level_is_what_an_optimizer_finds(level):
    variances = np.array([5.0, 2.0, 0.5])

    def loss(log_error):  # error / (2 level) + rate, of an error of at most the variance
        error = variances[:2] * np.exp(-np.square(log_error))
        return (error / (2 * level) + 0.5 * np.log(variances[:2] / error)).sum()

    found = optimize.minimize(loss, [1.0, 1.0], tol=1e-12)
    rate, error = water_filling(variances, level, 2)
    assert error / (2 * level) + rate == pytest.approx(found.fun + 0.5 / (2 * level), abs=1e-6)


def test_the_water_level_fills_no_more_than_it_may():
    assert water_filling([4.0, 2.0], 8.0, 2) == (0.0, 6.0)
    rate, error = water_filling([4.0, 2.0], 1.0, 1)
    assert (rate, error) == pytest.approx((np.log(2), 3.0))
    with refused(ValueError, "variances", (2,), "the largest first"):
        water_filling([1.0, 2.0], 1.0, 1)
    with refused(ValueError, "level", 0, "above 0"):
        water_filling([2.0, 1.0], 0, 1)


def test_information_is_that_of_quadrature():
    mean, s = np.array([[-2.0], [0.0], [2.5]]), 0.8

    def aggregate(z):
        return stats.norm.pdf(z, mean[:, 0], s).mean()

    def entropy(density):
        return integrate.quad(lambda z: -density(z) * np.log(density(z)), -8, 9, limit=200)[0]

    wanted = entropy(aggregate) - 0.5 * np.log(2 * np.pi * np.e * s**2)
    each = information(mean, np.full((3, 1), 2 * np.log(s)), draws=20_000)
    assert each.mean() == pytest.approx(wanted, abs=0.02)
    assert information(np.zeros((4, 2)), np.zeros((4, 2))) == pytest.approx(np.zeros(4))
    far = information(np.arange(5)[:, None] * 100.0, np.zeros((5, 1)))
    np.testing.assert_allclose(far, np.log(5))


# What can be turned


def test_the_objective_is_that_of_the_library_with_the_same_numbers():
    rng = np.random.default_rng(0)
    log_p, ratio = rng.normal(size=(2, 7, 1)).astype("float32")
    kl = rng.random((7, 3)).astype("float32")
    turned = AdjustableObjective()
    for numbers in (
        {},
        {"beta": 3.0},
        {"beta": 2.0, "warm_up": 10},
        {"free_bits": 0.5},
        {"beta": 0.5, "free_bits": 0.4},
    ):
        turned.turn(**{"beta": 1.0, "warm_up": 0, "period": 0, "free_bits": 0.0, **numbers})
        given = Objective(**numbers)
        for step in (0, 3, 10, 50):
            pair = [float(each(log_p, ratio, kl, step)) for each in (turned, given)]
            assert pair[0] == pytest.approx(pair[1], rel=1e-6)


def test_the_warm_up_is_repeated_after_a_period():
    objective = AdjustableObjective(beta=2.0, warm_up=4, period=10)
    found = [float(objective.beta_at(step)) for step in range(25)]
    wanted = [2 * min(1, (step % 10) / 4) for step in range(25)]
    np.testing.assert_allclose(found, wanted)
    assert objective.warm_up == 4


def test_the_objective_is_made_again_and_refuses():
    objective = AdjustableObjective(beta=0.5, warm_up=3, period=9, free_bits=0.25)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert repr(again) == repr(objective)
    assert "beta=0.5, warm_up=3, period=9, free_bits=0.25" in repr(objective)
    with refused(ParameterError, "beta", -1):
        objective.turn(beta=-1)
    with refused(ValueError, "period", -1, "from 0"):
        objective.turn(period=-1)
    assert objective.get_config()["beta"] == 0.5


def test_what_is_turned_counts_in_a_graph_that_stands():
    x, objective = coins(64, 12), AdjustableObjective()
    model = VAE(2, 8, 12)
    model.compile(keras.optimizers.Adam(1e-2), loss=objective)
    rates = {}
    for beta in (1.0, 0.01, 1.0):
        model.restart(0)
        objective.turn(beta=beta)
        rates.setdefault(beta, []).append(train(model, x, 100)["kl"][-1])
    assert rates[1.0][0] == rates[1.0][1]
    assert rates[0.01][0] > 2 * rates[1.0][0]


def moved(pace):
    """How far encoder and decoder move in one step, and in the next."""
    model, x = VAE(2, 8, 12), coins(64, 12)
    adam = PacedAdam(1e-2, model.encoder)
    model.compile(adam)
    adam.pace(**pace)
    distances = []
    for _ in range(2):
        before = [w.numpy() for w in model.trainable_variables]
        train(model, x, 1)
        changes = zip(model.trainable_variables, before, strict=True)
        size = {id(w): np.abs(w.numpy() - old).max() for w, old in changes}
        distances += [
            [max(size[id(w)] for w in part.weights) for part in (model.encoder, model.decoder)]
        ]
    return np.array(distances)  # (2 steps, encoder and decoder)


def test_each_part_moves_at_its_pace():
    plain = moved({})
    assert plain[0] == pytest.approx([1e-2, 1e-2], rel=1e-3)  # Adam's first step
    assert moved({"encoder": 0.1})[0] == pytest.approx([1e-3, 1e-2], rel=1e-3)
    every = moved({"decoder_every": 2})
    np.testing.assert_array_equal(every[0], plain[0])
    assert every[1, 0] > 1e-3
    assert every[1, 1] == 0


def test_at_a_pace_of_one_it_is_adam():
    x, models = coins(64, 12), [VAE(2, 8, 12) for _ in range(2)]
    models[0].compile(PacedAdam(1e-2, models[0].encoder))
    models[1].compile(keras.optimizers.Adam(1e-2))
    for model in models:
        train(model, x, 20)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("pace", [{"encoder": 0}, {"decoder_every": 0}, {"decoder_every": 1.5}])
def test_a_pace_that_is_none_is_refused(pace):
    adam = PacedAdam(1e-2, VAE(2, 8, 12).encoder)
    (name, value), *_ = pace.items()
    with refused(ValueError, name, value):
        adam.pace(**pace)


# A decoder that needs no code


def filled(layer, seed=0):
    """Give a layer weights, where some begin at zero."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape) * 0.5 for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("reach", [0, 1, 3, 10])
def test_a_pixel_sees_the_pixels_before_it_as_far_as_its_reach(reach):
    layer = EarlierPixels(2, reach)
    layer.build((None, 6))
    filled(layer)
    x = coins(1, 6)
    before = np.asarray(layer(x))[0]
    for i in range(6):
        other = x.copy()
        other[0, i] = 1 - other[0, i]
        changed = np.flatnonzero(np.abs(np.asarray(layer(other))[0] - before) > 1e-6)
        assert set(changed) == {j for j in range(6) if 0 < j - i <= reach}


def test_probabilities_of_all_images_sum_to_one():
    model = AutoregressiveVAE(5, 2, z_dim=2, h_dim=4, x_dim=5)
    filled(model.earlier)
    every = np.array(list(np.ndindex(*[2] * 5)), "float32")  # (32, 5)
    logits = model.decoder(np.ones((1, 2), "float32")).numpy().repeat(32, axis=0)
    assert np.exp(model.log_likelihood(every, logits)).sum() == pytest.approx(1, abs=1e-5)


def test_images_are_drawn_with_their_probabilities():
    model = AutoregressiveVAE(3, 2, z_dim=1, h_dim=4, x_dim=3)
    filled(model.earlier, 1)
    z = np.full((20_000, 1), 0.3, "float32")
    drawn = model.draw(z)
    every = np.array(list(np.ndindex(2, 2, 2)), "float32")
    share = np.bincount(drawn.astype(int) @ [4, 2, 1], minlength=8) / len(z)
    p = np.exp(model.log_likelihood(every, model.decoder(z[:8])))
    np.testing.assert_allclose(share, p, atol=0.02)
    np.testing.assert_array_equal(model.draw(z[:5], 3), model.draw(z[:5], 3))


def test_without_reach_it_is_the_ordinary_model():
    x = coins(20, 12)
    plain, model = VAE(2, 8, 12), AutoregressiveVAE(z_dim=2, h_dim=8, x_dim=12)
    for each in (plain, model):
        each.compile(keras.optimizers.Adam(1e-2))
        train(each, x, 10)
    pairs = zip(plain.get_weights(), model.get_weights(), strict=False)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_it_starts_again_and_is_saved(tmp_path):
    model, x = AutoregressiveVAE(4, 3, z_dim=2, h_dim=8, x_dim=12), coins(64, 12)
    model.compile(keras.optimizers.Adam(1e-2))
    first = train(model, x, 20)["loss"]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_same_weights(model, again)
    assert float(again.earlier.reach) == 4
    model.restart(0)
    np.testing.assert_array_equal(train(model, x, 20)["loss"], first)
    model.restart(1)
    assert not np.array_equal(model.earlier.first, again.earlier.first)


# Which factors a code finds


def test_information_of_two_discrete_numbers_is_that_of_scipy():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, 500)
    b = (a + rng.integers(0, 2, 500)) % 4
    joint = np.zeros((4, 4))
    np.add.at(joint, (a, b), 1 / 500)
    wanted = (
        stats.entropy(joint.sum(0)) + stats.entropy(joint.sum(1)) - stats.entropy(joint.ravel())
    )
    assert binned_information(a, b) == pytest.approx(wanted)
    assert binned_information(a, a) == pytest.approx(stats.entropy(joint.sum(1)))


def test_information_of_two_normal_numbers_is_near_its_formula():
    rng, correlation = np.random.default_rng(0), 0.9
    a, b = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], 50_000).T
    found = binned_information(a, np.exp(b), 30)  # of ranks: any monotone function will do
    assert found == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=0.03)
    with refused(ValueError, 3, 2):
        binned_information([1, 2, 3], [1, 2])


def test_the_gap_is_one_for_the_factors_and_none_for_two_copies():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(0, 3, 4000), rng.random(4000)], axis=1)
    assert mutual_information_gap(-factors, factors, 10) == pytest.approx([1, 1], abs=0.03)
    copies = np.concatenate([factors, factors**3], axis=1)
    assert mutual_information_gap(copies, factors, 10) == pytest.approx([0, 0], abs=1e-9)
    noise = rng.normal(size=(4000, 5))
    assert mutual_information_gap(noise, factors, 10).max() < 0.02
    with refused(ValueError, "codes and factors", (4000, 1)):
        mutual_information_gap(factors[:, :1], factors)
    with refused(ValueError, "factors", 1.0, "vary"):
        mutual_information_gap(noise, np.ones((4000, 1)))


def test_the_rate_is_information_and_mismatch():
    """What `information` leaves of the KL term is the mismatch, and never negative."""
    rng = np.random.default_rng(1)
    mean, log_var = rng.normal(size=(400, 2)), np.full((400, 2), -1.0)
    rate = kl_divergence(mean.astype("float32"), log_var.astype("float32")).numpy().mean()
    assert 0 < information(mean, log_var, draws=20).mean() < rate
