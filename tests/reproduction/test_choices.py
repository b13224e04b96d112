"""What one choice moves a figure by, on a hundred digits: each is measured, and told in pairs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from reproduction import choices
from reproduction.runs import AS_IT_IS
from reproduction.training import new_model
from vae_lib.loss import kl_divergence


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Runs of four epochs, of five minibatches each, and few draws."""
    monkeypatch.setattr(choices, "BASE", replace(choices.BASE, epochs=4, batch_size=15))
    monkeypatch.setattr(choices, "DRAWS", 40)


@pytest.mark.slow
def test_each_choice_is_measured_and_recorded(few, tmp_path):
    choices.measure([3], few, tmp_path / "choices.json")
    record = json.loads((tmp_path / "choices.json").read_text())
    assert record["settings"] == {"epochs": 4, "n_samples": 40, "data": "100 digits"}
    told = record["seeds"]["3"]
    assert len(told) == len(set(told.values())) == 16  # no two are the same measurement
    by_draws = [told[n] for n in ("one draw: the ELBO", "20 draws", AS_IT_IS, "1,000 draws")]
    assert by_draws == sorted(by_draws, reverse=True)
    assert told["output bias at zero"] > told[AS_IT_IS] > told["twice as many epochs"]


def test_at_the_mean_is_minus_a_reconstruction_without_noise_minus_the_kl_term(few):
    model, x = new_model(choices.BASE, 0, few.x_train), np.round(few.x_test)
    mean, log_var = model.encode(x)
    p = model.decode(mean).numpy()
    wanted = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1) + kl_divergence(mean, log_var)
    assert choices.at_the_mean(model, x) == pytest.approx(float(np.mean(wanted)), rel=1e-4)
