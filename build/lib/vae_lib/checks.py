"""One visible line for each statement that the book has verified."""

from collections.abc import Callable


def check(name: str, condition: bool, measured: str = "") -> None:
    """Print one calm line when a statement holds, and raise when it does not.

    Args:
        name: the statement, led by its equation's number where it has one:
            `"(2.4) closed form = Monte Carlo"`.
        condition: whether the statement holds.
        measured: the numbers behind the verdict, shown after the name.

    Raises:
        AssertionError: the statement does not hold.
    """
    line = f"{name}: {measured}" if measured else name
    if not condition:
        raise AssertionError(f"✗ {line}")
    print(f"✓ {line}")


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
        print(f"○ yours to write: {todo}")
    except AssertionError as failed:
        print(failed)
    except Exception as error:
        hint = " (does your function return something?)" * ("NoneType" in str(error))
        print(f"✗ {type(error).__name__}: {error}{hint}")
