"""Whatever is killed, at whatever moment, goes on and ends as if it had not been."""

import errno
import io
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import nbformat
import psutil
import pytest
from pypdf import PdfWriter

from reproduction import __main__ as command
from reproduction.runs import RUNS
from tests.helpers import ROOT, refused, wait_for
from tests.promises import long_work
from tests.promises.killer import KILLED, doomed
from tests.runs.quick_notebook import written
from tools import book, check_html, pairs, pdf
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.parameters import ChapterParameters
from vae_lib.runs import command_line
from vae_lib.support.alone import alone_in
from vae_lib.support.checkpoints import Checkpoints

KILLS = int(os.environ.get("VAE_LIB_KILLS", "3"))
MARK = "VAE_LIB_TEST_OF_KILLS"  # in the environment of all that a test has begun

SOME = max(2, KILLS // 10)  # of what takes longer
FEW = max(1, KILLS // 10)  # of what takes longest
WATCH = """\
import atexit, os, pathlib
if folder := os.environ.pop("KILL_IN", None):
    from tests.promises.killer import watch
    seen = watch(folder, int(os.environ["KILL_AT"]), bool(os.environ["KILL_HALFWAY"]))
    counted = pathlib.Path(os.environ["KILL_COUNT"])
    atexit.register(lambda: counted.write_text(str(len(seen))))
"""


@pytest.fixture
def begun(tmp_path):
    """Start Python code in a session of its own, killed at its k-th operation in a folder."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook/sitecustomize.py").write_text(WATCH)

    def begin(code, folder, at=0, halfway=False):
        paths = os.pathsep.join([str(tmp_path / "hook"), str(ROOT)])
        place = {"PYTHONPATH": paths, "KILL_IN": str(folder), MARK: str(tmp_path)}
        place |= {"KILL_AT": str(at), "KILL_HALFWAY": "yes" * halfway}
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=os.environ | place | {"KILL_COUNT": str(tmp_path / "operations")},
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


def counted(folder):
    """How many operations on files the last work did that came to its end."""
    return int((folder / "operations").read_text())


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
def test_a_killed_sweep_goes_on_to_the_same_files(tmp_path, begun):
    """At an operation on a file, or halfway in one."""
    chapter = written(tmp_path / "c.ipynb", ChapterParameters().model_dump(), "print({})")
    whole = tmp_path / "whole"
    code = SWEEP.format(chapter=str(chapter), out=str(whole))
    assert begun(code, whole).wait() == 0
    operations, rng = counted(tmp_path), random.Random(0)
    for k in range(KILLS):
        out = tmp_path / f"killed-{k}"
        code = SWEEP.format(chapter=str(chapter), out=str(out))
        at = rng.randint(1, operations - 2)  # what is kept last is a file that can be cut short
        assert begun(code, out, at, halfway=k % 2).wait() in KILLED
        assert not orphans(tmp_path)
        assert begun(code, out).wait() == 0
        assert content(out) == content(whole)


def moments(operations, seconds):
    """Draw moments of a kill: operations, and whether halfway in the file after it; seconds."""
    rng = random.Random(0)
    while True:
        yield rng.randint(1, operations), False, None
        yield rng.randint(1, operations), True, None
        yield 0, False, rng.uniform(0, seconds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "kills"),
    [("training", KILLS), ("evaluating", SOME), ("reproducing", SOME)],
    ids=["training", "evaluating", "reproducing"],
)
def test_killed_work_goes_on_to_the_same_bits(work, kills, tmp_path):
    """Again and again, until it has come to its end: then it begins in another folder."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.promises.long_work"])

    def go(folder, out, at=0, halfway=False, seconds=None):
        arguments = folder, out
        how = getattr(long_work, work), arguments, folder, at, halfway, tmp_path / "operations"
        process = processes.Process(target=doomed, args=how)
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode

    start, whole = time.monotonic(), tmp_path / "whole.out"
    assert go(tmp_path / "whole", whole) == 0
    operations = counted(tmp_path)
    when = moments(operations, time.monotonic() - start)
    killed = nights = shorter = 0
    while killed < kills:
        nights += 1
        folder, out = tmp_path / f"{nights}", tmp_path / f"{nights}.out"
        while not out.exists():
            code = go(folder, out, *next(when))
            assert code in {0, *KILLED}
            killed += code != 0
        shorter += counted(tmp_path) < operations  # the last start went on, and did not begin anew
        assert out.read_bytes() == whole.read_bytes()
        assert not [*folder.rglob("checkpoint.part")]
    assert shorter
    print(f"{work}: {killed} kills in {nights} pieces of work; {shorter} went on where they were")


