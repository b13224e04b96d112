"""What is wrong with _toc.yml is said in one sentence, by whatever reads it."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers import ROOT, assert_says, refused
from tools.chapters import BookError, sources

BOOK = "format: jb-book\nroot: index\n"
HERE = f"{BOOK}chapters:\n- file: chapters/01-one\n"


@pytest.mark.parametrize(
    ("toc", "said"),
    [
        (None, ["git restore _toc.yml"]),
        ("", ["cannot be read", "mapping"]),
        ("chapters: [", ["cannot be read", "line 1"]),
        ("a: b: c", ["cannot be read", "line 1"]),
        ("- file: chapters/01-one\n", ["cannot be read", "mapping", "list"]),
        (BOOK, ["no page in chapters/", "chapters", "parts"]),
        (f"{BOOK}chapters:\n- file: index-2\n", ["no page in chapters/", "file"]),
        (f"{BOOK}chapters: []\n", ["cannot be read", "'chapters'", "non-empty list"]),
        (f"{BOOK}parts:\n- caption: One\n", ["cannot be read", "'chapters'", "parts"]),
        (f"{HERE}- title: Two\n", ["cannot be read", "chapters/1", "file"]),
        (f"{HERE}- file:\n", ["cannot be read", "chapters/1", "None"]),
        (f"{HERE}- file: chapters/01-one\n", ["cannot be read", "'chapters/01-one'"]),
        (f"{HERE}chapter: []\n", ["cannot be read", "'chapter'"]),
        (HERE.replace("jb-book", "book"), ["cannot be read", "'format'", "'book'"]),
        (HERE.replace("root", "rot"), ["cannot be read", "'root'"]),
    ],
)
def test_a_broken_toc_is_named(tmp_path, toc, said):
    if toc is not None:
        (tmp_path / "_toc.yml").write_text(toc)
    with refused(BookError, "_toc.yml", *said):
        sources(tmp_path / "chapters")


@pytest.mark.slow
@pytest.mark.parametrize("words", ["book execute", "pairs check", "pairs sync", "copies"])
@pytest.mark.parametrize("toc", [BOOK, HERE], ids=["no chapter", "a chapter that is not there"])
def test_each_command_says_so_in_one_sentence_and_fails(tmp_path, words, toc):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=ignored)  # they work beside it
    (tmp_path / "_toc.yml").write_text(toc)
    program, *rest = words.split()
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{program}", *rest],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "VAE_LIB_MNIST": "small"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert_says(done.stderr, "_toc.yml", "chapters/")
