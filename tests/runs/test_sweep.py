"""Many runs: what is run, what is kept, what dies, and what it costs the others.

The notebook here is not chapter 6 but a short one with the same parameters, which can be told to
end badly. All the rest is real: papermill, kernels, processes, signals, a cluster.
"""

import json
import signal
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version

import nbformat
import numpy as np
import pytest

from tests.helpers import assert_says, mentions, refused, wait_for
from tests.runs.quick_notebook import (
    KILLS_PAPERMILL,
    KILLS_THE_KERNEL,
    MEMORY,
    RAISES,
    SAYS_NOTHING,
    SCRIPT,
    STAYS,
    go_on,
    kernels,
    log,
    planned,
    quick,
    start,
    swept,
)
from vae_lib.data import DataError
from vae_lib.parameters import ChapterParameters, ParameterError
from vae_lib.runs import run as run_module
from vae_lib.runs.freshness import library_digest
from vae_lib.runs.run import Job, Outcome, notebook_environment, run
from vae_lib.runs.sweep import SweepError, keep, plan, run_name, sweep


def injected(point):
    """The cell that papermill put into a point's notebook."""
    cells = nbformat.read(point.folder / "notebook.ipynb", 4).cells
    return next(c.source for c in cells if "injected-parameters" in c.metadata.get("tags", []))


def test_a_grid_has_every_combination_once(chapter):
    points = planned(chapter, z_dim=[1, 2, 2], seed=[0, 1], learning_rate=[0.01])
    assert [(p.parameters["z_dim"], p.parameters["seed"]) for p in points] == [
        (1, 0), (1, 1), (2, 0), (2, 1),
    ]  # fmt: skip
    assert all(p.parameters["learning_rate"] == 0.01 for p in points)
    assert all(p.parameters["h_dim"] == 128 for p in points)
    assert len({p.key for p in points}) == len({p.folder for p in points}) == 4


def test_a_name_says_z_dim_and_seed_and_what_is_not_the_default():
    defaults = ChapterParameters().model_dump()
    assert run_name(defaults) == "z_dim=100,seed=0"
    assert run_name(defaults | {"z_dim": 2, "iterations": 5}) == "z_dim=2,iterations=5,seed=0"
    strange = run_name(defaults | {"data": "/a b/ä.npz"})
    assert strange == "z_dim=100,seed=0,data=%2Fa%20b%2F%C3%A4.npz"
    long = [run_name(defaults | {"data": "/" + 300 * c + ".npz"}) for c in "ab"]
    assert len(set(long)) == 2
    assert max(map(len, long)) < 255


@pytest.mark.parametrize(
    ("values", "error", "parts"),
    [
        ({"zdim": [2]}, ParameterError, ("'zdim'", "'z_dim'")),
        ({"z_dim": [2, 0]}, ParameterError, ("z_dim", 0, 1, "10,000")),
        ({"seed": [0], "z_dim": ["2"]}, ParameterError, ("z_dim", "'2'", "whole", 1, "10,000")),
        ({"z_dim": 2}, SweepError, ("z_dim", 2, "[2]")),
        ({"likelihood": "gaussian"}, SweepError, ("likelihood", "'gaussian'", "['gaussian']")),
        ({"data": ["nowhere.npz"]}, ParameterError, ("data", "'nowhere.npz'", "'auto'")),
        ({"data": [__file__]}, DataError, (__file__, "not", ".npz", "source")),
    ],
)
def test_what_cannot_be_right_is_refused_before_the_first_run(chapter, values, error, parts):
    with refused(error, *parts):
        planned(chapter, **values)
    assert not (chapter.parent / "runs").exists()


def test_a_file_in_the_place_of_the_folder_and_a_missing_chapter_are_refused(chapter, tmp_path):
    with refused(SweepError, "out", f"'{chapter}'", "folder"):
        plan({"data": ["small"]}, chapter, quick(chapter))
    with refused(SweepError, tmp_path / "none.ipynb", "clone"):
        plan({"data": ["small"]}, tmp_path / "runs", quick(tmp_path / "none.ipynb"))


def edited(chapter, edit):
    """Change the cells of a notebook in its file."""
    notebook = nbformat.read(chapter, 4)
    edit(notebook.cells)
    nbformat.write(notebook, chapter)


