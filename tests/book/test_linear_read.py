"""Who reads from the first page on meets no library name before a sentence about it."""

import ast
import re
import sys

import jupytext

from tests.book.chapters import CHAPTERS

ASSUMED = {"np", "plt"}  # NumPy, as index.md says; matplotlib draws, in folded cells
WHOLE_LIBRARIES = {"tf", "keras"}  # mentioning these introduces none of their functions


def cells():
    """Every cell of the book, in the order in which it is read."""
    for path in CHAPTERS:
        for cell in jupytext.read(path, fmt="md:myst").cells:
            yield path.stem, cell


def is_read(cell):
    """Whether a code cell is there to be read: neither folded nor a solution."""
    return not {"hide-input", "solution"} & set(cell.metadata.get("tags", []))


def imported(tree):
    """The names that a cell imports, other than Python's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                module = node.module if isinstance(node, ast.ImportFrom) else alias.name
                if module.partition(".")[0] not in sys.stdlib_module_names:
                    yield alias.asname or alias.name.partition(".")[0]


def dotted(node):
    """`keras.optimizers.Adam` of an attribute's node, or a name's, or nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def used(tree, libraries):
    """Every name of a library that a cell uses, the longest dotted form of each."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner:
            name = dotted(node)
            if name.partition(".")[0] in libraries:
                yield name


def mentioned(text):
    """The names in a text's inline code, whole and by their last part."""
    for code in re.findall(r"`([^`]+)`", text):
        for name in re.findall(r"[A-Za-z_][\w.]*", code):
            yield name
            yield name.rpartition(".")[2]


def is_known(name, known):
    """Whether a name, its last part, or the class that it belongs to has been mentioned."""
    first, last = name.partition(".")[0], name.rpartition(".")[2]
    return name in known or last in known or first in known - WHOLE_LIBRARIES


def strangers():
    """Library names in cells that are read, used before any text has mentioned them."""
    libraries, known = set(), set(ASSUMED)
    for chapter, cell in cells():
        if cell.cell_type == "markdown":
            known |= set(mentioned(cell.source))
        elif cell.cell_type == "code":
            tree = ast.parse(cell.source)
            libraries |= set(imported(tree))
            if is_read(cell):
                unknown = (name for name in used(tree, libraries) if not is_known(name, known))
                yield from ((chapter, name) for name in unknown)


def test_every_library_name_has_been_mentioned_before_it_is_used():
    assert sorted(set(strangers())) == []
