"""Faults of the machine: what was computed is kept, nothing half-written is believed.

Each is said in one sentence, which names the place and what to do.
"""

import ast
import json
import os
import resource
import signal
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
from PIL import Image

from tests.helpers import ROOT, assert_same_weights, assert_says, refused
from tests.runs.quick_notebook import written
from tools import book, pairs
from tools.chapters import BookError
from vae_lib import training
from vae_lib.data import DataError, download, load_images, load_mnist
from vae_lib.data import pictures as data_pictures
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.model import VAE, load_model
from vae_lib.parameters import ChapterParameters
from vae_lib.runs import command_line, sweep
from vae_lib.runs.chapters import CHAPTERS
from vae_lib.runs.freshness import FoundDigits
from vae_lib.support.checkpoints import Checkpoints
from vae_lib.support.commands import status_of
from vae_lib.training import train

X = np.random.default_rng(0).random((60, 30)).astype("float32")
HOW = {"batch_size": 16, "report_every": 10, "every": 10}


def new_model(weights=6):
    model = VAE(z_dim=2, h_dim=weights, x_dim=30)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def content(folder):
    """All files of a folder but locks, with what is in them."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".in-use"]
    return {path.name: path.read_bytes() for path in files}


@contextmanager
def mounted(folder, options):
    """A disk of its own at a folder, where that is allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class SmallDisk:
    """A folder on a disk of 300 kB, which is full in a block."""

    text = "No space left on device"
    remedy = "make room there"

    def __init__(self, folder):
        self.folder = folder

    @contextmanager
    def full(self):
        filler = self.folder.parent / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass
        try:
            yield
        finally:
            filler.unlink()


class Limit:
    """A folder in which nothing can be written in a block: for who may not mount a disk."""

    text = "File too large"
    remedy = "ulimit -f unlimited"

    def __init__(self, folder):
        self.folder = folder

    @contextmanager
    def full(self):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=[SmallDisk, Limit], ids=["disk", "limit"])
def disk(request, tmp_path):
    """A disk that can be full."""
    place = tmp_path / "disk"
    if request.param is Limit:
        assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN  # as Python has it
        (place / "here").mkdir(parents=True)
        yield Limit(place / "here")
        return
    with mounted(place, "size=300k"):
        (place / "here").mkdir()
        yield SmallDisk(place / "here")


# A full disk


@pytest.fixture(scope="module")
def model():
    """One that is compiled once; `restart` brings it back to its beginning."""
    return new_model()


def trained(model, iterations, **places):
    """Train a model from its beginning; return its weights."""
    model.restart(0)
    train(model, X, iterations, **places, **HOW)
    return model.get_weights()


def test_a_full_disk_stops_a_training_which_goes_on_from_the_checkpoint_before(disk, model):
    trained(model, 20, checkpoint=disk.folder)
    before = content(disk.folder)
    with disk.full(), pytest.raises(OSError, match=disk.text) as caught:
        trained(model, 40, checkpoint=disk.folder)
    assert caught.value.filename == str(disk.folder / "checkpoint-000000030.npz")
    assert content(disk.folder) == before
    again = trained(model, 40, checkpoint=disk.folder)
    for mine, its in zip(again, trained(model, 40), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_full_disk_stops_an_evaluation_which_goes_on_from_the_checkpoint_before(disk, model):
    importance_weighted_bound(model, X, 10, checkpoint=disk.folder)
    before = content(disk.folder)
    with disk.full(), pytest.raises(OSError, match=disk.text) as caught:
        importance_weighted_bound(model, X, 20, checkpoint=disk.folder)
    assert caught.value.filename == str(disk.folder / "checkpoint-000000020.npz")
    assert content(disk.folder) == before
    again = importance_weighted_bound(model, X, 20, checkpoint=disk.folder)
    np.testing.assert_allclose(again, importance_weighted_bound(model, X, 20), rtol=1e-6)


def test_a_picture_for_which_there_is_no_room_is_no_file(disk):
    with disk.full(), pytest.raises(OSError, match=disk.text) as caught:
        training._save_samples(X[:16, :25], disk.folder)
    assert content(disk.folder) == {}
    assert caught.value.filename == str(disk.folder / "000.png")


def test_a_checkpoint_is_there_before_its_pictures(tmp_path, monkeypatch, model):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training, "_save_samples", full)
    with pytest.raises(OSError, match="No space left"):
        trained(model, 40, out=tmp_path / "out", checkpoint=tmp_path / "c")
    assert [*content(tmp_path / "c")] == ["checkpoint-000000010.npz"]


