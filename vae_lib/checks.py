"""One visible line for each statement that the book has verified."""

from collections.abc import Callable

from vae_lib.support.printing import say

_only_report = False


def report_only(on: bool) -> None:
    """Have `check` report what does not hold, and go on, or raise as it does at first.

    A statement of the text holds for the parameters that it was written for. Under a reader's
    own, it may not, and that is no reason to end the run.
    """
    global _only_report
    _only_report = on


def check(name: str, condition: bool, measured: str = "") -> None:
    """Print one calm line when a statement holds, and raise when it does not.

    Where `report_only` asked for it, it prints a line then, too.

    Args:
        name: the statement, led by its equation's number where it has one:
            `"(2.4) closed form = Monte Carlo"`.
        condition: whether the statement holds.
        measured: the numbers behind the verdict, shown after the name.

    Raises:
        AssertionError: the statement does not hold.
    """
    line = f"{name}: {measured}" if measured else name
    if condition:
        say(f"✓ {line}")
    elif _only_report:
        say(f"✗ {line} (it holds for the book's parameters)")
    else:
        raise AssertionError(f"✗ {line}")


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