def code(source, *tags):
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        (lambda cells: cells[0].metadata.update(tags=[]), (0, "'parameters'")),
        (lambda cells: cells[1].metadata.update(tags=["parameters"]), (2, "'parameters'")),
        (lambda cells: cells.insert(0, nbformat.v4.new_markdown_cell(
            "", metadata={"tags": ["parameters"]})), (2, "'parameters'")),
        (lambda cells: cells.insert(0, nbformat.v4.new_raw_cell(
            cells.pop(0).source, metadata={"tags": ["parameters"]})), (1, "'parameters'")),
        (lambda cells: [c.metadata.update(tags=t) for c, t in zip(
            cells, ([], ["parameters"]), strict=False)], ("z_dim", "code cell 1")),
        (lambda cells: cells[0].update(source="z_dim = 1"), ("h_dim", "'parameters'")),
        (lambda cells: cells[0].update(
            source=cells[0].source + "\nn = 2 * z_dim"), ("z_dim", "'parameters'")),
        (lambda cells: cells.insert(2, code("z_dim = 3")), ("z_dim", "code cell 3")),
        (lambda cells: cells.insert(2, code("z_dim += 3")), ("z_dim", "code cell 3")),
        (lambda cells: cells.insert(2, code("for seed in range(3): pass")), ("seed", "cell 3")),
        (lambda cells: cells.insert(0, code("from os import name as data")), ("data", "cell 1")),
        (lambda cells: cells.insert(1, code("def f():\n global h_dim\n h_dim = 1")), ("h_dim", 2)),
        (lambda cells: cells.insert(1, code("z_dim = 1", "injected-parameters")), ("z_dim", 2)),
    ],
)  # fmt: skip
def test_where_parameters_would_not_decide_what_runs_a_sweep_is_refused(chapter, edit, parts):
    edited(chapter, edit)
    with refused(SweepError, chapter, *parts):
        planned(chapter)


def test_names_of_functions_are_their_own(chapter):
    functions = "def f(seed):\n    z_dim = seed\n    return z_dim\n[f(seed) for seed in range(2)]"
    edited(chapter, lambda cells: cells.insert(1, code(functions)))
    assert planned(chapter)


@pytest.mark.parametrize(
    "source", ["globals()['z_dim'] = 3", "%matplotlib inline\nz_dim = 3"], ids=["set", "magic"]
)
@pytest.mark.slow
def test_a_run_with_other_parameters_than_those_asked_for_has_failed(chapter, source):
    edited(chapter, lambda cells: cells.insert(1, code(source)))
    (point,) = planned(chapter, z_dim=[2])
    outcome = swept([point])["z_dim=2,seed=0"]
    assert outcome.metrics is None
    assert_says(outcome.error, "z_dim", 3, 2)
    assert not point.is_fresh
    assert "ran-with" not in outcome.notebook


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("z_dim", [2, np.int64(2), np.uint8(2), np.array(2)]),
        ("seed", [0, np.int32(0)]),
        ("learning_rate", [0.01, Fraction(1, 100), Decimal("0.01"), np.float64(0.01)]),
        ("learning_rate", [1, 1.0, np.int64(1), np.float32(1), Fraction(1)]),
    ],
)
def test_one_value_has_one_folder_however_it_is_written(chapter, name, ways):
    (point,) = planned(chapter, **{name: ways})
    assert type(point.parameters[name]) in (int, float)
    assert all(planned(chapter, **{name: [way]}) == [point] for way in ways)


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("seed", True, ("True", 0, "2,147,483,647")),
        ("seed", np.True_, (0, "2,147,483,647")),
        ("z_dim", 2.0, (2.0, 1, "10,000")),
        ("z_dim", "1", ("'1'", 1, "10,000")),
        ("z_dim", Fraction(2), (1, "10,000")),
        ("learning_rate", "1", ("'1'", 0, 1)),
        ("learning_rate", True, ("True", 0, 1)),
        ("learning_rate", float("nan"), ("nan", 0, 1)),
        ("learning_rate", 1j, ("1j", 0, 1)),
    ],
)
def test_what_is_no_number_of_the_kind_is_refused(chapter, name, value, parts):
    with refused(ParameterError, name, *parts):
        planned(chapter, **{name: [value]})


