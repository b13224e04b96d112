"""One progress bar for long work: live for whoever watches, silent for everyone else."""

import os
from typing import Any


def progress_bar(total: int | None, **options: Any) -> Any:
    """Make a progress bar: text in a terminal, a widget in JupyterLab.

    It is silent where standard error is neither, and wherever the environment variable
    `TQDM_DISABLE` is set, as it is while the book is built.

    Args:
        total: the number of steps to come; None when it is not known.
        **options: what `tqdm` takes besides, such as `desc` and `unit`.

    Returns:
        The bar of tqdm: call its `update(n)` and `set_postfix_str`, then `close`.
    """
    # Imported here: it looks for a notebook, which takes a while.
    from tqdm.auto import tqdm

    # tqdm's widget overlooks TQDM_DISABLE. None means: silent unless in a terminal.
    disable = True if os.environ.get("TQDM_DISABLE") else None
    return tqdm(total=total, disable=disable, **options)
