"""Every bad parameter is refused in one line that says what it may be."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
from papermill.translators import PythonTranslator

from tests.helpers import refused
from vae_lib.checks import check
from vae_lib.model import VAE
from vae_lib.parameters import (
    ChapterParameters,
    EndOfProgram,
    ParameterError,
    TrainingParameters,
    check_parameters,
    end_of_program,
    validated,
)
from vae_lib.training import train

SIZE = ("whole", 1, "10,000")
LIKELIHOODS = ("'bernoulli'", "'gaussian'")
SOURCES = ("'auto'", "'keras'", "'small'", "mnist.npz")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *[("z_dim", value, SIZE) for value in ("two", 0, -1, 2.5, True, None, 1e9, 10**9, 10_001)],
        ("h_dim", 0, SIZE),
        *[("batch_size", value, ("whole", 1, "4,000")) for value in (0, 4_001, 64.0)],
        *[("iterations", value, ("whole", 1, "10,000,000")) for value in (0, 1e6, 10**7 + 1)],
        *[("learning_rate", v, (0, 1)) for v in (math.nan, math.inf, -math.inf, 0, -1, 2, "one")],
        *[("likelihood", v, LIKELIHOODS) for v in ("poisson", "Bernoulli", 1, len)],
        *[("seed", value, ("whole", 0, "2,147,483,647")) for value in (-1, 2**31, 0.0)],
        *[("data", value, SOURCES) for value in ("nowhere.npz", "", "imagenet", 5)],
    ],
)
def test_a_bad_value_is_named_with_what_it_may_be(name, value, allowed):
    with refused(ParameterError, name, repr(value), *allowed):
        check_parameters({name: value})


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("zdim", ["'z_dim'"]),
        ("Z_DIM", ChapterParameters.model_fields),
        ("learningrate", ["'learning_rate'"]),
        ("iteration", ["'iterations'"]),
        ("gamma", ChapterParameters.model_fields),
    ],
)
def test_an_unknown_parameter_is_named_with_the_one_that_was_meant_or_all(name, known):
    with refused(ParameterError, repr(name), *known):
        check_parameters({name: 2})


def test_every_fault_is_named_in_one_line():
    z_dim, seed, unknown = ("z_dim", "'two'"), ("seed", -1), ("'zdim'", "'z_dim'")
    with refused(ParameterError, *z_dim, *seed, *unknown):
        check_parameters({"z_dim": "two", "seed": -1, "zdim": 2})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"z_dim": 1, "h_dim": 10_000, "batch_size": 4_000, "iterations": 10_000_000},
        {"learning_rate": 1, "likelihood": "gaussian", "seed": 2**31 - 1, "data": "small"},
        {"learning_rate": 1e-5, "likelihood": "bernoulli", "seed": 0, "data": "keras"},
        {"data": __file__},
    ],
)
def test_good_parameters_pass(values):
    check_parameters(values)


def test_what_a_notebook_puts_into_globals_is_passed_over():
    notebook = {"z_dim": 2, "learning_rate": 1e-3}
    code = """if True:
        import math
        from pathlib import Path
        def helper(): pass
        class Helper: pass
        In, Out, _, __, _i, _i1, _oh, _dh = ["", ""], {}, "", "", "", "", {}, []
        exit = quit = get_ipython = open = lambda: None
    """
    exec(code, notebook)
    check_parameters(notebook)


def notebook(*cells):
    """What a notebook's globals hold after these cells, and in the cell that checks them."""
    names = {"In": ["", *cells, "check_parameters(globals())"], "os": math, "len": len}
    for cell in cells:
        exec(cell, names)
    return names


def test_only_names_that_came_in_as_parameters_are_judged():
    run_before = notebook("x = 1\ndef f(): pass", "z_dim = 2  # a size\nseed = 1", "z_dim = 3")
    check_parameters(run_before)
    assert run_before["z_dim"] == 3


def test_what_was_set_before_the_chapters_own_cell_is_no_parameter():
    its_own = "\n".join(f"{n} = {v!r}" for n, v in ChapterParameters().model_dump().items())
    run_again = notebook("z_dim = 5", "history = 1", its_own, "z_dim = 3")
    check_parameters(run_again)
    assert run_again["z_dim"] == 3