def test_a_model_is_not_saved_over_one_before_where_there_is_no_room(disk):
    path = disk.folder / "model.keras"
    old = new_model()
    old.save(path)
    with disk.full(), pytest.raises(OSError, match=disk.text) as caught:
        new_model(weights=9).save(path)
    assert_same_weights(load_model(path), old)
    assert caught.value.filename == str(path)
    new_model(weights=9).save(path)
    assert load_model(path).h_dim == 9
    assert [*content(disk.folder)] == ["model.keras"]


def test_pictures_are_read_where_there_is_no_room_to_keep_them(disk, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(disk.folder))
    folder = pictures(tmp_path)
    with disk.full():
        first = load_images(folder)
    assert content(disk.folder) == {}
    np.testing.assert_array_equal(load_images(folder).x_train, first.x_train)


def pictures(folder, n=5):
    """A folder of pictures."""
    (place := folder / "pictures").mkdir()
    for k in range(n):
        pixels = np.random.default_rng(k).integers(256, size=(6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{k}.png")
    return place


NUMBERS = {"digits": "d", "epochs": 1.0, "elbo": -1.0, "elbo_error": 0.1, "reconstruction": 1.0}
NUMBERS |= {"kl": 1.0, "active_units": 2, "training_seconds": 1.0, "seconds": 1.0}
NUMBERS |= {"versions": {"python": "3"}}


@pytest.fixture
def swept(tmp_path, monkeypatch):
    """Run the command of sweeps, each of whose runs has made a model of 20 kB."""
    path = written(tmp_path / "c.ipynb", ChapterParameters().model_dump(), "print({})")
    monkeypatch.setitem(CHAPTERS, 6, CHAPTERS[6]._replace(notebook=path))

    def run(job):
        begun.append(job.parameters["seed"])
        return sweep.Outcome("{}", NUMBERS, model=bytes(20_000))

    begun = []
    monkeypatch.setattr(sweep, "run", run)

    def command(out):
        begun.clear()
        words = ["--data", "small", "--seeds", "0", "1", "--jobs", "1", "--out", str(out)]
        return command_line.main(["sweep", *words]), begun

    return command


def test_a_sweep_that_a_full_disk_stops_says_where_and_goes_on(disk, swept, capsys):
    out = disk.folder / "runs"
    assert swept(out) == (0, [0, 1])
    whole = {path: path.read_bytes() for path in out.rglob("*.*") if path.name != ".in-use"}
    run = out / "z_dim=100,seed=1,data=small"
    (run / "model.keras").write_bytes(b"damaged")
    capsys.readouterr()
    with disk.full():
        assert swept(out) == (1, [1])
    assert_says(capsys.readouterr().err, run, disk.text, disk.remedy)
    assert not (run / "metrics.json").exists()
    assert (out / "z_dim=100,seed=0,data=small/metrics.json").exists()
    assert swept(out) == (0, [1])
    assert {path: path.read_bytes() for path in whole} == whole


def test_a_report_for_which_there_is_no_room_leaves_the_one_before(disk, swept, capsys):
    out = disk.folder / "runs"
    swept(out)
    assert command_line.main(["report", str(out)]) == 0
    before = content(out)
    capsys.readouterr()
    with disk.full():
        assert command_line.main(["report", str(out)]) == 1
    assert content(out) == before
    assert_says(capsys.readouterr().err, out / "report.csv", disk.text, disk.remedy)


CHAPTER = "# Titel mit ü\n\n```{code-cell}\nprint(1)\n```\n"


def chapters_in(folder, monkeypatch):
    """A book of one chapter, whose pair is in step."""
    pages = {"format": "jb-book", "root": "index", "chapters": [{"file": "chapters/01-one"}]}
    (folder / "chapters").mkdir(parents=True)
    (folder / "_toc.yml").write_text(json.dumps(pages))
    source = folder / "chapters/01-one.md"
    source.write_text(CHAPTER, "utf-8")
    monkeypatch.setattr(pairs, "CHAPTERS", folder / "chapters")
    assert synced() == 0
    return source


def synced(action="sync"):
    return status_of(pairs.program, [action], failed=(BookError,))


def test_an_edited_chapter_stays_where_there_is_no_room_to_write_its_notebook(
    disk, monkeypatch, capsys
):
    source = chapters_in(disk.folder, monkeypatch)
    source.write_text(source.read_text("utf-8").replace("print(1)", "print(2)"), "utf-8")
    before = content(disk.folder)
    capsys.readouterr()
    with disk.full():
        assert synced() == 1
    assert_says(capsys.readouterr().err, source.with_suffix(".ipynb"), disk.text, disk.remedy)
    assert content(disk.folder) == before
    assert synced() == 0
    assert "print(2)" in source.with_suffix(".ipynb").read_text("utf-8")


def test_a_book_for_which_there_is_no_room_leaves_no_half_of_it(
    disk, tmp_path, monkeypatch, capsys
):
    """Neither pages half written, nor a chapter's result; and what ran is there to be kept."""
    root = disk.folder
    (pages := tmp_path / "pages").mkdir()
    (pages / "index.html").write_text("<p>" * 5000)
    for name, made in {"execute": {}, "assemble": root, "typeset": pages}.items():
        monkeypatch.setattr(book, name, lambda *_, made=made: made)
    monkeypatch.setattr(book, "digest_of", lambda *_: "")
    monkeypatch.setattr(book, "digits_at_hand", lambda: None)
    monkeypatch.setattr(book.address, "find", lambda root: None)
    monkeypatch.setattr(book, "ROOT", root)
    with disk.full():
        assert book.main(["build"]) == 1
    assert_says(capsys.readouterr().err, root, disk.text, disk.remedy)
    assert not (root / "_build/html").exists()


def test_a_chapter_that_ran_stays_where_there_is_no_room_to_keep_it(disk):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x" * 9000)])
    staged, kept = disk.folder / "staging/01-one.ipynb", disk.folder / "executed/01-one-k.ipynb"
    for path in (staged, kept):
        path.parent.mkdir()
    nbformat.write(notebook, staged)
    report = '<testsuite><testcase name="01-one.ipynb" time="1"/></testsuite>'
    (staged.parent / book.REPORT).write_text(report)
    before = staged.read_bytes()
    with disk.full(), pytest.raises(OSError, match=disk.text):
        book.keep_passed(staged.parent, {staged.name: kept})
    assert staged.read_bytes() == before
    assert not kept.exists()
    assert book.keep_passed(staged.parent, {staged.name: kept}) == []


PRINTS = """
import sys, click
from vae_lib.support.commands import status_of
from vae_lib.support.printing import say
@click.command
def program():
    {how}
sys.exit(status_of(program))
"""


@pytest.mark.parametrize("how", ["say('done')", "print('done')"])
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_a_program_that_nobody_can_hear_says_so_or_ends(how, where):
    if where == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("no file here is always full")
    command = ["/bin/sh", "-c", f'exec "$0" -c "$1" {where}', sys.executable]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [*command, PRINTS.format(how=how)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=kept,
        check=False,
    )
    if where == ">&-":
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert done.returncode == 1
        assert_says(done.stderr, "standard output", "No space left", "make room there")


# A folder that may only be read

MAY_NOT = "Read-only file system" if os.geteuid() == 0 else "Permission denied"


@contextmanager
def read_only(folder):
    """A block in which nothing in a folder can be written; as root it is a disk of its own."""
    if os.geteuid():
        places = [path for path in [folder, *folder.rglob("*")] if path.is_dir()]
        for path in places:
            path.chmod(0o555)
        yield
        for path in places:
            path.chmod(0o755)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield


@pytest.fixture
def locked(tmp_path):
    """A folder that a block can make read-only."""
    place = tmp_path / "locked"
    if os.geteuid():
        place.mkdir()
        yield place
    else:
        with mounted(place, "size=1m"):
            yield place


def test_a_training_that_cannot_write_is_refused_before_any_work(locked, model):
    trained(model, 10, checkpoint=locked / "old", out=locked / "old")
    model.restart(0)
    model.save(locked / "model.keras")
    before = content(locked)
    with read_only(locked):
        for at in (locked, locked / "old", locked / "new"):
            for name in ("checkpoint", "out"):
                with refused(ValueError, name, at, MAY_NOT, "folder"):
                    train(model, X, 20, **{name: at}, **HOW)
            with refused(ValueError, "checkpoint", at, MAY_NOT, "folder"):
                importance_weighted_bound(model, X, 10, checkpoint=at)
        with pytest.raises(OSError, match=MAY_NOT) as caught:
            model.save(locked / "model.keras")
    assert caught.value.filename == str(locked / "model.keras")
    assert model.optimizer.iterations == 0
    assert content(locked) == before


def test_a_program_that_cannot_write_says_where(locked, swept, monkeypatch, capsys):
    source = chapters_in(locked, monkeypatch)
    source.write_text(CHAPTER + "\nMore.\n", "utf-8")
    ran = nbformat.v4.new_code_cell("1", execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[ran]), locked / "out.ipynb")
    swept(locked / "runs")
    before = content(locked)
    capsys.readouterr()
    programs = {
        source: synced,
        locked / "out.html": lambda: command_line.main(["page", str(locked / "out.ipynb")]),
        locked / "runs/report.csv": lambda: command_line.main(["report", str(locked / "runs")]),
        locked / "new": lambda: swept(locked / "new")[0],
    }
    with read_only(locked):
        for place, program in programs.items():
            assert program() == 1
            out, err = capsys.readouterr()
            assert out == ""
            assert_says(err, place, MAY_NOT, "place")
    assert content(locked) == before


# Names, encodings, line ends

ODD = 'it\'s “ü” "1" & $HOME'  # a name that a shell would take for something else


def test_a_path_may_have_any_signs(tmp_path, swept, monkeypatch, capsys, model):
    place = tmp_path / ODD
    place.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    trained(model, 10, checkpoint=place / "c", out=place / "o")
    model.save(place / "m ü.keras")
    assert_same_weights(load_model(place / "m ü.keras"), model)
    importance_weighted_bound(model, X, 10, checkpoint=place / "i")
    chapters_in(place, monkeypatch)
    assert len(load_images(pictures(place)).x_train) == 4
    assert swept(place / "runs") == (0, [0, 1])
    assert command_line.main(["report", str(place / "runs")]) == 0
    said = capsys.readouterr()
    assert str(place / "runs/report.html") in said.out
    assert said.err == ""
    names = {path.name for path in place.iterdir()}
    assert names == {
        "c",
        "o",
        "m ü.keras",
        "i",
        "chapters",
        "_toc.yml",
        "pictures",
        "cache",
        "runs",
    }


def test_a_chapter_with_the_line_ends_of_windows_is_the_same_chapter(tmp_path, monkeypatch, capsys):
    source = chapters_in(tmp_path / "book", monkeypatch)
    root, notebook = source.parents[1], source.with_suffix(".ipynb")
    (root / "_config.yml").write_text("sphinx: {config: {pages_of_a_clone: {}}}")
    (root / "uv.lock").write_text("")
    digits = FoundDigits("small", "small", "")
    result, halves = book.result_path(root, notebook, digits), (source, notebook)
    before = {path: path.read_bytes() for path in halves}
    for path in (*halves, root / "_toc.yml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert pairs.drift(source) == ""
    assert book.result_path(root, notebook, digits) == result
    assert synced("check") == 1
    assert "chapters/01-one.md: not as jupytext writes it; run" in capsys.readouterr().err
    assert synced() == 0
    assert {path: path.read_bytes() for path in halves} == before


def test_no_text_is_read_or_written_in_an_encoding_that_the_machine_chooses():
    """Under `LANG=C` it may be ASCII, which has no ü."""
    wanted = {"read_text": 1, "write_text": 2}
    unsaid = []
    for part in ("vae_lib", "tools", "_ext", "reproduction", "bench"):
        for path in (ROOT / part).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                given = len(node.args) + len(node.keywords)
                if given < wanted.get(node.func.attr, 0):
                    unsaid.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert unsaid == []


# No home, no network


def test_without_a_home_nothing_is_written_where_nobody_looks(tmp_path, monkeypatch):
    """Where nobody knows the home, `~` stands for nothing: it would be a folder of that name."""

    def unknown(*_):
        raise KeyError("uid")

    for name in ("HOME", "KERAS_HOME", "XDG_CACHE_HOME", "VAE_LIB_MNIST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    assert load_mnist().source == "small"
    with refused(DataError, "home", "KERAS_HOME", "VAE_LIB_MNIST", 'source="small"'):
        load_mnist("keras")
    assert len(load_images(pictures(tmp_path)).x_train) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>Please sign in"
PROXIES = {
    "a page": PAGE,
    "a refusal": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"SSH-2.0-x\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", PROXIES.values(), ids=PROXIES)
def test_a_proxy_that_answers_for_the_server_is_no_network(answer, tmp_path, monkeypatch):
    over = threading.Event()

    class Proxy(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(1000)
            self.request.sendall(answer)
            over.wait(0 if answer else 20)

    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.5)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("VAE_LIB_MNIST", raising=False)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with refused(DataError, "https://", "network", "VAE_LIB_MNIST", 'source="small"'):
                load_mnist("keras")
            assert load_mnist().source == "small"
        finally:
            over.set()
            server.shutdown()
            thread.join()
    assert [*tmp_path.rglob("*.npz")] == []


# The clock


def test_checkpoints_are_told_by_their_number_whatever_the_clock_was(tmp_path):
    with Checkpoints(tmp_path, {}) as saved:
        for iteration in range(1, 6):
            saved.save(iteration, {"a": np.array(iteration)})
            path = tmp_path / f"checkpoint-{iteration:09d}.npz"
            os.utime(path, (10**9 - iteration, 10**9 - iteration))  # each is older than the last
        assert saved.newest()["a"] == 5
        assert [path.stem[-1] for path in saved.paths()] == ["5", "4", "3"]


def test_a_picture_that_changed_while_the_clock_was_set_back_is_read_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = pictures(tmp_path)
    first = load_images(folder)
    path = folder / "0.png"
    before = path.stat()
    pixels = np.asarray(Image.open(path)).copy()
    Image.fromarray(255 - pixels).save(path)
    with path.open("ab") as file:  # of the same size
        file.write(bytes(max(0, before.st_size - path.stat().st_size)))
    os.utime(path, (before.st_atime, before.st_mtime - 1e6))
    again = load_images(folder)
    assert not np.array_equal(again.x_train, first.x_train)


def test_a_run_of_a_sweep_is_fresh_whatever_the_clock_says(tmp_path, swept):
    assert swept(tmp_path / "runs") == (0, [0, 1])
    for path in (tmp_path / "runs").rglob("*"):
        os.utime(path, (0, 0) if "seed=0" in str(path) else (time.time() + 1e6,) * 2)
    assert swept(tmp_path / "runs") == (0, [])


def test_a_book_is_set_anew_after_the_clock_was_set_back(tmp_path, monkeypatch):
    """Sphinx passes over a page that is older than its last run: it would be the old one."""
    output = tmp_path / ".book/output"
    (output / "_build/html").mkdir(parents=True)
    (output / "outline.json").write_text("same")
    old = output / "_build/html/old.html"
    monkeypatch.setattr(book, "outline", lambda *_: "same")
    monkeypatch.setattr(book, "run_while_here", lambda *_, **__: output.mkdir(exist_ok=True) or 0)
    monkeypatch.setattr(book.check_html, "faults", lambda *_: [])
    for begun, stays in ((time.time() + 1e6, True), (time.time() - 1e6, False)):
        old.write_text("old")
        monkeypatch.setattr(book.time, "time", lambda begun=begun: begun)
        book.typeset(tmp_path, tmp_path)
        assert old.exists() == stays


# A poor machine

POOR = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from vae_lib.support.graphs import shared_graphs
os.environ.update(shared_graphs("a key"))
import numpy as np
from tests.promises.peak import peak_bytes
from vae_lib.checks import check
from vae_lib.data import load_images
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.model import VAE, load_model
from vae_lib.tensorflow_quietly import keras
from vae_lib.training import train
x = np.random.default_rng(0).random((60_000, 784), np.float32)
model = VAE(z_dim=20)
model.compile(keras.optimizers.Adam(1e-3))
train(model, x, 60, batch_size=64, report_every=20, checkpoint="c", every=1, out="o")
model.save("m.keras")
check("as it was", np.array_equal(load_model("m.keras")(x[:2])["logits"], model(x[:2])["logits"]))
importance_weighted_bound(model, x[:100], 50, checkpoint="i")
print(len(load_images("pictures").x_train), float(np.mean(model.encode(x[:50])[0])))
print(peak_bytes())
"""


@pytest.fixture(scope="module")
def poor(tmp_path_factory):
    """A process on a poor machine; what it said, and its folder.

    One core, 256 open files, no home, no locale, a terminal of ASCII, nothing that can be written
    in /dev/shm where that is allowed, and a folder with an odd name for all it writes.
    """
    place = tmp_path_factory.mktemp("poor") / ODD
    (place / "tmp").mkdir(parents=True)
    pictures(place, 300)
    no_home = {"HOME": "/proc/none", "TMPDIR": str(place / "tmp"), "TQDM_DISABLE": ""}
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    gone = {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "KERAS_HOME", "TF_XLA_FLAGS"}
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    command = [sys.executable, "-c", POOR]
    hidden = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o ro none /dev/shm && exec "$@"', "sh"]
    if not subprocess.run([*hidden, "true"], capture_output=True, check=False).returncode:
        command = [*hidden, *command]
    return place, subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=place,
        env=kept | no_home | plain,
        check=False,
    )


@pytest.mark.slow
def test_a_poor_machine_trains_and_keeps_all_that_it_should(poor):
    place, done = poor
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.isascii()
    assert done.stdout.splitlines()[1].split()[0] == "270"
    assert sorted(path.name for path in (place / "o").iterdir()) == [
        "000.png",
        "001.png",
        "002.png",
    ]
    assert len([*(place / "c").glob("checkpoint-*.npz")]) == 3


@pytest.mark.parametrize(("limit", "fits"), [("4000", False), ("5000", True), ("max\n", True)])
def test_pictures_that_a_container_does_not_hold_are_refused(limit, fits, tmp_path, monkeypatch):
    """Five of 6×6 take 2,160 bytes as numbers; the machine around the container has more."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(data_pictures, "LIMIT_OF_MEMORY", tmp_path / "memory.max")
    folder = pictures(tmp_path)
    if fits:
        assert len(load_images(folder).x_train) == 4
        return
    with refused(DataError, folder, 5, "6×6", "GB", "size="):
        load_images(folder)


@pytest.mark.slow
def test_training_on_as_many_images_as_mnist_has_takes_less_than_2_gigabytes(poor):
    peak = int(poor[1].stdout.split()[-1])
    print(f"{peak / 1e9:.2f} GB")
    assert peak < 2e9
