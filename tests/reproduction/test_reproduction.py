"""A thousandth of a run, end to end: what it records, and that a stop changes no bit of it."""

import json
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from reproduction import __main__ as command
from reproduction import record
from reproduction.runs import RUNS
from reproduction.training import (
    FIXED,
    Images,
    doubt,
    images_of,
    judge,
    new_model,
    stands_at,
    timed,
    train_run,
)
from tests.helpers import Stopped, assert_says, mentions, refused, stop_at_checkpoint
from vae_lib.decoder import binarize
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.tighter_bounds import own_images, sandwich


def short(name, **changes):
    return replace(RUNS[name], **{"epochs": 3, "batch_size": 20} | changes)


def go(run, few, folder, seeds=(0,), **options):
    folder.mkdir(exist_ok=True)
    how = {"out": folder, "work": folder / "work", "n_samples": 12} | options
    return json.loads(command.reproduce(run, seeds, few, **how).read_text())


def same(a, b):
    """Whether two records of a seed are alike, but for the seconds."""
    alike = {n for n in a.keys() | b.keys() if "seconds" not in n}
    return all(a.get(name) == b.get(name) for name in alike)


# The registry


def test_the_published_figures_are_those_of_the_table():
    """Burda et al. 2016, table 1: one stochastic layer, MNIST."""
    found = {(run.k, run.pixels): run.published for run in RUNS.values()}
    assert {pair: x for pair, x in found.items() if x} == {
        (1, "coins"): 86.76, (5, "coins"): 85.54, (50, "coins"): 84.78
    }  # fmt: skip
    assert [*RUNS] == [run.name for run in RUNS.values()]
    assert all(run.source for run in RUNS.values() if run.published)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_run_has_the_published_network_and_its_own_objective(run, few):
    model = new_model(run, 3, few.x_train)
    shapes = [tuple(w.shape) for w in model.encoder.weights if len(w.shape) == 2]
    assert shapes == [(784, 200), (200, 200), (200, 50), (200, 50)]
    outputs = 784 * (2 if run.pixels == "bytes" else 1)
    shapes = [tuple(w.shape) for w in model.decoder.weights if len(w.shape) == 2]
    assert shapes == [(50, 200), (200, 200), (200, outputs)]
    assert model.config["activation"] == "tanh"
    draws = 1 if model.loss_given is None else model.loss_given.n_samples
    assert draws == run.k
    rate = model.optimizer.get_config()["learning_rate"]["config"]
    assert rate["decay_steps"] == run.iterations(100) == run.epochs * 100 // run.batch_size


# What pixels are


def test_coins_are_drawn_in_training_but_once_for_the_test(few):
    x, x_judge = images_of(RUNS["vae"], few)
    np.testing.assert_array_equal(x, few.x_train)
    assert set(np.unique(x_judge)) == {0.0, 1.0}
    assert abs(x_judge.mean() - few.x_test.mean()) < 0.01
    np.testing.assert_array_equal(x_judge, images_of(RUNS["iwae-5"], few).x_judge)


def test_fixed_coins_are_the_same_each_time(few):
    first, again = (images_of(RUNS["vae-fixed-coins"], few) for _ in range(2))
    for mine, its in zip(first, again, strict=True):
        assert set(np.unique(mine)) == {0.0, 1.0}
        np.testing.assert_array_equal(mine, its)


def test_gray_pixels_stay_as_they_are(few):
    for mine, its in zip(images_of(RUNS["vae-bytes"], few), (few.x_train, few.x_test), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_schedule_is_judged_by_training_images_and_the_test_images_are_not_looked_at(few):
    x, x_judge = images_of(RUNS["vae-bytes"], few, held_out=True)
    np.testing.assert_array_equal(np.concatenate([x, x_judge]), few.x_train)
    assert len(x_judge) == 25


# A thousandth of a run


@pytest.fixture(scope="module")
def unbroken(few, tmp_path_factory):
    """The record of a short run that nothing has stopped, by name."""
    folder = tmp_path_factory.mktemp("unbroken")
    return cache(lambda name: go(short(name), few, folder))


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("name", "stop"), [("vae", 1), slow("vae", 2), slow("vae", 3), slow("iwae-5", 1)]
)
def test_a_run_that_is_stopped_goes_on_and_ends_with_the_same_bits(
    name, stop, few, unbroken, tmp_path, monkeypatch
):
    """One checkpoint falls into the training, one to its end, one into the evaluation."""
    monkeypatch.setattr("vae_lib.training.STEPS_PER_CALL", 10)
    monkeypatch.setattr("reproduction.training.EVERY", 10)
    monkeypatch.setattr("vae_lib.evaluation.AT_ONCE", 5 * 60)
    with monkeypatch.context() as patch:
        stop_at_checkpoint(patch, stop)
        with pytest.raises(Stopped):
            go(short(name), few, tmp_path)
    where = tmp_path / "work" / name / "0"
    stood = stands_at(where / "training"), stands_at(where / "evaluation")
    assert stood == [(10, 0), (15, 0), (15, 5)][stop - 1]
    so_far = json.loads((tmp_path / f"{name}.json").read_text())
    assert so_far["summary"] == {}
    assert so_far["seeds"]["0"]["curve"]["iteration"] == [*range(1, stood[0] + 1)]
    again = go(short(name), few, tmp_path)
    assert same(again["seeds"]["0"], unbroken(name)["seeds"]["0"])
    assert again["summary"] == unbroken(name)["summary"]


