"""What the panel of rate and distortion is given, what it refuses, and its still picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.helpers import refused
from vae_lib.panels.rate_distortion import RateDistortion

BETAS = [0.25, 1, 8]
RATES = [[9, 4.5], [6, 2.25], [0, 0.125]]
DISTORTIONS = [-104, -99.5, 3]


@pytest.fixture
def given():
    """Five images of 3×3 pixels, and what three models make of them."""
    restored = np.random.default_rng(0).random((3, 5, 9))
    return {
        "betas": BETAS, "rates": RATES, "distortions": DISTORTIONS,
        "x": np.round(restored[0]), "restored": restored,
    }  # fmt: skip


def test_the_page_is_given_the_very_numbers_and_images(given):
    data = RateDistortion(**given).data
    assert [model["name"] for model in data["models"]] == ["¼", "1", "8"]
    for name, values in (("beta", BETAS), ("rates", RATES), ("distortion", DISTORTIONS)):
        assert [model[name] for model in data["models"]] == values
    assert np.array_equal(data["x"], 255 * given["x"])
    restored = np.array([model["restored"] for model in data["models"]])
    assert abs(restored / 255 - given["restored"]).max() <= 0.5 / 255 + 1e-9


def test_the_axes_hold_all_models_and_the_rate_begins_at_zero(given):
    ticks = RateDistortion(**given).data["ticks"]
    assert ticks["rate"][0] == 0
    assert ticks["rate"][-1] >= 13.5
    assert ticks["distortion"][0] <= -104
    assert ticks["distortion"][-1] >= 3
    for values in ticks.values():
        assert 4 <= len(values) <= 9
        assert np.allclose(np.diff(values), values[1] - values[0])


def test_what_cannot_be_shown_is_refused(given):
    x, restored = given["x"], given["restored"]
    holed = restored.copy()
    holed[1, 2, 3] = np.nan
    for wrong, *parts in (
        ({"betas": [1, 8]}, "rates", (3, 2), "(models, z_dim)", 2),
        ({"betas": [1, 1, 8]}, "betas", [1.0, 1.0, 8.0], "two", "positive", "rise"),
        ({"betas": [0, 1, 8]}, "betas", [0.0, 1.0, 8.0], "positive"),
        ({"betas": [1]}, "betas", [1.0], "two"),
        ({"betas": 1}, "betas", 1.0, "two"),
        ({"betas": ["a", "b", "c"]}, "betas", "list", "(models,)"),
        ({"rates": [13.5, 8.25, 0]}, "rates", (3,), "(models, z_dim)", 3),
        ({"rates": np.zeros((3, 0))}, "rates", (3, 0), "(models, z_dim)", "1 or more"),
        ({"rates": np.array(RATES) - 1}, "rates", -1, 0),
        ({"distortions": [1, np.inf, 2]}, "distortions", "finite", 1),
        ({"distortions": [1, 2]}, "distortions", (2,), "(models,)", 3),
        ({"x": x[:4]}, "restored", (3, 5, 9), "(models, n, pixels)", "(3, 4, 9)"),
        ({"x": x[0]}, "x", (9,), "(n, pixels)"),
        ({"x": x[:, :8]}, "x", 8, "square"),
        ({"x": 255 * x}, "x", 0, 255, 0, 1),
        ({"restored": restored[:2]}, "restored", (2, 5, 9), "(3, 5, 9)"),
        ({"restored": restored - 1}, "restored", 0, 1),
        ({"restored": holed}, "restored", 1, "finite", "[1, 2, 3]"),
        ({"restored": None}, "restored", "NoneType", "(models, n, pixels)"),
    ):
        with refused(ValueError, *parts):
            RateDistortion(**given | wrong)


def test_the_picture_has_each_model_its_line_and_what_it_restores(given):
    plane, digits = RateDistortion(**given).picture().axes
    curve, *lines = plane.lines
    assert np.array_equal(curve.get_xydata(), np.transpose([np.sum(RATES, 1), DISTORTIONS]))
    for line, beta, place in zip(lines, BETAS, curve.get_xydata(), strict=True):
        assert line.get_slope() == -beta
        assert np.array_equal(line.get_xy1(), place)
    sheet = np.asarray(digits.images[0].get_array())
    rows = np.concatenate([given["x"][None], given["restored"]]).reshape(4, 5, 3, 3)
    for row, column in np.ndindex(4, 5):
        tile = sheet[3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
        assert np.allclose(tile, rows[row, column])
    assert [text.get_text() for text in digits.get_yticklabels()] == [
        "images",
        "β = ¼",
        "β = 1",
        "β = 8",
    ]
    plt.close("all")
