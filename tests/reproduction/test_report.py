"""The page "Is my number good?" says what the records say, however far the runs have come."""

import json
import shutil

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest

from reproduction import report
from reproduction.runs import RUNS
from tests.helpers import ROOT, mentions

SUMMARY = {"nats": 86.5, "error": 0.21, "draws_error": 0.0031, "seeds": 1, "above_published": -0.26}
ENDED = {
    "nats": 86.5, "training_seconds": 3000.0, "evaluation_seconds": 600.0,
    "curve": {"iteration": [300_000, 600_000], "loss": [90.0, 88.0]},
}  # fmt: skip
STOPPED = {"curve": {"iteration": [6_000, 150_000], "loss": [120.0, 95.0]}}
STATES = {
    "nothing": {},
    "stopped": {"vae": ({}, [STOPPED])},
    "one": {"vae": (SUMMARY, [ENDED])},
    "one and a part": {"vae": (SUMMARY, [ENDED, STOPPED]), "iwae-5": ({}, [STOPPED])},
    "three": {"vae": (SUMMARY | {"seeds": 3, "std": 0.04}, [ENDED] * 3)},
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
        "stopped": [["86.76", "not yet", "0", "", "", "1,000", ""]],
        "one": [["86.76", "86.50", "1", "0.21", "0.003", "1,000", "1.0"]],
        "one and a part": [
            ["86.76", "86.50", "1", "0.21", "0.003", "1,000", "1.0"],
            ["85.54", "not yet", "0", "", "", "1,000", ""],
        ],
        "three": [["86.76", "86.50 ± 0.04", "3", "0.21", "0.003", "1,000", "1.0"]],
    }
    assert [cells[1:] for cells in told] == wanted[state]


@pytest.mark.parametrize(
    ("state", "parts"),
    [("nothing", ["not begun"]), ("stopped", ["0 of 3", "25%"]),
     ("one and a part", ["1 of 3", "25%"])],
)  # fmt: skip
def test_of_what_has_not_ended_it_says_how_far_it_came(state, parts, tmp_path):
    write(tmp_path, state)
    assert mentions(report.standing("vae", report.records(tmp_path).get("vae")), *parts)


def test_gray_pixels_are_told_in_bits_too():
    record = {"summary": {"nats": 700.0, "bits_per_dimension": 1.2881}, "seeds": {}}
    assert report.ours(record) == "700.00 (1.288 bits)"


def test_choices_are_compared_within_a_seed():
    seeds = {"0": {report.AS_IT_IS: 90.0, "a": 91.0}, "1": {report.AS_IT_IS: 80.0, "a": 82.0}}
    moves = report.moves({"seeds": seeds})
    assert [*moves] == ["a"]
    np.testing.assert_array_equal(moves["a"], [1.0, 2.0])


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


def test_a_figure_that_is_worse_than_published_stops_the_page(run_page):
    with pytest.raises(AssertionError, match="vae: worse than published"):
        run_page("one", above_published=0.11)