BOOK = """
    import pathlib, sys
    from tools import address, book
    from vae_lib.runs.freshness import FoundDigits
    book.ROOT = pathlib.Path({root!r})
    book.digits_at_hand = lambda: FoundDigits("small", "small", "")
    book.prose.with_times = lambda notebook, line: notebook  # no two builds take as long
    book.FRONT_PICTURE = "01-one", ""
    book.figure = lambda *_: b""
    book.explorer = lambda *_: ""
    book.card.drawn = lambda _: b""
    sys.exit(book.main(["build"]))
"""


def small_book(root):
    """A book of a front page, a glossary and two chapters, run and typeset as those of the book."""
    for folder in ("_ext", "_static", "_vendor"):
        shutil.copytree(ROOT / folder, root / folder)
    for folder in ("chapters", "vae_lib", "tools"):
        (root / folder).mkdir()
    for file in ("_config.yml", "references.bib", "uv.lock"):
        shutil.copy(ROOT / file, root)
    pages = [{"file": f"chapters/{name}"} for name in ("01-one", "02-two")]
    toc = {"format": "jb-book", "root": "index", "chapters": [*pages, {"file": "glossary"}]}
    (root / "_toc.yml").write_text(json.dumps(toc))
    (root / "index.md").write_text("# A book\n\nText.\n")
    (root / "glossary.md").write_text("# Glossary\n\n:::{glossary}\nnat\n  A unit.\n:::\n")
    for k, page in enumerate(pages):
        text = f"# Chapter {k}\n\nText.\n\n```{{code-cell}}\nprint({k})\n```\n"
        (root / f"{page['file']}.md").write_text(text)
    pairs.sync(root / "chapters")
    return root


def built(root):
    """The pages of a book and all that they need, without Sphinx's hash of where it lies."""
    html = root / "_build/html"
    files = [path for path in html.rglob("*") if path.is_file() and path.name != ".buildinfo"]
    return {path.relative_to(html): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_killed_build_goes_on_to_the_same_book(tmp_path, begun):
    """At an operation on a file, halfway in one, or after a while; chapters and all."""
    whole = small_book(tmp_path / "whole")
    start = time.monotonic()
    assert begun(BOOK.format(root=str(whole)), whole).wait() == 0
    operations = counted(tmp_path)
    last = [(operations - 3, False, None)]  # pages are there, and not all have their policy
    when, k, killed = chain(last, moments(operations, time.monotonic() - start)), 0, 0
    while killed < FEW:
        k += 1
        root = small_book(tmp_path / f"killed-{k}")
        code, done = BOOK.format(root=str(root)), None
        while done != 0:
            at, halfway, seconds = next(when)
            process = begun(code, root, at, halfway)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            done = process.wait()
            assert done in {0, *KILLED} or (halfway and done == 1)  # as a full disk, in a child
            killed += done != 0
            wait_for(lambda: not orphans(tmp_path))
        assert built(root) == built(whole)
    print(f"building: {killed} kills in {k} books")


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


@contextmanager
def killed_at_replacement(monkeypatch, at=1):
    """Check that the block ends where it is about to put a file that is whole in its place."""
    replace, seen = Path.replace, []

    def killed(*paths):
        seen.append(paths)
        if len(seen) == at:
            raise KeyboardInterrupt
        return replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            yield


def test_a_kept_chapter_is_never_half_written(tmp_path, begun, monkeypatch):
    """Its text is brought up to date in one step, or not at all."""
    kept, chapter = tmp_path / "kept.ipynb", tmp_path / "chapter.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# Old"), nbformat.v4.new_code_cell("print(2)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), kept)
    cells[0].source = "# New"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), chapter)
    before = kept.read_bytes()

    code = f"""
        from pathlib import Path
        from tools import book
        book.follow_text(Path({str(chapter)!r}), Path({str(kept)!r}))
    """
    assert begun(code, tmp_path, at=1, halfway=True).wait() in KILLED
    assert kept.read_bytes() == before
    with killed_at_replacement(monkeypatch):
        book.follow_text(chapter, kept)
    assert kept.read_bytes() == before
    book.follow_text(chapter, kept)
    assert "# New" in json.loads(kept.read_text())["cells"][0]["source"]