def test_a_run_that_has_ended_is_told_again_and_not_done_again(few, unbroken, tmp_path):
    first = go(short("vae"), few, tmp_path)
    again = go(short("vae"), few, tmp_path)
    assert again["seeds"] == first["seeds"]  # the seconds, too
    assert same(first["seeds"]["0"], unbroken("vae")["seeds"]["0"])


def test_the_record_says_what_it_is_of(unbroken):
    told = unbroken("vae")
    settings, one = told["settings"], told["seeds"]["0"]
    assert (settings["k"], settings["published"], settings["epochs"]) == (1, 86.76, 3)
    assert (settings["n_samples"], settings["judged_by"]) == (12, "60 test images")
    assert settings["data"] == "100 digits"
    assert {"cpu", "cores", "threads"} <= told["machine"].keys()
    assert told["versions"].keys() == {"tensorflow", "keras", "numpy", "vae-lib"}
    assert one["training_seconds"] > 0
    assert one["evaluation_seconds"] > 0
    assert one["curve"]["iteration"] == [*range(1, 16)]
    assert np.isfinite(one["curve"]["loss"]).all()


def test_the_figure_is_the_bound_of_the_images_that_it_is_judged_by(few, tmp_path):
    run = short("vae")
    images = images_of(run, few)
    model, told = train_run(run, 0, images.x, tmp_path / "training", {}), {}
    judge(model, images.x_judge, 0, 12, tmp_path / "evaluation", told)
    bound, error = importance_weighted_bound(model, images.x_judge, 12, 0, return_error=True)
    assert told["nats"] == pytest.approx(-bound.mean())
    assert told["error"] == pytest.approx(np.std(bound, ddof=1) / np.sqrt(60))
    assert told["draws_error"] == pytest.approx(np.sqrt(np.sum(error**2)) / 60)
    assert told["draws_error"] < told["error"]
    assert told["nats"] < told["elbo_loss"]
    assert 0 <= told["active_units"] <= 50


@pytest.mark.slow
def test_seeds_are_added_to_a_record_and_other_settings_begin_a_new_one(few, tmp_path):
    go(short("vae"), few, tmp_path, seeds=(1,))
    both = go(short("vae"), few, tmp_path, seeds=(0,))
    assert sorted(both["seeds"]) == ["0", "1"]
    nats = [both["seeds"][seed]["nats"] for seed in "01"]
    assert nats[0] != nats[1]
    assert both["summary"]["seeds"] == 2
    assert both["summary"]["nats"] == pytest.approx(np.mean(nats))
    assert both["summary"]["std"] == pytest.approx(np.std(nats, ddof=1))
    other = go(short("vae", epochs=2), few, tmp_path, work=tmp_path / "other")
    assert [*other["seeds"]] == ["0"]


def test_a_refusal_leaves_the_record_as_it_was(few, tmp_path):
    """The checkpoints are of another schedule."""
    before = go(short("vae", epochs=1), few, tmp_path)
    with refused(ValueError, "another training", "another folder"):
        go(short("vae", epochs=2), few, tmp_path)
    assert json.loads((tmp_path / "vae.json").read_text()) == before


@pytest.mark.slow
def test_what_is_trained_on_held_out_images_has_a_record_of_its_own(few, tmp_path):
    told = go(short("vae"), few, tmp_path, held_out=True)
    assert (tmp_path / "vae.held-out.json").exists()
    assert not (tmp_path / "vae.json").exists()
    assert told["settings"]["judged_by"] == "25 training images"


