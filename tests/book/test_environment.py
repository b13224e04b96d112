"""environment.yml, pyproject.toml, uv.lock and the imports say the same."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.helpers import ROOT
from tools import chapters, launch

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
VERSIONS = {p["name"]: p["version"] for p in LOCK["package"] if "version" in p}
EXTRAS = PROJECT["optional-dependencies"]
CORE = [Requirement(d) for d in PROJECT["dependencies"]]
DECLARED = [*CORE, *map(Requirement, chain(*EXTRAS.values()))]
DEVELOPMENT = [Requirement(d) for d in PYPROJECT["dependency-groups"]["dev"]]
# Imported though not declared: each comes with a declared package that says so itself.
COMES_WITH = {
    "keras": "tensorflow",
    "tqdm": "pooch",
    "ipython": "ipywidgets",
    "nbclient": "papermill",
    "nbformat": "papermill",
    "traitlets": "ipywidgets",
}
# The same, for what builds the book alone.
COMES_WITH_THE_BOOK = {
    "beautifulsoup4": "jupyter-book",
    "docutils": "jupyter-book",
    "pillow": "matplotlib",
    "pybtex": "jupyter-book",
    "pyyaml": "papermill",
    "sphinx": "jupyter-book",
    "sphinx-external-toc": "jupyter-book",
}


def test_the_conda_environment_names_only_python_pip_and_this_package():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, from_pip = environment["dependencies"]
    name, requirement = python[: len("python")], python[len("python") :]
    assert name == "python"
    assert SpecifierSet(requirement) == SpecifierSet(PROJECT["requires-python"])
    assert pip == "pip"
    assert from_pip == {"pip": ["-e .[book]"]}
    assert "book" in EXTRAS


def python_versions():
    """The versions of Python that pyproject.toml promises."""
    promised = SpecifierSet(PROJECT["requires-python"])
    return [f"3.{minor}" for minor in range(100) if promised.contains(f"3.{minor}")]


def test_the_classifiers_name_the_promised_versions_of_python():
    name = "Programming Language :: Python :: "
    assert PROJECT["classifiers"] == [name + version for version in python_versions()]


def test_the_workflow_tests_each_promised_version_of_python():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    job = workflow["jobs"]["test"]
    matrix = job["strategy"]["matrix"]
    assert matrix["python"] == python_versions()
    for one in matrix["include"]:
        assert one["python"] in python_versions()
    # setup-python brings it, and uv makes .venv with it.
    setup = next(step for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert setup["with"]["python-version"] == "${{ matrix.python }}"
    assert job["env"]["UV_PYTHON"] == "${{ matrix.python }}"


def test_the_lock_file_is_made_for_the_same_python_versions():
    assert SpecifierSet(LOCK["requires-python"]) == SpecifierSet(PROJECT["requires-python"])


@pytest.mark.parametrize("requirement", DECLARED + DEVELOPMENT, ids=str)
def test_the_locked_version_is_one_that_is_asked_for(requirement):
    locked = VERSIONS[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(locked, prereleases=True)


def test_jupyter_book_is_of_the_line_that_reads_the_configuration():
    assert Version(VERSIONS["jupyter-book"]).major == 1


# What a part may import besides what comes with `pip install vae-lib`. A chapter has on Colab
# what the notebook extra brings; a page about the clone has what the clone has.
MACHINERY = {
    "vae_lib/__main__.py": "book",
    "vae_lib/panels/": "notebook",
    "vae_lib/runs/": "book",
    "vae_lib/runs/command_line.py": "cluster",
    "vae_lib/runs/run.py": "cluster",
    "vae_lib/support/commands.py": "book",
    "vae_lib/uses.py": "notebook",
    "chapters/": "notebook",
    "tools/": "book",
    "_ext/": "book",
}


def sources(root, notebooks):
    """The Python below a folder: the library, what builds the book, the code of the chapters."""
    for part in ("vae_lib", "tools", "_ext"):
        for path in sorted((root / part).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path.read_text("utf-8")
    for path in notebooks:
        cells = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        lines = "\n".join(cells).splitlines()
        code = "\n".join(line for line in lines if not line.startswith(("%", "!")))
        yield path.relative_to(root).as_posix(), code


def allowed(name, about_the_clone):
    """What a file may import: names of distributions, and of packages that stand in the clone."""
    extras = [extra for part, extra in MACHINERY.items() if name.startswith(part)]
    ours, comes_with = {"vae-lib"}, COMES_WITH
    if name.removesuffix(".ipynb") in about_the_clone:
        extras, ours = EXTRAS, {"vae-lib", "bench", "reproduction"}
    elif name.startswith(("tools/", "_ext/")):
        ours, comes_with = {"vae-lib", "tools"}, COMES_WITH | COMES_WITH_THE_BOOK
    brought = CORE + [Requirement(d) for extra in extras for d in EXTRAS[extra]]
    names = {canonicalize_name(r.name) for r in brought}
    return names | ours | {package for package, by in comes_with.items() if by in names}


def imported(source):
    """Return the top-level names of the modules that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def undeclared(root, notebooks, about_the_clone):
    """What is imported below a folder that pyproject.toml does not name for it."""
    distributions = packages_distributions()
    found = set()
    for name, source in sources(root, notebooks):
        for module in set(imported(source)) - sys.stdlib_module_names:
            brought_by = {canonicalize_name(d) for d in distributions.get(module, [module])}
            if not brought_by & allowed(name, about_the_clone):
                found.add(f"{name} imports {module}")
    return found


def test_what_the_library_and_the_chapters_import_is_declared():
    comes_with = {*COMES_WITH.values(), *COMES_WITH_THE_BOOK.values()}
    assert comes_with <= {canonicalize_name(r.name) for r in DECLARED}
    notebooks = [path.with_suffix(".ipynb") for path in chapters.sources(ROOT / "chapters")]
    assert undeclared(ROOT, notebooks, launch.pages_of_a_clone(ROOT)) == set()


@pytest.mark.parametrize(
    ("file", "code", "found"),
    [
        ("vae_lib/runs/run.py", "import os, numpy, pandas\nfrom . import x\nimport bs4.y", "bs4"),
        ("vae_lib/data/archive.py", "import numpy, pandas", "pandas"),
        ("vae_lib/plots.py", "def f():\n    import click", "click"),
        ("vae_lib/panels/panel.py", "import anywidget, jinja2", "jinja2"),
        ("vae_lib/loss.py", "import bench.work", "bench"),
        ("chapters/01-theory.ipynb", "import numpy, IPython, pandas", "pandas"),
        ("tools/pdf.py", "import playwright, ruff", "ruff"),
        ("chapters/01-theory.ipynb", "from bench import report", "bench"),
    ],
)
def test_an_undeclared_import_is_found(tmp_path, file, code, found):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell(code)]
    is_chapter = path.suffix == ".ipynb"
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)) if is_chapter else code)
    notebooks = [path] if is_chapter else []
    assert undeclared(tmp_path, notebooks, ["chapters/benchmark"]) == {f"{file} imports {found}"}


def test_a_page_about_the_clone_imports_what_the_clone_has():
    assert "bench" in allowed("chapters/benchmark.ipynb", launch.pages_of_a_clone(ROOT))