@pytest.mark.parametrize("at", [1, 2])
def test_a_pdf_is_whole_and_the_front_page_links_to_it(at, tmp_path, monkeypatch):
    """Whichever of the two files is the last that is written whole."""
    (tmp_path / "index.html").write_text(f"<p>{pdf.MARK}</p>")
    file = io.BytesIO()
    PdfWriter().write(file)
    content = file.getvalue()
    monkeypatch.setattr(pdf, "find_browser", lambda: "chromium")
    monkeypatch.setattr(pdf, "print_book", lambda html, source: content)
    with killed_at_replacement(monkeypatch, at):
        pdf.add_pdf(tmp_path, tmp_path)
    pdf.add_pdf(tmp_path, tmp_path)
    assert (tmp_path / pdf.NAME).read_bytes() == content
    assert pdf.NAME in (tmp_path / "index.html").read_text()


def test_what_is_known_of_pages_is_never_half_written(tmp_path, monkeypatch):
    memory = tmp_path / "pages.json"
    check_html.pages_below(tmp_path, memory)
    before = memory.read_bytes()
    (tmp_path / "index.html").write_text("<p>text</p>")
    with killed_at_replacement(monkeypatch):
        check_html.pages_below(tmp_path, memory)
    assert memory.read_bytes() == before


def test_a_book_that_is_half_deleted_is_not_taken_for_a_fresh_one(tmp_path, monkeypatch):
    (tmp_path / book.STAMP).write_text("digest")

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        book.discard(tmp_path)
    assert not (tmp_path / book.STAMP).exists()


# Two at once


def test_two_evaluations_do_not_share_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("vae_lib.evaluation.AT_ONCE", 100)
    save, model, x = Checkpoints.save, long_work.new_model(), long_work.X[:10]

    def meanwhile(self, *arguments):
        patch.setattr(Checkpoints, "save", save)
        with refused(ValueError, "checkpoint", tmp_path, "another evaluation", "its own"):
            importance_weighted_bound(model, x, 20, checkpoint=tmp_path)
        save(self, *arguments)

    alone = importance_weighted_bound(model, x, 20)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", meanwhile)
        found = importance_weighted_bound(model, x, 20, checkpoint=tmp_path)
    assert (found == alone).all()


def test_two_reproductions_share_a_record_but_not_a_seed(tmp_path, monkeypatch):
    how = {"digits": long_work.few_digits(), "out": tmp_path, "work": tmp_path / "work"}

    def judge(model, x, seed, n_samples, folder, told):
        told |= {"nats": 80.0 + seed, "error": 1.0, "draws_error": 0.1}
        if seed == 0:
            monkeypatch.setattr(command, "judge", judge_of_another)
            with refused(ValueError, "work", tmp_path / "work", "seed 0 of vae", "end first"):
                command.reproduce(RUNS["vae"], [0], **how)
            command.reproduce(RUNS["vae"], [1], **how)

    def judge_of_another(model, x, seed, n_samples, folder, told):
        told |= {"nats": 80.0 + seed, "error": 1.0, "draws_error": 0.1}

    monkeypatch.setattr(command, "judge", judge)
    monkeypatch.setattr(command, "train_run", lambda *_: None)
    monkeypatch.setattr(command, "doubt", lambda *_: None)
    path = command.reproduce(RUNS["vae"], [0], **how)
    seeds = json.loads(path.read_text())["seeds"]
    assert {seed: one["nats"] for seed, one in seeds.items()} == {"0": 80.0, "1": 81.0}


@pytest.mark.filterwarnings("ignore:flock not supported")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK])
def test_a_folder_that_cannot_be_locked_is_refused(code, tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", flock)
        for _ in range(2):  # a lock that stayed would be another's
            with refused(ValueError, "checkpoint", tmp_path, "locks"), Checkpoints(tmp_path, {}):
                pass
    with Checkpoints(tmp_path, {}):  # and nothing stays that keeps the folder
        pass
