"""The copies of chapters for Colab, Binder and downloads."""

import subprocess
import tomllib

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from packaging.requirements import Requirement

from tests.helpers import ROOT
from tools import address, launch

HERE = "https://github.com/ada/vae-book"
KERNEL = {"name": "python3", "display_name": "Python 3"}
LIBRARY = f"vae-lib[notebook] @ git+{HERE}@0123abc"


def chapter():
    cells = [
        new_markdown_cell("# Title, [two](02-two.ipynb)"),
        new_code_cell("x = 1", execution_count=1),
    ]
    metadata = {"kernelspec": KERNEL, "jupytext": {"formats": "ipynb,md:myst"}}
    return new_notebook(cells=cells, metadata=metadata)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A built book of a chapter and a page that needs a clone, in a clone with a commit."""
    for name in ("BOOK_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOOK_REPOSITORY", HERE)
    for folder in (".book/source/chapters", "_build/html/_sources/chapters"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("01-one", "benchmark"):
        nbformat.write(chapter(), tmp_path / f".book/source/chapters/{name}.ipynb")
    settings = {"sphinx": {"config": {"pages_of_a_clone": {"chapters/benchmark": ["bench/*"]}}}}
    (tmp_path / ".book/source/_config.yml").write_text(yaml.safe_dump(settings))
    toc = {"format": "jb-book", "root": "index", "chapters": []}
    toc["chapters"] = [{"file": "chapters/01-one"}, {"file": "chapters/benchmark"}]
    (tmp_path / ".book/source/_toc.yml").write_text(yaml.safe_dump(toc))
    (tmp_path / ".book/source/references.bib").touch()
    git = ["git", "-C", tmp_path, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=One"], check=True)
    return tmp_path


def write(root):
    launch.write_copies(root, root / ".book/source", root / "_build/html")
    return root / "_build/launch"


def test_a_copy_begins_with_a_cell_that_installs_and_is_the_chapter_otherwise():
    notebook = chapter()
    chapter_cells = list(notebook.cells)
    copy = launch.launchable(notebook, LIBRARY)
    nbformat.validate(copy)
    first, *others = copy.cells
    assert f'%pip install --quiet "{LIBRARY}"' in first.source
    assert others == chapter_cells
    assert copy.metadata == {"kernelspec": KERNEL}


@pytest.mark.parametrize("is_there", [True, False])
def test_the_cell_installs_only_where_the_library_is_missing(monkeypatch, is_there):
    source = launch.launchable(chapter(), LIBRARY).cells[0].source
    installed = []
    code = source.replace(f'%pip install --quiet "{LIBRARY}"', f"pip({LIBRARY!r})")
    found = object() if is_there else None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found if name == "vae_lib" else 0)
    exec(code, {"pip": installed.append})
    assert installed == ([] if is_there else [LIBRARY])


def test_only_chapters_that_run_without_a_clone_are_copied_and_downloads_are_the_same(root):
    folder = write(root)
    assert [path.name for path in (folder / "chapters").iterdir()] == ["01-one.ipynb"]
    copy = folder / "chapters/01-one.ipynb"
    download = root / "_build/html/_sources/chapters/01-one.ipynb"
    assert copy.read_bytes() == download.read_bytes()
    text = nbformat.read(copy, 4).cells[1].source
    assert text == "# Title, [two](https://ada.github.io/vae-book/chapters/02-two.html)"


def test_the_library_is_that_of_the_commit(root):
    commit = address.git(root, "rev-parse", "HEAD")
    requirement = Requirement(launch.requirement(root, HERE))
    assert (requirement.name, requirement.url) == ("vae-lib", f"git+{HERE}@{commit}")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert requirement.extras <= set(project["optional-dependencies"])
    assert requirement.extras == {"notebook"}


def test_binder_installs_the_same_library(root):
    environment = yaml.safe_load((write(root) / "environment.yml").read_text())
    python, pip, from_pip = environment["dependencies"]
    assert python.startswith("python=3.")
    assert pip == "pip"
    assert launch.requirement(root, HERE) in from_pip["pip"]


def test_without_a_repository_there_are_no_copies_and_old_ones_go(root, monkeypatch):
    write(root)
    monkeypatch.delenv("BOOK_REPOSITORY")
    assert not write(root).exists()
