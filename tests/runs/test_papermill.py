"""Chapter 6 is a program: papermill runs it with other parameters."""

import json
import os
import re
import subprocess
import sys

import jupytext
import nbformat
import pytest
from click.testing import CliRunner
from papermill import cli

from tests.helpers import ROOT, assert_says
from tools import prose
from vae_lib.parameters import ChapterParameters
from vae_lib.runs.notebook import PARAMETERS_TAG, figure_png, is_tagged, printed
from vae_lib.runs.run import METRICS_TAG

CHAPTER = ROOT / "chapters/06-training.ipynb"
SIZE = ("whole", 1, "10,000")
QUICK = {"iterations": 150, "h_dim": 16, "data": "small"}
ENDS = "end_of_program(globals()"
TRAINS = r"\b(?:train|fit|train_step)\("  # how a cell of the chapter trains a model
MOST = 60  # seconds; 20 are promised where nothing else runs, and beside this, tests do


def arguments(chapter, out, **parameters):
    """What a user gives papermill, word for word."""
    pairs = [text for name, value in parameters.items() for text in ("-p", name, value)]
    return [str(text) for text in (chapter, out, *pairs)]


def with_numbers_in_its_text(folder, parameters=None):
    """A copy of the chapter that computes the numbers in its text, as JupyterLab does.

    With parameters, it is as a reader leaves it who writes them into the chapter's own cell.
    """
    notebook = prose.with_probes(nbformat.read(CHAPTER, as_version=4))
    if parameters:
        own = next(c for c in notebook.cells if is_tagged(c, PARAMETERS_TAG))
        values = ChapterParameters().model_dump() | parameters
        own.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    copy = folder / "copy.ipynb"
    nbformat.write(notebook, copy)
    return copy


