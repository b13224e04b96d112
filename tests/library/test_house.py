"""The house is in order: imports point one way, functions are short, signs can be printed.

Which part may import which is said in pyproject.toml, and import-linter holds it.
"""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT

LONGEST = 40  # lines of code in a function
PACKAGES = ("vae_lib", "tools", "bench", "reproduction")
PARTS = (*PACKAGES, "_ext")
PRINTING = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}


def lint(root):
    """Compare the imports of a tree with its contracts; return the exit code and what was said."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=root, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path):
    """A copy of the library with its contracts, for planting mistakes."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for part in PACKAGES:
        shutil.copytree(ROOT / part, tmp_path / part)
    return tmp_path


def test_imports_point_one_way():
    code, said = lint(ROOT)
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("loss.py", "from vae_lib.model import VAE", "vae_lib.loss -> vae_lib.model"),
        ("training.py", "import vae_lib.evaluation", "vae_lib.training -> vae_lib.evaluation"),
        ("support/files.py", "import vae_lib.data", "vae_lib.support.files -> vae_lib.data"),
        ("support/files.py", "from .. import data", "vae_lib.support.files -> vae_lib.data"),
        ("data/archive.py", "from .download import OfflineError", "archive -> vae_lib.data.down"),
        ("panels/panel.py", "import vae_lib.runs.run", "vae_lib.panels.panel -> vae_lib.runs.run"),
        ("runs/run.py", "def f():\n    import vae_lib.loss", "vae_lib.runs.run -> vae_lib.loss"),
        ("runs/notebook.py", "import vae_lib.runs.sweep", "notebook -> vae_lib.runs.sweep"),
        ("data/archive.py", "from vae_lib.data import load_mnist", "archive -> vae_lib.data"),
        ("distributed/all_reduce.py", "import vae_lib.distributed", "-> vae_lib.distributed"),
        ("panels/panel.py", "import vae_lib.panels", "panels.panel -> vae_lib.panels"),
        ("runs/freshness.py", "import tensorflow", "runs.freshness -> tensorflow"),
        ("../bench/contestants/torch_eager.py", "import pandas", "torch_eager -> pandas"),
        ("loss.py", "import bench.work", "vae_lib.loss -> bench.work"),
        ("../bench/work.py", "import vae_lib", "bench.work -> vae_lib"),
        ("../bench/report.py", "import tools", "bench.report -> tools"),
        ("../bench/report.py", "import reproduction.runs", "bench.report -> reproduction.runs"),
        ("extra.py", "", "vae_lib.extra"),
        ("support/extra.py", "", "vae_lib.support.extra"),
        ("extra/__init__.py", "", "vae_lib.extra"),
    ],
)
def test_a_planted_import_or_a_part_without_a_place_is_named(copy, file, line, named):
    path = copy / "vae_lib" / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as module:
        module.write(f"\n{line}\n")
    code, said = lint(copy)
    assert code == 1, said
    assert named in " ".join(said.split()), said


def folders_without_an_init(root):
    """Folders of Python in a package that import-linter passes over."""
    folders = {path.parent for path in root.rglob("*.py")}
    return [str(f.relative_to(root)) for f in sorted(folders) if not (f / "__init__.py").exists()]


@pytest.mark.parametrize("part", PACKAGES)
def test_every_folder_of_a_package_is_a_package(part):
    assert folders_without_an_init(ROOT / part) == []


def test_a_folder_that_is_none_is_found(copy):
    (copy / "vae_lib/runs/extra").mkdir()
    (copy / "vae_lib/runs/extra/module.py").touch()
    assert folders_without_an_init(copy / "vae_lib") == ["runs/extra"]


def code_lines(function, source):
    """The lines of a function that are neither blank, nor comments, nor its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    head = range(function.lineno, function.body[0].lineno)
    lines = [*head, *range(body[0].lineno, function.end_lineno + 1)] if body else head
    return [n for n in lines if source[n - 1].strip() and not source[n - 1].strip().startswith("#")]


def long_functions(folder):
    """The functions below a folder with too many lines of code."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = len(code_lines(node, text.splitlines()))
                if length > LONGEST:
                    yield f"{path.relative_to(folder)}: {node.name} has {length} lines of code"


@pytest.mark.parametrize("part", PARTS)
def test_functions_are_short(part):
    assert list(long_functions(ROOT / part)) == []


def test_a_long_function_in_a_folder_is_found(tmp_path):
    (tmp_path / "deep/deeper").mkdir(parents=True)
    body = ['    """Docstring."""', "    # a comment", "", *["    x = 1"] * LONGEST]
    text = "\n".join(["def short():", *body[:-1], "def long():", *body])
    (tmp_path / "deep/deeper/module.py").write_text(text)
    assert list(long_functions(tmp_path)) == ["deep/deeper/module.py: long has 41 lines of code"]


def signs_printed_directly(folder):
    """The calls below a folder that print a sign which not every terminal's encoding has."""
    for path in sorted(folder.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in PRINTING:
                texts = [part.value for part in ast.walk(call) if isinstance(part, ast.Constant)]
                if any(isinstance(text, str) and not text.isascii() for text in texts):
                    yield f"{path.relative_to(folder)}:{call.lineno}: print it by `say`"


@pytest.mark.parametrize("part", PACKAGES)
def test_signs_beyond_ascii_are_left_to_say(part):
    assert list(signs_printed_directly(ROOT / part)) == []


@pytest.mark.parametrize(
    "line",
    [
        'print("Typesetting …")',
        "print(f\"{'✓' if met else '✗'} {text}\")",
        'click.echo(f"{seconds} µs")',
        'sys.stderr.write("a" + "→")',
    ],
)
def test_a_sign_that_is_printed_directly_is_found(tmp_path, line):
    (tmp_path / "deep").mkdir()
    plain = 'print("# ...")\nsay("…")\nfile.write("…")\n'
    (tmp_path / "deep/module.py").write_text(plain + line, "utf-8")
    assert list(signs_printed_directly(tmp_path)) == ["deep/module.py:4: print it by `say`"]
