"""The page "Is my number good?" says what the records say, however far the runs have come."""

import json
import re
import shutil

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest

from reproduction import report
from reproduction.runs import RUNS
from reproduction.training import images_of
from tests.helpers import ROOT, mentions
from vae_lib.data import load_mnist
from vae_lib.model import VAE

SUMMARY = {"nats": 86.5, "error": 0.21, "draws_error": 0.0031, "seeds": 1, "above_published": -0.26}
ENDED = {
    "nats": 86.5, "training_processor_seconds": 3000.0, "evaluation_processor_seconds": 600.0,
    "elbo_loss": 90.25, "active_units": 21, "band": 2.75, "nats_fewer": 86.62, "nats_seen": 86.3,
    "curve": {"iteration": [300_000, 600_000], "loss": [90.0, 88.0]},
}  # fmt: skip
STOPPED = {"curve": {"iteration": [6_000, 150_000], "loss": [120.0, 95.0]}}
STATES = {
    "nothing": {},
    "stopped": {"vae": ({}, [STOPPED])},
    "one": {"vae": (SUMMARY, [ENDED])},
    "one and a part": {"vae": (SUMMARY, [ENDED, STOPPED]), "iwae-5": ({}, [STOPPED])},
    "three": {"vae": (SUMMARY | {"seeds": 3, "std": 0.04}, [ENDED] * 3)},
    "made anew": {"vae": (SUMMARY, [{n: x for n, x in ENDED.items() if "seconds" not in n}])},
}


def write(folder, state, **changes):
    (folder / "reproduction").mkdir(exist_ok=True)
    for name, (summary, seeds) in STATES[state].items():
        record = {"summary": summary | changes, "seeds": dict(enumerate(seeds))}
        (folder / f"reproduction/{name}.json").write_text(json.dumps(record))


@pytest.fixture(params=STATES)
def found(request, tmp_path):
    write(tmp_path, request.param)
    return request.param, report.records(tmp_path)


def test_a_figure_is_told_only_of_what_has_ended(found):
    state, records = found
    told = [report.row(name, record) for name, record in records.items()]
    wanted = {
        "nothing": [],
        "stopped": [["86.76", "not yet", "0", "", "", "", ""]],
        "one": [["86.76", "86.50", "1", "0.21", "2.8", "90.25", "21"]],
        "one and a part": [
            ["86.76", "86.50", "1", "0.21", "2.8", "90.25", "21"],
            ["85.54", "not yet", "0", "", "", "", ""],
        ],
        "made anew": [["86.76", "86.50", "1", "0.21", "2.8", "90.25", "21"]],
        "three": [["86.76", "86.50\u00a0±\u00a00.04", "3", "0.21", "2.8", "90.25", "21"]],
    }
    assert [cells[1:] for cells in told] == wanted[state]


def test_the_hours_of_a_seed_are_the_median_of_training_and_judging():
    quick, slow = ENDED, ENDED | {"training_processor_seconds": 30_000.0}
    assert report.hours({"seeds": {"0": slow, "1": quick, "2": quick, "3": STOPPED}}) == 1.0


@pytest.mark.parametrize(
    ("state", "parts"),
    [("nothing", ["not begun"]), ("stopped", ["0 of 3", "25%"]),
     ("one and a part", ["1 of 3", "25%"])],
)  # fmt: skip
def test_of_what_has_not_ended_it_says_how_far_it_came(state, parts, tmp_path):
    write(tmp_path, state)
    assert mentions(report.standing("vae", report.records(tmp_path).get("vae")), *parts)


def test_two_numbers_of_a_run_are_compared_within_a_seed():
    seeds = {"0": ENDED, "1": ENDED | {"nats_seen": 86.1}, "2": STOPPED}
    found = {"vae": {"seeds": seeds}}
    assert report.gain("vae", found, "nats_seen", "nats_fewer") == "−0.42"
    assert report.gain("vae", found, "elbo_loss", "nats") == "+3.75"
    for name, none in (("vae", {"vae": {"seeds": {"0": STOPPED}}}), ("iwae-5", found)):
        assert report.gain(name, none, "nats_seen", "nats_fewer") == "not yet known"


def test_gray_pixels_are_told_in_bits_too():
    record = {"summary": {"nats": 700.0, "bits_per_dimension": 1.2881}, "seeds": {}}
    assert report.ours(record) == "700.00 (1.288 bits)"


def test_choices_are_compared_within_a_seed():
    seeds = {"0": {report.AS_IT_IS: 90.0, "a": 91.0}, "1": {report.AS_IT_IS: 80.0, "a": 82.0}}
    moves = report.moves({"seeds": seeds})
    assert [*moves] == ["a"]
    np.testing.assert_array_equal(moves["a"], [1.0, 2.0])


def test_throws_of_coins_are_compared_with_each_other():
    seed = {report.AS_IT_IS: 90.0, "a": 70.0, "other coins, throw 1": 91.0}
    choices = {"seeds": {"0": seed | {"other coins, throw 2": 89.0}}}
    assert [*report.moves(choices)] == ["a"]
    np.testing.assert_allclose(report.spread_of_throws(choices), [1.0])


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """Run the page's cells in a clone with the records of a state."""

    def run(state, **changes):
        shutil.copytree(ROOT / "reproduction", tmp_path / "reproduction")
        for name in RUNS:
            (tmp_path / f"reproduction/{name}.json").unlink(missing_ok=True)
        write(tmp_path, state, **changes)
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(ROOT))
        names = {}
        for cell in jupytext.read(ROOT / "chapters/reproduction.md").cells:
            if cell.cell_type == "code":
                exec(cell.source, names)
        plt.close("all")

    return run


@pytest.mark.parametrize("state", STATES)
def test_the_page_runs_with_what_there_is(state, run_page, capsys):
    run_page(state)
    has_figure = bool(STATES[state].get("vae", [{}])[0])
    assert ("✓ vae: worse than published" in capsys.readouterr().out) == has_figure


def test_the_lines_for_a_model_of_ones_own_judge_by_the_coins_of_the_table(
    tmp_path, monkeypatch, capsys
):
    page = (ROOT / "chapters/reproduction.md").read_text("utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names = {"model": VAE(2, 8, 784)}
    assert 'load_mnist("keras", ' in lines  # all of them, or an error
    exec(lines.replace("5000", "2").replace('"keras", ', ""), names)
    of_the_table = images_of(RUNS["vae"], load_mnist(flat=True)).x_judge
    np.testing.assert_array_equal(names["x_test"], of_the_table)
    out = capsys.readouterr().out
    assert all(name in out for name in ("nats:", "error by the images:"))
    assert (tmp_path / "my-evaluation").is_dir()


def test_a_figure_that_is_worse_than_published_stops_the_page(run_page):
    with pytest.raises(AssertionError, match="vae: worse than published"):
        run_page("one", above_published=0.11)