def executed(chapter, **parameters):
    """The chapter as papermill leaves it, run in its folder."""
    given = arguments(chapter, "out.ipynb", **parameters)
    command = [sys.executable, "-m", "papermill", *given]
    # From a folder of its own: a chapter may not depend on where it starts. And with figures,
    # which a test's own process does not draw.
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    done = subprocess.run(
        command, cwd=chapter.parent, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return nbformat.read(chapter.parent / "out.ipynb", as_version=4)


def numbers_in(cells):
    """The texts of a notebook's cells, with the numbers in them."""
    texts = prose.settled(nbformat.v4.new_notebook(cells=cells)).cells
    return "\n".join(c.source for c in texts if c.cell_type == "markdown")


def code_of(cells):
    return [c for c in cells if c.cell_type == "code" and c.source]


SETS = [
    {"z_dim": 1, "batch_size": 61, "seed": 3},
    {"z_dim": 2, "likelihood": "gaussian", "learning_rate": 0.01},
    {"z_dim": 10, "iterations": 1},
    {"z_dim": 300, "batch_size": 4000, "iterations": 3},
]


def program_of(cells):
    """The cells of a notebook that run where papermill is given parameters, and the others."""
    ends = [i for i, c in enumerate(cells, 1) if c.source.endswith(")") and ENDS in c.source]
    assert len(ends) == 1
    return cells[: ends[0]], cells[ends[0] :]


@pytest.mark.slow
@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_as_a_program_it_ends_with_its_numbers_and_says_what_it_skipped(tmp_path, parameters):
    notebook = executed(with_numbers_in_its_text(tmp_path), **QUICK | parameters)
    ran, skipped = program_of(notebook.cells)
    injected = next(c for c in ran if "injected-parameters" in c.metadata.get("tags", []))
    assert all(f"{name} = " in injected.source for name in parameters)
    assert all(c.execution_count for c in code_of(ran))
    assert all(not c.execution_count and not c.outputs for c in code_of(skipped))
    line = printed(code_of(ran)[-1])
    assert re.fullmatch(r"○ skipped: .* \(it runs when the book is built\)\n", line)
    assert "{eval}" not in numbers_in(ran)
    assert figure_png(notebook, "fig-generated")  # what a sweep's report shows
    metrics = json.loads(printed(next(c for c in ran if is_tagged(c, METRICS_TAG))))
    assert metrics["elbo"] == pytest.approx(-metrics["reconstruction"] - metrics["kl"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_with_a_readers_parameters_all_of_it_runs(tmp_path, parameters):
    notebook = executed(with_numbers_in_its_text(tmp_path, QUICK | parameters))
    assert list(prose.solved_exercises(notebook)) == []
    assert "{eval}" not in numbers_in(notebook.cells)
    assert all(c.execution_count for c in code_of(notebook.cells))


def test_a_program_trains_the_model_that_was_asked_for_and_no_other():
    """Else a sweep of short runs would pay for experiments that it does not report."""
    program, rest = program_of(nbformat.read(CHAPTER, as_version=4).cells)
    trainings = [len(re.findall(TRAINS, c.source)) for c in code_of(program)]
    assert sorted(trainings)[-2:] == [0, 1]
    assert any(re.search(TRAINS, c.source) for c in code_of(rest))


@pytest.mark.slow
def test_beyond_its_training_a_program_costs_little(tmp_path):
    """What is not training, nor importing TensorFlow, takes seconds, whatever was asked for."""
    notebook = executed(with_numbers_in_its_text(tmp_path), z_dim=2, data="small", iterations=2000)
    seconds = {c.source: c.metadata.papermill.duration or 0 for c in code_of(notebook.cells)}
    others = [t for source, t in seconds.items() if "import keras" not in source]
    training = [t for source, t in seconds.items() if re.search(TRAINS, source)]
    assert sum(others) - sum(training) < MOST


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("zdim", "2", ("'zdim'", "'z_dim'")),
        ("z_dim", "two", ("z_dim", "'two'", *SIZE)),
        ("z_dim", "0", ("z_dim", 0, *SIZE)),
        ("z_dim", "-1", ("z_dim", -1, *SIZE)),
        ("z_dim", "2.5", ("z_dim", 2.5, *SIZE)),
        ("z_dim", "true", ("z_dim", "'true'", *SIZE)),
        ("z_dim", "True", ("z_dim", True, *SIZE)),
        ("z_dim", "1e9", ("z_dim", 1e9, *SIZE)),
        ("learning_rate", "nan", ("learning_rate", "nan", 0, 1)),
        ("data", "nowhere.npz", ("data", "'nowhere.npz'", "'auto'", "'keras'", "'small'")),
    ],
)
def test_a_bad_parameter_is_refused_in_one_line_before_any_work(tmp_path, name, value, parts):
    out = tmp_path / "out.ipynb"
    done = CliRunner().invoke(cli.papermill, arguments(CHAPTER, out, **{name: value}))
    assert done.exit_code == 1
    said = [t for t in str(done.exception).splitlines() if t.startswith("ParameterError: ")]
    assert len(said) == 1
    assert_says(said[0], *parts)
    code = [
        c for c in nbformat.read(out, as_version=4).cells if c.cell_type == "code" and c.outputs
    ]
    assert len(code) <= 2  # papermill's note of the error, and the cell that refused


@pytest.mark.slow
def test_papermills_help_lists_every_parameter_with_type_and_meaning():
    shown = CliRunner().invoke(cli.papermill, ["--help-notebook", str(CHAPTER)]).output
    for name, field in ChapterParameters.model_fields.items():
        kind = {"z_dim": "int", "learning_rate": "float", "likelihood": "str", "data": "str"}
        listed = re.search(rf"^  {name}: (\w+) \(default (.*)\)\s+(.+)", shown, re.M)
        assert listed, f"{name} is not in:\n{shown}"
        assert listed[1] == kind.get(name, "int")
        assert str(field.default) in listed[2].replace("_", "").replace(
            "1e-3", "0.001"
        ) or name in {
            "likelihood",
            "iterations",
        }
        assert len(listed[3]) > 10


def test_the_chapters_defaults_are_the_books():
    cells = jupytext.read(CHAPTER).cells
    tagged = next(c for c in cells if "parameters" in c.metadata.get("tags", []))
    given: dict[str, object] = {}
    exec(tagged.source, given)
    assert {name: given[name] for name in ChapterParameters.model_fields} == (
        ChapterParameters().model_dump()
    )
