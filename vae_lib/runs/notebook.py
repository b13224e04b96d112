"""What is in a notebook: tags, names that it sets, printed text, figures."""

import base64
import symtable
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

PARAMETERS_TAG = "parameters"  # papermill sets others in a cell of its own, right after this one


def is_tagged(cell: Any, tag: str) -> bool:
    """Tell whether a cell has a tag."""
    return tag in cell["metadata"].get("tags", [])


def parameters_fault(cells: Sequence[Any], names: Sequence[str]) -> str | None:
    """Say why a notebook may not run with the parameters that papermill is given, if it may not.

    They decide what it computes if the cell with the tag `parameters` sets each and uses none,
    and if no other cell sets one.

    Args:
        cells: of the notebook.
        names: of its parameters.
    """
    tagged = [cell for cell in cells if is_tagged(cell, PARAMETERS_TAG)]
    if len(tagged) != 1 or tagged[0]["cell_type"] != "code":
        return f"has {len(tagged)} cells with the tag '{PARAMETERS_TAG}'; it may have one, of code"
    for number, cell in enumerate((c for c in cells if c["cell_type"] == "code" and c.source), 1):
        assigned = set(_set(_symbols(cell)))
        again = [name for name in names if cell is not tagged[0] and name in assigned]
        if again:
            return f"sets {', '.join(again)} in code cell {number}, besides the parameters' own"
    table = _symbols(tagged[0])
    assigned = set(_set(table))
    if missing := [name for name in names if name not in assigned]:
        return f"does not set {', '.join(missing)} in the cell with the tag '{PARAMETERS_TAG}'"
    if used := [name for name in names if table and table.lookup(name).is_referenced()]:
        return f"uses {', '.join(used)} in the cell with the tag '{PARAMETERS_TAG}', too early"
    return None


def _symbols(cell: Any) -> symtable.SymbolTable | None:
    """Return the names of a cell, None where it is not all Python: one with magic commands."""
    with suppress(SyntaxError):
        return symtable.symtable(cell["source"], "cell", "exec")
    return None


def _set(table: symtable.SymbolTable | None) -> Iterator[str]:
    """Find the notebook's names that some code sets, also by `global` inside of a function."""
    if table is None:
        return
    for symbol in table.get_symbols():
        outside = table.get_type() == "module" or symbol.is_declared_global()
        if outside and (symbol.is_imported() or symbol.is_assigned()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _set(inner)


def printed(cell: Any) -> str:
    """Return all that a code cell printed; warnings are not of it."""
    return "".join(
        output["text"]
        for output in cell["outputs"]
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )


def figure_png(notebook: Any, name: str) -> bytes | None:
    """Return the PNG of a figure by its name, if the notebook shows it."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("mystnb", {}).get("figure", {}).get("name") == name:
            for output in cell["outputs"]:
                if png := output.get("data", {}).get("image/png"):
                    return base64.b64decode("".join(png))  # in a file it may be a list of lines
    return None
