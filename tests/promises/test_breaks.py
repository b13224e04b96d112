"""The tests that keep the book's promises can fail: each is run on a copy with one break in it.

A break is a plausible mistake in the code. `breaks_<topic>.py` lists them beside the promises:
the sentence that `promises.md` gives to readers, the test that keeps it, a file, a text that
occurs once in it, what stands there instead, and what the failing test then says: a test that
fails for another reason has not noticed. All are planted by

    make breaks

and a sample of them by `make test`, since each takes a process of its own.
"""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers import ROOT


class Break(NamedTuple):
    """A promise, the test that keeps it, and a mistake that the test has to notice."""

    promise: str
    test: str
    path: str
    right: str
    wrong: str
    said: str


TOPICS = sorted(path.stem for path in Path(__file__).parent.glob("breaks_*.py"))
BREAKS = [
    Break(*row)
    for topic in TOPICS
    for row in importlib.import_module(f"tests.promises.{topic}").BREAKS
]
EVERY = int(os.environ.get("VAE_LIB_EVERY_BREAK", "16"))  # one of so many is planted
SAMPLE = [pytest.param(each, id=each.promise) for each in BREAKS[::EVERY]]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of all that git knows or would know, where a mistake does no harm."""
    folder = tmp_path_factory.mktemp("clone")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, said.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def outcome(clone, tests):
    """Run tests in the copy, whose library they and all their processes import."""
    options = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def _sound(clone):
    """Without a break, all these tests pass in the copy: else their failing would say nothing."""
    ran = outcome(clone, {each.values[0].test for each in SAMPLE})
    assert ran.returncode == pytest.ExitCode.OK, ran.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("_sound")
@pytest.mark.parametrize("planted", SAMPLE)
def test_a_break_is_noticed(planted, clone):
    file = clone / planted.path
    source = file.read_text("utf-8")
    file.write_text(source.replace(planted.right, planted.wrong), "utf-8")
    try:
        ran = outcome(clone, [planted.test])
    finally:
        file.write_text(source, "utf-8")
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout
    errors = [line for line in ran.stdout.splitlines() if line.startswith("E  ")]
    assert planted.said in "\n".join(errors), ran.stdout


@pytest.mark.parametrize("each", BREAKS, ids=[each.promise for each in BREAKS])
def test_a_break_changes_one_place_and_its_test_is_there(each):
    assert each.said  # nothing is in any failure
    assert (ROOT / each.path).read_text("utf-8").count(each.right) == 1
    path, _, name = each.test.partition("[")[0].partition("::")
    source = (ROOT / path).read_text("utf-8")
    assert re.search(rf"^def {name}\b", source, re.MULTILINE)


def promised():
    """The lists of `promises.md`: sentences, and the tests that it names below them."""
    text = (ROOT / "promises.md").read_text("utf-8")
    return re.findall(r"^- (\S.*)\\\n  `(tests/\S+::\w+)`$", text, re.M)


def test_the_page_promises_what_has_a_test_and_a_break():
    assert sorted(promised()) == sorted((b.promise, b.test.partition("[")[0]) for b in BREAKS)
