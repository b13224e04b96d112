"""Every bad parameter is refused in one line that says what it may be."""

import inspect
import math

import pytest

from tests.helpers import refused
from vae_lib.model import VAE
from vae_lib.parameters import ChapterParameters, ParameterError, check_parameters
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
        *[("learning_rate", v, (0, 1)) for v in (math.nan, math.inf, -math.inf, 0, -1, 2, "1e-3")],
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
    with refused(ParameterError, "'zdim'", "'z_dim'"):
        check_parameters(notebook | {"zdim": 3})


def test_the_books_defaults_are_the_librarys():
    for function in (VAE, train):
        signature = inspect.signature(function).parameters
        shared = signature.keys() & ChapterParameters.model_fields.keys()
        assert len(shared) >= 2
        for name in shared:
            default, books = signature[name].default, ChapterParameters.model_fields[name].default
            assert default in (inspect.Parameter.empty, books)


def test_a_notebook_shows_one_line_instead_of_a_traceback():
    error = ParameterError("z_dim was 0; it may be 1")
    assert error._render_traceback_() == ["ParameterError: z_dim was 0; it may be 1"]
    assert isinstance(error, ValueError)
