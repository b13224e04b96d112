"""The latent space against SciPy, quadrature and geometry."""

import numpy as np
import pytest
from scipy import special, stats

from tests.helpers import refused
from vae_lib import latent_space
from vae_lib.latent_space import (
    active_units,
    aggregate_log_density,
    interpolate,
    prior_grid,
    slerp,
    traverse,
)

RNG = np.random.default_rng(0)


# The grid


@pytest.mark.parametrize(("side", "mass"), [(2, 0.5), (5, 0.9), (20, 0.99)])
def test_the_square_of_the_grid_holds_the_mass(side, mass):
    grid = prior_grid(side, mass)
    assert grid.shape == (side**2, 2)
    low, high = grid.min(axis=0), grid.max(axis=0)
    held = stats.multivariate_normal(np.zeros(2)).cdf(high, lower_limit=low)
    assert held == pytest.approx(mass, abs=1e-4)


def test_every_cell_of_the_grid_holds_the_same_mass():
    ticks = prior_grid(7, 0.8)[:7, 0]
    strips = np.diff(stats.norm.cdf(ticks))
    np.testing.assert_allclose(np.outer(strips, strips), 0.8 / 36, rtol=1e-9)


def test_the_grid_runs_like_a_picture_from_the_top_left():
    grid = prior_grid(3, 0.5).reshape(3, 3, 2)
    assert (np.diff(grid[:, :, 0], axis=1) > 0).all()  # to the right, the first grows
    assert (np.diff(grid[:, :, 1], axis=0) < 0).all()  # downward, the second falls


@pytest.mark.parametrize(
    ("side", "mass", "parts"),
    [(1, 0.9, ("side", 1, 2)), (2.5, 0.9, ("side", 2.5, "whole", 2)),
     ("9", 0.9, ("side", "'9'", "whole", 2)),
     (20, 1.0, ("mass", 1.0, 0, 1)), (20, 0.0, ("mass", 0.0, 0, 1)),
     (20, 90, ("mass", 90, 0, 1)), (3, "a", ("mass", "'a'", 0, 1)),
     (3, None, ("mass", None, 0, 1)), (3, [0.5, 0.9], ("mass", [0.5, 0.9], 0, 1))],
)  # fmt: skip
def test_a_grid_that_cannot_be_is_refused(side, mass, parts):
    with refused(ValueError, *parts):
        prior_grid(side, mass)


# Ways


def test_a_straight_way_is_even_and_has_both_ends():
    first, second = RNG.normal(size=(2, 6))
    way = interpolate(first, second, 5)
    np.testing.assert_allclose(way[[0, 2, 4]], [first, (first + second) / 2, second])
    np.testing.assert_allclose(np.diff(way, axis=0), np.tile((second - first) / 4, (4, 1)))


def test_an_arc_turns_by_equal_angles_at_one_length_in_one_plane():
    first, second = RNG.normal(size=(2, 8))
    second *= np.linalg.norm(first) / np.linalg.norm(second)
    arc = slerp(first, second, 9)
    np.testing.assert_allclose(arc[[0, -1]], [first, second])
    lengths = np.linalg.norm(arc, axis=1)
    np.testing.assert_allclose(lengths, lengths[0])
    cosines = (arc[:-1] * arc[1:]).sum(axis=1) / lengths[0] ** 2
    np.testing.assert_allclose(cosines, cosines[0])
    assert np.linalg.matrix_rank(arc, tol=1e-9) == 2


def test_a_quarter_circle():
    half = np.sqrt(0.5)
    np.testing.assert_allclose(slerp([1, 0], [0, 1], 3), [[1, 0], [half, half], [0, 1]], atol=1e-15)


def test_where_both_ends_point_the_same_way_an_arc_is_straight():
    first = RNG.normal(size=5)
    np.testing.assert_allclose(slerp(first, 3 * first, 4), interpolate(first, 3 * first, 4))
    np.testing.assert_allclose(slerp(first, first, 4), np.tile(first, (4, 1)))


def test_a_nearly_straight_arc_loses_no_digits():
    first = RNG.normal(size=5)
    near = first + 1e-5 * RNG.normal(size=5)
    np.testing.assert_allclose(slerp(first, near, 4), interpolate(first, near, 4), atol=1e-8)


@pytest.mark.parametrize(
    ("first", "second", "parts"),
    [([0, 0], [1, 0], ("end", "zero")), ([1, 2], [-2, -4], ("ends", "opposite", "third point"))],
)
def test_ends_without_an_arc_are_refused(first, second, parts):
    with refused(ValueError, *parts):
        slerp(first, second, 3)


@pytest.mark.parametrize("walk", [interpolate, slerp])
@pytest.mark.parametrize("shapes", [((3,), (4,)), ((2, 3), (2, 3)), ((1,), (3,))])
def test_ends_of_other_shapes_are_refused(walk, shapes):
    with refused(ValueError, "ends", *shapes, "(z_dim,)"):
        walk(*(np.ones(shape) for shape in shapes), 3)


@pytest.mark.parametrize("walk", [interpolate, slerp])
@pytest.mark.parametrize(
    ("wrong", "said"), [([np.nan, 1.0], "nan"), ([1.0, -np.inf], "-inf"), (["a", "b"], "list"),
                        ([[1], [1, 2]], "list"), ({"z": [1.0]}, "dict")],
    ids=str,
)  # fmt: skip
def test_ends_that_are_no_finite_numbers_are_refused(walk, wrong, said):
    with refused(ValueError, "first", said, "finite"):
        walk(wrong, [1, 0], 3)
    with refused(ValueError, "second", said, "finite"):
        walk([1, 0], wrong, 3)


