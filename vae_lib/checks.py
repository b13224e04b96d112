"""One visible line for each statement that the book has verified."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vae_lib.support.printing import say

NUMBERED = re.compile(r"\(\d+\.\d+\)")  # the number of an equation: (5.1)

_only_report = False


def report_only(on: bool) -> None:
    """Have `check` report what does not hold, and go on, or raise as it does at first.

    A statement of the text holds for the parameters that it was written for. Under a reader's
    own, it may not, and that is no reason to end the run.
    """
    global _only_report
    _only_report = on


def check(
    name: str,
    condition: bool | Callable[[Any], bool],
    measured: str = "",
    *,
    right: Any = None,
    rejects: Mapping[str, Any] | None = None,
) -> None:
    """Print one calm line when a statement holds, and raise when it does not.

    A check that every formula passes says nothing. So an equation's is tried on the right
    formula and on wrong ones, which must fail, and the line names them:

        check(
            "(1.3) draws of the prior = integral",
            near(exact, 4 * error),
            f"{estimate:.4f} ± {error:.4f}, {exact:.4f}",
            right=estimate,
            rejects={"logarithms averaged": np.exp(np.log(draws).mean())},
        )

    prints `✓ (1.3) draws of the prior = integral: 0.1612 ± 0.0008, 0.1609 · rejects:
    logarithms averaged`. Where `report_only` asked for it, what does not hold is a line, too.

    Args:
        name: the statement, led by its equation's number where it has one.
        condition: whether the statement holds; with `right`, a function that says so of a
            formula, or of what a formula gives.
        measured: the numbers behind the verdict, shown after the name.
        right: what `condition` must hold for.
        rejects: what it must not hold for, by the mistake that was made there.

    Raises:
        AssertionError: the statement does not hold, or a mistake passes for right.
        ValueError: the name has an equation's number, and there are no mistakes to reject; or
            there are, and the condition is no function.
    """
    mistakes = rejects or {}
    if NUMBERED.match(name) and not mistakes:
        raise ValueError(f"{name}: an equation's check takes `rejects`, the mistakes it notices")
    if mistakes and not callable(condition):
        raise ValueError(f"{name}: with `rejects`, the condition is a function; it was a value")
    holds, unnoticed = condition, []
    if callable(condition):
        holds = condition(right)
        unnoticed = [mistake for mistake, wrong in mistakes.items() if condition(wrong)]
    line = f"{name}: {measured}" if measured else name
    if holds and not unnoticed:
        say(f"✓ {line}" + " · rejects: " * bool(mistakes) + ", ".join(mistakes))
        return
    fault = f"✗ {line}" + " · passes, too: " * bool(unnoticed) + ", ".join(unnoticed)
    if not _only_report:
        raise AssertionError(fault)
    say(f"{fault} (it holds for the book's parameters)")


def near(value: Any, tolerance: Any) -> Callable[[Any], bool]:
    """Return a condition for `check`: every number is within a tolerance of its value.

    Args:
        value: what is right, a number or an array.
        tolerance: the largest distance from it, one for all or one for each.
    """
    return lambda found: bool(np.all(np.abs(np.asarray(found) - value) <= tolerance))


def attempt(exercise: Callable[[], None]) -> None:
    """Run the checks of an exercise on what the reader wrote, and go on whatever they say.

    Prints what is still to be written where the reader's cell raises `NotImplementedError`,
    and what went wrong where it raises something else or a check fails.

    Args:
        exercise: a function without arguments that calls the reader's code and `check`.
    """
    try:
        exercise()
    except NotImplementedError as todo:
        say(f"○ yours to write: {todo}")
    except AssertionError as failed:
        say(str(failed))
    except Exception as error:
        hint = " (does your function return something?)" * ("NoneType" in str(error))
        say(f"✗ {type(error).__name__}: {error}{hint}")
