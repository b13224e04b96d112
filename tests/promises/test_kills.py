"""Whatever is killed, at whatever moment, goes on and ends as if it had not been."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import nbformat
import psutil
import pytest

from tests.helpers import ROOT, refused, wait_for
from tests.runs.quick_notebook import written
from tools import book
from vae_lib.parameters import ChapterParameters
from vae_lib.runs import command_line
from vae_lib.support.alone import alone_in

KILLS = int(os.environ.get("VAE_LIB_KILLS", "3"))
MARK = "VAE_LIB_TEST_OF_KILLS"  # in the environment of all that a test has begun

# Kills the process group when it is about to do its k-th operation on a file of a folder.
KILLER = """\
import os, signal, sys
folder, left = os.environ.get("KILL_IN"), [int(os.environ.get("KILL_AT", 0))]
def look(event, words):
    if event in {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir"}:
        if left[0] and str(words[0]).startswith(folder):
            left[0] -= 1
            if not left[0]:
                os.killpg(0, signal.SIGKILL)
if folder and os.environ.pop("KILL_AT", None):
    sys.addaudithook(look)
"""


@pytest.fixture
def begun(tmp_path):
    """Start Python code in a session of its own, killed at its k-th operation in a folder."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook/sitecustomize.py").write_text(KILLER)

    def begin(code, folder, at=0):
        paths = os.pathsep.join([str(tmp_path / "hook"), str(ROOT)])
        place = {"PYTHONPATH": paths, "KILL_IN": str(folder), MARK: str(tmp_path)}
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=os.environ | place | ({"KILL_AT": str(at)} if at else {}),
            cwd=tmp_path,
            start_new_session=True,
        )

    yield begin
    for process in orphans(tmp_path):
        process.kill()


def orphans(mark):
    """The processes that a test has begun and that have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get(MARK) == str(mark)
            found += [process] if mine and process.status() != "zombie" else []
        except psutil.Error:
            continue
    return found


SWEEP = """
    import sys, pathlib
    from vae_lib.runs import command_line, sweep
    from vae_lib.runs.chapters import CHAPTERS
    numbers = {{"elbo": -1.0, "active_units": 2, "seconds": 1.0}}
    sweep.run = lambda job: sweep.Outcome("{{}}", numbers, model=str(job.parameters).encode())
    CHAPTERS[6] = CHAPTERS[6]._replace(notebook=pathlib.Path({chapter!r}))
    words = ["sweep", "--data", "small", "--seeds", "0", "1", "2", "--out", {out!r}]
    sys.exit(command_line.main([*words, "--jobs", "1"]))
"""


def content(folder):
    """All files of a folder but the lock, which nobody holds."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".in-use"
    }


@pytest.mark.slow
def test_a_sweep_killed_at_any_operation_on_a_file_goes_on_to_the_same_files(tmp_path, begun):
    chapter = written(tmp_path / "c.ipynb", ChapterParameters().model_dump(), "print({})")
    whole = tmp_path / "whole"
    code = SWEEP.format(chapter=str(chapter), out=str(whole))
    assert begun(code, whole).wait() == 0
    killed = 0
    for k in range(KILLS):
        out = tmp_path / f"killed-{k}"
        code = SWEEP.format(chapter=str(chapter), out=str(out))
        killed += begun(code, out, at=4 + 7 * k % 36).wait() == -signal.SIGKILL
        assert not orphans(tmp_path)
        assert begun(code, out).wait() == 0
        assert content(out) == content(whole)
    assert killed == KILLS


def test_two_sweeps_do_not_fill_one_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "plan", lambda *_: [])
    words = ["sweep", "--out", str(tmp_path)]
    with alone_in(tmp_path, ValueError("mine")):
        assert command_line.main(words) == 2
    assert f"'{tmp_path}', which another sweep" in capsys.readouterr().err
    assert command_line.main(words) == 0


def test_two_builds_do_not_work_in_one_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(book, "ROOT", tmp_path)
    monkeypatch.setattr(book.address, "find", lambda root: None)
    monkeypatch.setattr(book, "digits_at_hand", lambda: None)
    monkeypatch.setattr(book, "execute", lambda *_: {})
    with alone_in(tmp_path / ".book", ValueError("mine")):
        assert book.main(["execute"]) == 1
    assert "another build is at work" in capsys.readouterr().err
    assert book.main(["execute"]) == 0


def test_a_killed_process_leaves_a_folder_free(tmp_path, begun):
    code = """
        import pathlib, time
        from vae_lib.support.alone import alone_in
        with alone_in(pathlib.Path("held"), ValueError("no")):
            pathlib.Path("held/here").touch()
            time.sleep(600)
    """
    process = begun(code, tmp_path / "held")
    wait_for((tmp_path / "held/here").exists)
    with refused(ValueError, "taken"), alone_in(tmp_path / "held", ValueError("taken")):
        pass
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with alone_in(tmp_path / "held", ValueError("taken")):
        pass


@pytest.mark.slow
def test_a_killed_build_takes_its_chapters_with_it(tmp_path, begun):
    """Only the tool is killed: what it began has to notice by itself."""
    (tmp_path / "staging").mkdir()
    cell = nbformat.v4.new_code_cell(
        "import pathlib, time\npathlib.Path('on').touch()\ntime.sleep(600)"
    )
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
    nbformat.write(notebook, tmp_path / "staging/01-one.ipynb")
    code = """
        import pathlib
        from tools import book
        from vae_lib.runs.freshness import FoundDigits
        book.run_notebooks(pathlib.Path("staging").resolve(), FoundDigits("small", "small", ""))
    """
    process = begun(code, tmp_path / "none")
    wait_for((tmp_path / "staging/on").exists)
    process.kill()
    process.wait()
    wait_for(lambda: not orphans(tmp_path))


def test_a_kept_chapter_is_never_half_written(tmp_path, monkeypatch):
    """Its text is brought up to date in one step."""
    kept, chapter = tmp_path / "kept.ipynb", tmp_path / "chapter.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# Old"), nbformat.v4.new_code_cell("print(2)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), kept)
    cells[0].source = "# New"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), chapter)
    before = kept.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            book.follow_text(chapter, kept)
    assert kept.read_bytes() == before
    book.follow_text(chapter, kept)
    assert "# New" in json.loads(kept.read_text())["cells"][0]["source"]
