"""Imports point one way, and functions and modules stay small."""

import ast
from pathlib import Path

import pytest

import vae_lib

# A module imports from the lines above its own, and from nothing else of ours.
LAYERS = [
    {
        "__init__",
        "archive",
        "checks",
        "command_line",
        "files",
        "notebook",
        "panel",
        "progress",
        "quantization",
        "tensorflow_quietly",
    },
    {"all_reduce", "download", "initializer", "xla"},
    {"data", "reparameterization", "plots"},
    {"encoder", "decoder", "loss", "parameters", "freshness"},
    {"model", "run", "report_figures"},
    {"evaluation", "latent_space", "training", "sweep"},
    {"distributed", "explorer", "report"},
    {"__main__"},
]
LAYER = {name: i for i, names in enumerate(LAYERS) for name in names}
MODULES = {path.stem: path for path in sorted(Path(vae_lib.__file__).parent.glob("*.py"))}


def our_imports(tree):
    """The modules of ours that are imported anywhere in a module, functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = "vae_lib." * bool(node.level) + (node.module or "")
            paths = [f"{source.rstrip('.')}.{alias.name}" for alias in node.names]
        else:
            continue
        for path in paths:
            package, *names = path.split(".")
            if package == "vae_lib":
                yield names[0] if names and names[0] in MODULES else "__init__"


def code_lines(function, source):
    """The lines of a function that are neither blank, nor comments, nor its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    head = range(function.lineno, function.body[0].lineno)
    lines = [*head, *range(body[0].lineno, function.end_lineno + 1)] if body else head
    return [n for n in lines if source[n - 1].strip() and not source[n - 1].strip().startswith("#")]


def test_every_module_has_a_place():
    assert MODULES.keys() == LAYER.keys()
    assert sum(map(len, LAYERS)) == len(LAYER)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f():\n    from vae_lib.plots import digit_grid", ["plots"]),
        ("import vae_lib.model as m, os", ["model"]),
        ("from vae_lib import loss, __version__", ["loss", "__init__"]),
        ("from . import loss\nfrom .data import Digits", ["loss", "data"]),
        ("import numpy as np\nfrom pathlib import Path", []),
    ],
)
def test_every_form_of_import_is_seen(code, expected):
    assert list(our_imports(ast.parse(code))) == expected


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    for imported in our_imports(ast.parse(MODULES[module].read_text("utf-8"))):
        assert LAYER[imported] < LAYER[module], f"{module} imports {imported}"


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_are_small(module):
    text = MODULES[module].read_text("utf-8")
    assert len(text.splitlines()) < 200
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = len(code_lines(node, text.splitlines()))
            assert length <= 40, f"{node.name} has {length} lines of code"
