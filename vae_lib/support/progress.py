"""One progress bar for long work: live for whoever watches, in lines for whoever reads a log."""

import os
import sys
from contextlib import suppress
from typing import Any

SECONDS = 10  # between two lines in a log; work that is done sooner writes none


class _Lines:
    """What a bar of tqdm is written to where nobody watches: standard error, line by line.

    tqdm writes a bar over the one before, and blanks to wipe it out.
    """

    def write(self, text: str) -> None:
        """Write a line, unless it is blank."""
        if line := text.strip():
            with suppress(OSError, ValueError):  # a full disk is no reason to stop the work
                print(line, file=sys.stderr, flush=True)


def progress_bar(total: int | None, *, lines: bool = False, **options: Any) -> Any:
    """Make a progress bar: text in a terminal, a widget in JupyterLab.

    Where standard error is neither, it is silent, or writes a line now and then. It is silent
    wherever the environment variable `TQDM_DISABLE` is set, as it is while the book is built.

    Args:
        total: the number of steps to come; None when it is not known.
        lines: whether to write lines to a log, for work that has no lines of its own.
        **options: what `tqdm` takes besides, such as `desc` and `unit`.

    Returns:
        The bar of tqdm: call its `update(n)` and `set_postfix_str`, then `close`.
    """
    # Imported here: it looks for a notebook, which takes a while.
    from tqdm.auto import tqdm

    # tqdm overlooks that there may be no standard error, and its widget TQDM_DISABLE.
    silent = sys.stderr is None or bool(os.environ.get("TQDM_DISABLE"))
    if lines and not silent and not getattr(sys.stderr, "isatty", bool)():
        options |= {"file": _Lines(), "ncols": 0, "position": 0}
        options |= {"mininterval": SECONDS, "delay": SECONDS, "miniters": 1}
    # None means: silent unless in a terminal, or in a file that does not know what it is.
    return tqdm(total=total, disable=silent or None, **options)