@pytest.mark.slow
def test_each_run_leaves_its_notebook_and_its_numbers(chapter):
    points = planned(chapter, z_dim=[2, 5])
    outcomes = swept(points)
    assert set(outcomes) == {"z_dim=2,seed=0", "z_dim=5,seed=0"}
    for point in points:
        assert sorted(p.name for p in point.folder.iterdir()) == ["metrics.json", "notebook.ipynb"]
        kept = json.loads((point.folder / "metrics.json").read_text())
        assert kept["parameters"] == point.parameters
        assert kept["active_units"] == kept["parameters"]["z_dim"]
        assert kept["threads"] == "1"
        assert kept["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
        assert kept["seconds"] > 0
        assert f"z_dim = {point.parameters['z_dim']}" in injected(point)
    assert all(point.is_fresh for point in planned(chapter, z_dim=[2, 5]))


@pytest.mark.slow
def test_what_changed_is_run_again_and_nothing_else(chapter, monkeypatch):
    (point,) = planned(chapter)
    swept([point])
    assert planned(chapter)[0].is_fresh
    assert not planned(chapter, seed=[1])[0].is_fresh
    text = chapter.read_text()
    chapter.write_text(text.replace("-100 -", "-101 -"))
    assert not planned(chapter)[0].is_fresh
    chapter.write_text(text)
    assert planned(chapter)[0].is_fresh
    monkeypatch.setattr("vae_lib.runs.sweep.library_digest", lambda: "another library or lock")
    assert not planned(chapter)[0].is_fresh


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"key": 1}'])
def test_a_damaged_result_is_no_result(chapter, text):
    (point,) = planned(chapter)
    point.folder.mkdir(parents=True)
    (point.folder / "metrics.json").write_text(text)
    assert not point.is_fresh


@pytest.mark.slow
def test_a_run_that_dies_is_reported_with_its_cell_and_costs_the_others_nothing(chapter):
    endings = [RAISES, KILLS_THE_KERNEL, KILLS_PAPERMILL, MEMORY, SAYS_NOTHING, 128]
    points = planned(chapter, h_dim=endings)
    outcomes = list(swept(points).values())
    by_ending = {
        point.parameters["h_dim"]: json.loads(next(point.folder.glob("*.json")).read_text())
        for point in points
    }
    said = {
        RAISES: (3, "ValueError", "no"),
        KILLS_THE_KERNEL: (3, "kernel", "killed", "memory"),
        KILLS_PAPERMILL: (3, "process", "SIGKILL"),
        MEMORY: (3, "MemoryError"),
        SAYS_NOTHING: (4, "'metrics'", "JSON"),
    }
    for ending, (cell, *parts) in said.items():
        failure = by_ending[ending]
        assert failure["cell"] == cell
        assert mentions(failure["error"], *parts)
        assert "\n" not in failure["error"]
    assert by_ending[128]["elbo"] < -100
    assert sum(outcome.metrics is not None for outcome in outcomes) == 1
    for point in points:
        assert f"h_dim = {point.parameters['h_dim']}" in injected(point)
    assert len(log(chapter)) == len(endings)  # each was run once
    again = [point for point in planned(chapter, h_dim=endings) if not point.is_fresh]
    assert [point.parameters["h_dim"] for point in again] == endings[:-1]


def test_a_success_takes_the_place_of_a_failure_and_the_other_way_round(chapter):
    (point,) = planned(chapter)
    for outcome, name in [
        (Outcome("{}", {"elbo": -1.0}), "metrics.json"),
        (Outcome(None, cell=2, error="no"), "failure.json"),
        (Outcome("{}", {"elbo": -1.0}), "metrics.json"),
    ]:
        keep(point, outcome)
        kept = {path.name for path in point.folder.iterdir()}
        assert kept == ({name, "notebook.ipynb"} if outcome.notebook else {name})


class AtOnce(Executor):
    """Has run what it is given when it is given it: a sweep finds all done together."""

    def submit(self, function, *words):
        future = Future()
        future.set_result(function(*words))
        return future


