"""One visible line for each statement that the book has verified."""


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
