"""The line that a verified statement prints, and the error when it is false."""

import numpy as np
import pytest

from tests.helpers import assert_says
from vae_lib.checks import attempt, check, near, report_only

HALF = {"without ½": 4.5}  # a mistake in ½ · 4.5


@pytest.fixture
def reported():
    report_only(True)


def test_a_true_statement_prints_one_line(capsys):
    check("closed form = Monte Carlo", True, "2.25 vs 2.24")
    check("shapes", np.bool_(True))
    expected = "✓ closed form = Monte Carlo: 2.25 vs 2.24\n✓ shapes\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("false", [False, np.bool_(False)])
def test_a_false_statement_raises_with_its_numbers_and_prints_nothing(false, capsys):
    with pytest.raises(AssertionError, match=r"^✗ equal: 1 vs 2$"):
        check("equal", false, "1 vs 2")
    assert capsys.readouterr().out == ""


def test_a_check_of_an_equation_says_which_mistakes_it_rejects(capsys):
    mistakes = HALF | {"a sign": -2.25}
    check("(2.4) by draws", near(2.24, 0.1), "2.25 vs 2.24", right=2.25, rejects=mistakes)
    expected = "✓ (2.4) by draws: 2.25 vs 2.24 · rejects: without ½, a sign\n"
    assert capsys.readouterr().out == expected


def test_formulas_are_tried_as_well_as_their_values(capsys):
    def squares(f):
        return f(3) == 9

    check("(1.1) squares", squares, right=lambda a: a * a, rejects={"2a": lambda a: a + a})
    assert capsys.readouterr().out == "✓ (1.1) squares · rejects: 2a\n"
    with pytest.raises(AssertionError, match=r"^✗ \(1\.1\) squares$"):
        check("(1.1) squares", squares, right=lambda a: a + a, rejects={"3a": lambda a: 3 * a - 1})


def test_a_wrong_formula_that_equals_the_right_one_stops_the_chapter():
    with pytest.raises(AssertionError, match=r"^✗ \(2\.4\) half · passes, too: ½ ½ at 0$"):
        check("(2.4) half", near(0, 0), right=0 / 2, rejects={"½ ½ at 0": 0 / 4})


def test_a_tolerance_that_is_too_wide_stops_the_chapter():
    with pytest.raises(AssertionError, match="passes, too: without ½"):
        check("(2.4) half", near(2.25, 3), "2.25", right=2.25, rejects=HALF)


@pytest.mark.parametrize("rejects", [None, {}])
def test_an_equation_whose_check_rejects_nothing_is_refused(rejects):
    with pytest.raises(ValueError, match=r"\(12\.34\) equal: .* `rejects`"):
        check("(12.34) equal", near(1, 0), right=1, rejects=rejects)


def test_mistakes_need_a_condition_that_can_be_tried_on_them():
    with pytest.raises(ValueError, match="the condition is a function"):
        check("(2.4) half", True, rejects=HALF)


@pytest.mark.usefixtures("reported")
def test_under_other_parameters_what_does_not_hold_is_a_line(capsys):
    check("(2.4) half", near(2.25, 3), "2.25", right=2.25, rejects=HALF)
    check("(2.4) half", near(9, 3), "2.25", right=2.25, rejects=HALF)
    first, second = capsys.readouterr().out.splitlines()
    assert_says(first, "✗ (2.4) half: 2.25 · passes, too: without ½", "the book's parameters")
    assert_says(second, "✗ (2.4) half: 2.25", "the book's parameters")


@pytest.mark.parametrize(
    ("value", "tolerance", "found", "is_near"),
    [
        (1.0, 0.1, 1.09, True),
        (1.0, 0.1, 1.11, False),
        (1.0, 0.1, float("nan"), False),
        ([1.0, 2.0], 0.1, [1.0, 2.05], True),
        ([1.0, 2.0], 0.1, [1.0, 2.2], False),
        ([1.0, 2.0], [0.1, 0.3], [1.0, 2.2], True),
    ],
)
def test_near_takes_every_number_at_its_own_tolerance(value, tolerance, found, is_near):
    assert near(value, tolerance)(found) is is_near
    assert near(np.array(value), np.array(tolerance))(np.array(found)) is is_near


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