@pytest.mark.parametrize("walk", [interpolate, slerp])
@pytest.mark.parametrize("count", ["5", 2.5, 5.0, -1, 0, True, None])
def test_a_bad_number_of_points_is_named(walk, count):
    with refused(ValueError, "count", repr(count), "whole", 1):
        walk([1, 0], [0, 1], count)


def test_a_traversal_changes_one_dimension_and_leaves_its_argument():
    z = np.arange(4.0)
    copies = traverse(z, 2, [-1, 7])
    np.testing.assert_array_equal(copies, [[0, 1, -1, 3], [0, 1, 7, 3]])
    np.testing.assert_array_equal(z, np.arange(4.0))


@pytest.mark.parametrize("dimension", [-1, 4, True, "a", 0.0, None])
def test_a_dimension_that_is_not_there_is_refused(dimension):
    with refused(ValueError, "dimension", repr(dimension), "whole", 0, 3):
        traverse(np.zeros(4), dimension, [0])


@pytest.mark.parametrize("shapes", [((3, 4), (2,)), ((4,), ()), ((4,), (2, 1)), ((), (2,))])
def test_a_traversal_of_other_shapes_is_refused(shapes):
    with refused(ValueError, "z", "values", *shapes, "(z_dim,)", "(count,)"):
        traverse(np.zeros(shapes[0]), 1, np.zeros(shapes[1]))


@pytest.mark.parametrize(
    ("z", "values", "parts"),
    [([0, np.nan], [1], ("z", "nan", "finite")), ([0, 1], ["a"], ("values", "list", "finite")),
     ([0, 1], [1, np.inf], ("values", "inf", "finite"))],
)  # fmt: skip
def test_a_traversal_of_no_finite_numbers_is_refused(z, values, parts):
    with refused(ValueError, *parts):
        traverse(z, 1, values)


# Units


def test_units_are_active_where_the_variance_is_above_the_threshold():
    column = np.array([-1.0, 1.0, -1.0, 1.0])  # variance 1
    mean = np.stack([column, 0.11 * column, 0.09 * column, 0 * column + 5], axis=1)
    assert active_units(mean).tolist() == [True, True, False, False]
    assert active_units(mean, 0.5).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("shape", "threshold", "parts"),
    [((1, 3), 0.01, ("mean", (1, 3), "(n, z_dim)", 2)), ((3,), 0.01, ("mean", (3,), "(n, z_dim)")),
     ((4, 3), 0.0, ("threshold", 0.0, 0)), ((4, 3), np.nan, ("threshold", "nan", 0))],
)  # fmt: skip
def test_units_that_cannot_be_counted_are_refused(shape, threshold, parts):
    mean = np.ones(shape)
    with refused(ValueError, *parts):
        active_units(mean, threshold)


# The density of all codes


def by_scipy(z, mean, log_var):
    """The definition, one normal density at a time."""
    parts = zip(mean, log_var, strict=True)
    each = [stats.norm(m, np.exp(v / 2)).logpdf(z).sum(axis=1) for m, v in parts]
    return special.logsumexp(each, axis=0) - np.log(len(mean))


@pytest.mark.parametrize("z_dim", [1, 2, 30])
def test_the_density_is_the_average_of_normal_densities(z_dim):
    mean = RNG.normal(size=(40, z_dim))
    log_var = RNG.normal(-3, 1, size=(40, z_dim))
    z = 2 * RNG.normal(size=(25, z_dim))
    np.testing.assert_allclose(
        aggregate_log_density(z, mean, log_var), by_scipy(z, mean, log_var), rtol=1e-9
    )


def test_the_density_integrates_to_one():
    mean, log_var = np.random.default_rng(3).normal(0, 0.7, size=(2, 6, 2))
    line = np.linspace(-12, 12, 241)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    density = np.exp(aggregate_log_density(plane, mean, log_var)).reshape(241, 241)
    assert np.trapezoid(np.trapezoid(density, line), line) == pytest.approx(1, abs=1e-6)


def test_far_away_the_density_is_small_and_not_lost():
    far = aggregate_log_density([[100.0, 0.0]], np.zeros((5, 2)), np.zeros((5, 2)))
    assert far[0] == pytest.approx(-5000 - np.log(2 * np.pi))


def test_codes_of_single_precision_are_computed_in_double():
    mean = RNG.normal(size=(30, 2)).astype(np.float32)
    log_var = np.full((30, 2), -12, np.float32)  # narrow: the squares are large and cancel
    density = aggregate_log_density(mean[:5], mean, log_var)
    np.testing.assert_allclose(density, by_scipy(mean[:5].astype(float), mean, log_var), rtol=1e-8)


@pytest.mark.parametrize("at_once", [1, 100, 10_000])
def test_the_parts_do_not_show(monkeypatch, at_once):
    z, mean, log_var = RNG.normal(size=(3, 30, 4))
    whole = aggregate_log_density(z, mean, log_var)
    monkeypatch.setattr(latent_space, "AT_ONCE", at_once)
    np.testing.assert_allclose(aggregate_log_density(z, mean, log_var), whole, rtol=1e-12)


@pytest.mark.parametrize(
    "shapes",
    [((5, 2), (9, 3), (9, 3)), ((5, 2), (9, 2), (1, 2)), ((2,), (9, 2), (9, 2)),
     ((5, 2), (9, 2), (9, 1))],
)  # fmt: skip
def test_shapes_that_would_broadcast_are_refused(shapes):
    names, allowed = ("z", "mean", "log_var"), ("(batch, z_dim)", *2 * ["(n, z_dim)"])
    with refused(ValueError, *names, *shapes, *allowed):
        aggregate_log_density(*(np.zeros(shape) for shape in shapes))
