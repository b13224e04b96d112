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

from tests.support import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
VERSIONS = {p["name"]: p["version"] for p in LOCK["package"] if "version" in p}
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [Requirement(d) for d in chain(PROJECT["dependencies"], *EXTRAS.values())]
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


def sources(root):
    """The Python below a folder: the library's modules, and the code of the chapters."""
    for path in sorted((root / "vae_lib").rglob("*.py")):
        yield str(path.relative_to(root)), path.read_text("utf-8")
    for path in sorted((root / "chapters").glob("*.ipynb")):
        cells = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        lines = "\n".join(cells).splitlines()
        yield path.name, "\n".join(line for line in lines if not line.startswith(("%", "!")))


def imported(source):
    """Return the top-level names of the modules that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def undeclared(root):
    """What is imported below a folder that pyproject.toml does not name."""
    allowed = {canonicalize_name(r.name) for r in DECLARED} | {"vae-lib"} | set(COMES_WITH)
    distributions = packages_distributions()
    return {
        f"{name} imports {module}"
        for name, source in sources(root)
        for module in imported(source)
        if module not in sys.stdlib_module_names
        if not (module == "bench" and name.endswith(".ipynb"))  # a page about the clone, in it
        if not {canonicalize_name(d) for d in distributions.get(module, ["-"])} & allowed
    }


def test_what_the_library_and_the_chapters_import_is_declared():
    assert set(COMES_WITH.values()) <= {canonicalize_name(r.name) for r in DECLARED}
    assert undeclared(ROOT) == set()


def test_an_undeclared_import_in_a_folder_is_found(tmp_path):
    folder = tmp_path / "vae_lib/runs"
    folder.mkdir(parents=True)
    (folder / "run.py").write_text("import os, numpy\nfrom . import sweep\nimport bs4.element\n")
    assert undeclared(tmp_path) == {"vae_lib/runs/run.py imports bs4"}
