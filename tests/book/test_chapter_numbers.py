"""A chapter has the number of its file, and so have its sections and equations."""

import re
import subprocess
import sys

from tests.helpers import ROOT

CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "_ext")!r})
extensions = ["myst_parser", "sphinx_external_toc", "sphinx_multitoc_numbering"]
extensions += ["chapter_numbers"]
use_multitoc_numbering = True
myst_enable_extensions = ["dollarmath"]
numfig = True
"""
TOC = """
format: jb-book
root: index
parts:
- {caption: One, numbered: true, chapters: [{file: chapters/01-one}]}
- {caption: Two, numbered: true, chapters: [{file: chapters/10-ten}]}
- {caption: Three, chapters: [{file: chapters/page}]}
"""
PAGE = "# T\n\n## S\n\n$$\na\n$$ (eq-{0})\n\nsee {{eq}}`eq-{0}`\n"


def text_of(folder, page):
    """What a reader sees of a page."""
    return re.sub("<[^>]*>", "", (folder / f"_build/chapters/{page}.html").read_text())


def build(folder):
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", ".", "_build"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_numbers_are_those_of_the_files(tmp_path):
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "index.md").write_text("# Book")
    (tmp_path / "chapters").mkdir()
    for page in ("01-one", "10-ten", "page"):
        (tmp_path / f"chapters/{page}.md").write_text(PAGE.format(page))
    build(tmp_path)
    ten, other = text_of(tmp_path, "10-ten"), text_of(tmp_path, "page")
    assert "1.1. S" in text_of(tmp_path, "01-one")
    for said in ("10. T", "10.1. S", "see (10.1)"):
        assert said in ten
    assert "10." not in other.split("Navigation")[0]
    assert "2. T" not in ten
    (tmp_path / "chapters/10-ten.md").write_text(PAGE.format("10-ten") + "\nmore\n")
    build(tmp_path)
    assert "see (10.1)" in text_of(tmp_path, "10-ten")