@pytest.mark.parametrize("name", ["zdim", "check_parameters", "_z_dim", "len", "In"])
def test_no_name_that_came_in_as_a_parameter_hides(name):
    with refused(ParameterError, repr(name)):
        check_parameters(notebook("z_dim = 2\nseed = 1", f"# Parameters\n{name} = 2\n"))


def test_a_number_that_came_in_as_text_is_read():
    names = notebook("learning_rate: float = 1e-3", "learning_rate = '1e-2'\nz_dim = '7'")
    check_parameters(names)
    assert (names["learning_rate"], names["z_dim"]) == (0.01, 7)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, Fraction], ids=lambda kind: kind.__name__)
def test_a_whole_number_of_any_kind_is_a_real_one(kind):
    names = {"learning_rate": kind(1)}
    check_parameters(names)
    assert type(names["learning_rate"]) is float


@pytest.mark.parametrize(
    ("values", "reports"), [({}, False), ({"data": "small"}, False), ({"z_dim": 2}, True)]
)
def test_under_other_parameters_than_the_books_a_check_reports_and_goes_on(values, reports, capsys):
    check_parameters(values)
    if reports:
        check("a statement", False, "1 vs 2")
        assert capsys.readouterr().out.startswith("✗ a statement: 1 vs 2")
    else:
        with pytest.raises(AssertionError):
            check("a statement", False)


def test_a_notebook_ends_early_and_well_where_papermill_set_parameters(capsys):
    injected = PythonTranslator.codify({"z_dim": 2})  # papermill's own words
    with pytest.raises(EndOfProgram) as end:
        end_of_program(notebook("z_dim = 100", injected), "other models")
    assert end.value._render_traceback_() == ["The program ends here."]
    assert (type(end.value).__name__, str(end.value)) == ("SystemExit", "")  # what papermill asks
    assert capsys.readouterr().out == ("○ skipped: other models (it runs when the book is built)\n")


@pytest.mark.parametrize("cells", [["z_dim = 100"], ["z_dim = 100", "z_dim = 2  # Parameters"]])
def test_it_goes_on_where_the_book_is_built_or_a_reader_set_parameters(cells, capsys):
    end_of_program(notebook(*cells), "other models")
    end_of_program({"z_dim": 2}, "other models")  # a program has no cells
    assert capsys.readouterr().out == ""


TRAINING = {"iterations": 1, "batch_size": 1, "report_every": 1, "seed": 0}


@pytest.mark.parametrize("value", [np.True_, np.False_, True, False])
def test_a_truth_value_of_any_kind_is_one(value):
    assert validated(TRAINING | {"binarize": value}, TrainingParameters)["binarize"] is bool(value)


@pytest.mark.parametrize("value", [1, 0.0, "yes", None, np.int64(1)])
def test_what_is_no_truth_value_is_refused(value):
    with refused(ParameterError, "binarize", "True or False"):
        validated(TRAINING | {"binarize": value}, TrainingParameters)


def test_values_come_back_in_the_order_in_which_they_were_given():
    given = {"seed": np.int64(3), "z_dim": 2, "learning_rate": 1}
    assert list(validated(given, ChapterParameters).items()) == [*given.items()]


def test_the_books_defaults_are_the_librarys():
    for function in (VAE, train):
        signature = inspect.signature(function).parameters
        shared = signature.keys() & ChapterParameters.model_fields.keys()
        assert len(shared) >= 2
        for name in shared:
            default, books = signature[name].default, ChapterParameters.model_fields[name].default
            assert default in (inspect.Parameter.empty, None, books)
    books_own = ChapterParameters().model_dump()
    made = VAE().config  # what None becomes
    shared = made.keys() & books_own.keys()
    assert {name: made[name] for name in shared} == {name: books_own[name] for name in shared}


def test_a_notebook_shows_one_line_instead_of_a_traceback():
    error = ParameterError("z_dim was 0; it may be 1")
    assert error._render_traceback_() == ["ParameterError: z_dim was 0; it may be 1"]
    assert isinstance(error, ValueError)