def test_a_result_that_cannot_be_kept_costs_the_others_nothing(chapter, monkeypatch):
    def full(point, outcome):
        if point.parameters["seed"] % 2:
            raise OSError(28, "no space")
        return keep(point, outcome)

    monkeypatch.setattr("vae_lib.runs.sweep.run", lambda job: Outcome("{}", {"elbo": -1.0}))
    monkeypatch.setattr("vae_lib.runs.sweep.keep", full)
    points = planned(chapter, seed=range(20))  # they are kept in any order
    with pytest.raises(OSError, match="no space"):
        list(sweep(points, AtOnce()))
    assert [point.is_fresh for point in points] == 10 * [True, False]


def test_what_is_interrupted_while_it_is_kept_is_kept_at_the_end(chapter, monkeypatch):
    calls = []

    def interrupted(point, outcome):
        calls.append(point)
        if len(calls) == 2:
            point.folder.mkdir(parents=True)
            (point.folder / "notebook.ipynb").write_text("{}")  # and no numbers
            raise KeyboardInterrupt
        return keep(point, outcome)

    monkeypatch.setattr("vae_lib.runs.sweep.run", lambda job: Outcome("{}", {"elbo": -1.0}))
    monkeypatch.setattr("vae_lib.runs.sweep.keep", interrupted)
    points = planned(chapter, seed=range(3))
    with pytest.raises(KeyboardInterrupt):
        list(sweep(points, AtOnce()))
    assert all(point.is_fresh for point in points)


def test_numbers_that_a_notebook_prints_do_not_pass_for_what_was_asked(chapter):
    (point,) = planned(chapter)
    keep(point, Outcome("{}", {"key": "x", "parameters": {}, "name": "y", "elbo": -1.0}))
    kept = json.loads((point.folder / "metrics.json").read_text())
    assert kept["parameters"] == point.parameters
    assert point.is_fresh


@pytest.mark.parametrize(
    ("name", "matters"),
    [("keras", True), ("tensorflow", True), ("jinja2", True), ("jupyterlab-myst", True),
     ("pytest", False), ("ruff", False)],
)  # fmt: skip
def test_another_version_makes_a_result_old_where_the_library_is_built_on_it(
    chapter, monkeypatch, name, matters
):
    (point,) = planned(chapter)
    keep(point, Outcome("{}", {"elbo": -1.0}))
    monkeypatch.setattr(
        "vae_lib.runs.freshness.version", lambda each: "999" if each == name else version(each)
    )
    assert planned(chapter)[0].is_fresh != matters


@pytest.mark.parametrize("mine", [None, "false"])
def test_a_run_takes_of_a_gpu_what_it_needs_if_its_user_says_nothing_else(
    monkeypatch, tmp_path, mine
):
    name = "TF_FORCE_GPU_ALLOW_GROWTH"
    monkeypatch.delenv(name, raising=False)
    if mine:
        monkeypatch.setenv(name, mine)
    assert notebook_environment(tmp_path)[name] == (mine or "true")


FAILS_ONCE = """\
import os, pathlib, sys
if "ipykernel_launcher" in sys.orig_argv:
    tries = pathlib.Path({tries!r})
    with tries.open("a") as file:
        file.write("x")
    if tries.stat().st_size <= {failures}:
        os._exit(1)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("failures", "tries", "passes"), [(1, 2, True), (9, 2, False)])
def test_a_kernel_that_does_not_start_has_one_more_try(
    chapter, tmp_path, monkeypatch, failures, tries, passes
):
    counter = tmp_path / "tries"
    (tmp_path / "sitecustomize.py").write_text(
        FAILS_ONCE.format(tries=str(counter), failures=failures)
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    parameters = ChapterParameters().model_dump() | {"data": "small"}
    outcome = run(Job(chapter.read_text(), parameters, library_digest(), 1))
    assert counter.stat().st_size == tries
    assert (outcome.error is None) == passes
    if not passes:
        assert "died" in outcome.error
        assert outcome.cell is None


def test_another_version_of_the_library_is_no_partner(chapter):
    outcome = run(Job(chapter.read_text(), {}, "another digest", 1))
    assert outcome == Outcome(None, error=outcome.error)
    assert_says(outcome.error, "vae_lib", "packages")


@pytest.mark.slow
def test_leaving_a_sweep_early_stops_its_runs_and_keeps_what_they_have(chapter):
    points = planned(chapter, h_dim=[STAYS], seed=[0, 1, 2, 3])
    with ThreadPoolExecutor(2) as executor, closing(sweep(points, executor)) as s:
        wait_for(lambda: len(log(chapter)) == 2 or next(s))
    assert not run_module._running
    kept = {p.parameters["seed"]: [f.name for f in p.folder.glob("*.json")] for p in points}
    assert kept == {0: ["failure.json"], 1: ["failure.json"], 2: [], 3: []}
    failure = json.loads((points[0].folder / "failure.json").read_text())
    assert failure["cell"] == 3
    assert_says(failure["error"], "process", "SIGTERM")


NEVER_READY = """\
import pathlib, sys, time
while "ipykernel_launcher" in sys.orig_argv and not pathlib.Path({go!r}).exists():
    time.sleep(0.05)
