"""The line that a verified statement prints, and the error when it is false."""

import numpy as np
import pytest

from tests.helpers import assert_says
from vae_lib.checks import attempt, check


def test_a_true_statement_prints_one_line(capsys):
    check("(2.4) closed form = Monte Carlo", True, "2.25 vs 2.24")
    check("shapes", np.bool_(True))
    expected = "✓ (2.4) closed form = Monte Carlo: 2.25 vs 2.24\n✓ shapes\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("false", [False, np.bool_(False)])
def test_a_false_statement_raises_with_its_numbers_and_prints_nothing(false, capsys):
    with pytest.raises(AssertionError, match=r"^✗ \(2\.4\) equal: 1 vs 2$"):
        check("(2.4) equal", false, "1 vs 2")
    assert capsys.readouterr().out == ""


def raising(error):
    def exercise():
        raise error

    return exercise


@pytest.mark.parametrize(
    ("exercise", "line"),
    [
        (lambda: check("ex 1", True, "3"), "✓ ex 1: 3"),
        (lambda: check("ex 1", False, "3, wanted 4"), "✗ ex 1: 3, wanted 4"),
        (raising(NotImplementedError("return the sum")), "○ yours to write: return the sum"),
        (raising(TypeError("no number")), "✗ TypeError: no number"),
    ],
    ids=["right", "wrong", "still to be written", "broken"],
)
def test_an_attempt_says_in_one_line_how_it_went_and_never_raises(exercise, line, capsys):
    attempt(exercise)
    assert capsys.readouterr().out == f"{line}\n"


def test_an_attempt_that_computes_with_nothing_is_asked_what_its_function_returns(capsys):
    attempt(lambda: 1 + None)
    assert_says(capsys.readouterr().out, "✗ TypeError: ", "'NoneType'", "return")
