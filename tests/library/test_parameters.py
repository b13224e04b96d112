"""Every bad parameter is refused in one line that says what it may be."""

import inspect
import math
import subprocess
import sys

import pytest

from vae_lib.model import VAE
from vae_lib.parameters import ChapterParameters, ParameterError, check_parameters
from vae_lib.training import train


def refusal(**values):
    with pytest.raises(ParameterError) as error:
        check_parameters(values)
    return str(error.value)


SIZE = "it may be a whole number from 1 to 10,000"
RATE = "it may be a number above 0, at most 1"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *[("z_dim", value, SIZE) for value in ("two", 0, -1, 2.5, True, None, 1e9, 10**9, 10_001)],
        ("h_dim", 0, SIZE),
        *[("batch_size", value, "from 1 to 4,000") for value in (0, 4_001, 64.0)],
        *[("iterations", value, "from 1 to 10,000,000") for value in (0, 1e6, 10**7 + 1)],
        *[("learning_rate", v, RATE) for v in (math.nan, math.inf, -math.inf, 0, -1, 2, "1e-3")],
        *[("likelihood", v, "'bernoulli' or 'gaussian'") for v in ("poisson", "Bernoulli", 1, len)],
        *[("seed", value, "a whole number from 0 to 2,147,483,647") for value in (-1, 2**31, 0.0)],
    ],
)
def test_a_bad_value_is_named_with_what_it_may_be(name, value, allowed):
    line = refusal(**{name: value})
    assert line.startswith(f"{name} was {value!r}; it may be ")
    assert line.endswith(allowed)
    assert "\n" not in line


@pytest.mark.parametrize("data", ["nowhere.npz", "", "imagenet", 5])
def test_data_must_be_a_name_or_an_existing_file(data):
    expected = "'auto', 'keras', 'small' or the path of an existing mnist.npz"
    assert refusal(data=data) == f"data was {data!r}; it may be {expected}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("zdim", "did you mean 'z_dim'?"),
        ("Z_DIM", "known: "),
        ("learningrate", "did you mean 'learning_rate'?"),
        ("iteration", "did you mean 'iterations'?"),
        ("gamma", "known: z_dim, h_dim, "),
    ],
)
def test_an_unknown_parameter_is_named_with_a_hint(name, hint):
    line = refusal(**{name: 2})
    assert line.startswith(f"unknown parameter {name!r}; {hint}")
    assert "\n" not in line


def test_every_fault_is_named_in_one_line():
    line = refusal(z_dim="two", seed=-1, zdim=2)
    for fault in ("z_dim was 'two'", "seed was -1", "unknown parameter 'zdim'"):
        assert fault in line
    assert "\n" not in line


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
    with pytest.raises(ParameterError, match="unknown parameter 'zdim'"):
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


@pytest.mark.parametrize("module", ["vae_lib", "vae_lib.parameters", "vae_lib.checks"])
def test_it_is_imported_without_tensorflow(module):
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