"""


@pytest.mark.slow
def test_what_is_stopped_before_its_first_cell_is_not_begun_again(chapter, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(NEVER_READY.format(go=str(tmp_path / "go")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    points = planned(chapter)
    with ThreadPoolExecutor(1) as executor, closing(sweep(points, executor)) as s:
        wait_for(lambda: run_module._running or next(s))
    assert log(chapter) == []
    failure = json.loads((points[0].folder / "failure.json").read_text())
    assert failure["cell"] is None
    assert_says(failure["error"], "process", "SIGTERM")
    assert not points[0].is_fresh
    go_on(chapter)
    assert swept(points)["z_dim=100,seed=0"].error is None


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_refused_before_the_first_run(chapter):
    (chapter.parent / "locked").mkdir()
    script = SCRIPT.replace(
        "import pathlib", "import os; os.access = lambda *_: False; import pathlib"
    )
    command = start(chapter, "--out", "locked", script=script)
    out, err = command.communicate()
    assert out == ""
    assert err.count("\n") == 1
    assert "--out" in err
    assert "'locked'" in err
    assert command.returncode == 2


@pytest.mark.slow
def test_the_command_prints_a_line_a_run_and_its_status_tells_of_failures(chapter):
    command = start(chapter, "--z-dim", 2, 5, "--h-dim", RAISES, 128, "--jobs", 2)
    out, err = command.communicate()
    assert command.returncode == 1, err
    lines = sorted(out.splitlines())
    name = f"z_dim=2,h_dim={RAISES},seed=0"
    assert any(
        line.startswith(f"✗ {name}: runs/{name}/notebook.ipynb, code cell 3: ValueError: no (")
        for line in lines
    )
    assert sum(line.startswith("✓ z_dim=") for line in lines) == 2
    assert "runs: 4 to run, 0 fresh" in lines
    assert "2 done, 2 failed" in lines
    again = start(chapter, "--z-dim", 2, 5, "--h-dim", 128)
    assert again.communicate() == ("runs: 0 to run, 2 fresh\n0 done, 0 failed\n", "")
    assert again.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_of_any_encoding_is_told_how_runs_went(chapter, encoding):
    out = chapter.parent / "ä→"
    environment = {"PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "1"}
    command = start(chapter, "--h-dim", RAISES, 128, "--out", out, encoding=encoding, **environment)
    said, err = command.communicate(timeout=120)
    assert (command.returncode, err) == (1, "")
    good, bad = "✓✗" if encoding == "utf-8" else "+x"
    assert f"{good} z_dim=100,seed=0" in said
    assert f"{bad} z_dim=100,h_dim={RAISES}" in said
    assert "1 done, 1 failed" in said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_command_leaves_nothing_running_and_goes_on_later(chapter, number):
    command = start(chapter, "--h-dim", STAYS, "--seeds", 0, 1, "--jobs", 1)
    wait_for(lambda: log(chapter))
    command.send_signal(number)
    _, err = command.communicate(timeout=120)
    assert command.returncode == 130
    assert err == "\nStopped. Started again, the sweep goes on from here.\n"
    assert [p.parent.name for p in chapter.parent.glob("runs/*/failure.json")] == [
        f"z_dim=100,h_dim={STAYS},seed=0"
    ]
    wait_for(lambda: not kernels(chapter))


@pytest.mark.slow
def test_a_killed_command_leaves_nothing_running(chapter):
    command = start(chapter, "--h-dim", STAYS, "--jobs", 1)
    wait_for(lambda: log(chapter))
    command.kill()
    command.communicate()
    wait_for(lambda: not kernels(chapter))