def test_the_summary_averages_what_has_ended_and_compares_it():
    """A bit for each pixel, by a seed that has ended, beside one that has not."""
    seeds = {"0": {"nats": 784 * np.log(2), "error": 1.0, "draws_error": 0.1}, "1": {"curve": {}}}
    told = record.summary(seeds, {"pixels": "bytes", "published": None})
    assert told["bits_per_dimension"] == pytest.approx(1.0)
    assert told["seeds"] == 1
    assert "above_published" not in told
    told = record.summary(seeds, {"pixels": "coins", "published": 500.0})
    assert told["above_published"] == pytest.approx(784 * np.log(2) - 500)
    assert "bits_per_dimension" not in told
    assert record.summary({"1": {"curve": {}}}, {}) == {}


def test_a_figure_is_doubted_by_both_sides_by_fewer_draws_and_by_images_it_was_trained_on(
    few, monkeypatch
):
    monkeypatch.setattr("reproduction.training.OWN", 30)
    run = replace(RUNS["vae-fixed-coins"], batch_size=20)
    images, told = images_of(run, few), {}
    model = new_model(run, 0, images.x)
    doubt(model, run, images, 1, 50, told)
    lower, upper = sandwich(model, *own_images(model, 30, 1), 50, 1)
    apart = upper - lower
    assert told["band"] == pytest.approx(apart.mean(), rel=1e-5)
    assert told["band_error"] == pytest.approx(apart.std(ddof=1) / np.sqrt(30), rel=1e-5)
    for name, x in (("nats_fewer", images.x_judge), ("nats_seen", images.x[: len(few.x_test)])):
        wanted = -importance_weighted_bound(model, x, 10, 1).mean()
        assert told[name] == pytest.approx(float(wanted), rel=1e-5)
    doubt(model, RUNS["vae"], Images(few.x_train, images.x_judge), 1, 50, told)
    coins = binarize(few.x_train[: len(few.x_test)], (FIXED, 2)).numpy()
    wanted = -importance_weighted_bound(model, coins, 10, 1).mean()
    assert told["nats_seen"] == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae-fixed-coins", "vae-bytes"])
def test_the_other_rows_are_trained_and_judged(name, few, tmp_path):
    told = go(short(name), few, tmp_path)
    assert np.isfinite(told["summary"]["nats"])
    assert np.isfinite(told["seeds"]["0"]["curve"]["loss"]).all()


def test_seconds_are_those_of_all_of_the_work_at_the_speed_of_what_was_left(tmp_path, monkeypatch):
    clocks = {"perf_counter": iter([0.0, 3.0, 5.0]), "process_time": iter([0.0, 6.0, 9.0])}
    for name, times in clocks.items():
        monkeypatch.setattr(f"reproduction.training.time.{name}", partial(next, times))
    told = {}
    (tmp_path / "checkpoint-000000070.npz").touch()
    with timed(told, "training", 100, tmp_path):
        (tmp_path / "checkpoint-000000100.npz").touch()
    assert told == {"training_seconds": 10.0, "training_processor_seconds": 20.0}
    with timed(told, "training", 100, tmp_path):
        pass
    assert told == {"training_seconds": 10.0, "training_processor_seconds": 20.0}


# The command


def test_without_all_of_mnist_nothing_begins(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    assert command.main(["vae", "--out", str(tmp_path), "--work", str(tmp_path / "work")]) == 1
    assert_says(capsys.readouterr().err, "5,000 digits", "all of MNIST", "VAE_LIB_MNIST")
    assert [*tmp_path.iterdir()] == []


def test_an_unknown_run_is_refused_and_the_known_are_named(capsys):
    assert command.main(["vea"]) == 2
    assert mentions(capsys.readouterr().err, "vea", "vae", "iwae-5")


@pytest.mark.slow
def test_the_command_does_what_it_is_asked_for(few, monkeypatch, tmp_path, capsys):
    full = replace(few, source="file")
    monkeypatch.setattr("reproduction.options.load_mnist", lambda flat: full)
    monkeypatch.setitem(command.RUNS, "vae", short("vae", epochs=1))
    words = ["vae", "--seeds", "4", "5", "--out", str(tmp_path), "--work", str(tmp_path / "work")]
    assert command.main(words) == 0
    told = json.loads((tmp_path / "vae.json").read_text())
    assert [*told["seeds"]] == ["4", "5"]
    assert told["settings"]["n_samples"] == 5000
    said = capsys.readouterr().out
    assert mentions(said, "vae", 4, f"{told['seeds']['4']['nats']:.2f}", "published", 86.76)
