"""What grows stays bounded: many runs in one report, a cluster that changes, many pictures.

The sizes are small by default; `make load` has the full ones, real notebooks on the cluster, and
looks at seconds, too.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from bs4 import BeautifulSoup
from distributed import LocalCluster
from PIL import Image

from tests.helpers import ROOT
from tests.promises.peak import peak_bytes
from tests.runs.quick_notebook import numbers, planned, written
from vae_lib.data import load_images, load_mnist
from vae_lib.parameters import ChapterParameters
from vae_lib.runs import sweep as sweeps
from vae_lib.runs.command_line import dask_cluster, fill
from vae_lib.runs.figures import MOST
from vae_lib.runs.run import Outcome

FULL = bool(os.environ.get("VAE_LIB_LOAD"))
RUNS, POINTS, PICTURES = (2000, 500, 100_000) if FULL else (MOST + 20, 60, 6000)
PIXELS = 28 * 28
READING, WORKING = 10e6, 40e6  # bytes, whatever the number of pictures


@pytest.fixture
def chapter(tmp_path):
    """A notebook with the parameters of chapter 6."""
    return written(tmp_path / "c.ipynb", ChapterParameters().model_dump(), "print({})")


# Many runs in one report

REPORT = """\
    import json, sys, time
    from pathlib import Path
    from tests.promises.peak import peak_bytes
    from vae_lib.runs.report import write_report
    write_report(Path(sys.argv[1]))
    print(json.dumps([time.process_time(), peak_bytes() / 1e6]))
"""


def outcome(point, model=None):
    """What a run of that point could leave: its ELBO tells it from all others."""
    z_dim, h_dim = point.parameters["z_dim"], point.parameters["h_dim"]
    return Outcome("{}", numbers(-100.0 - z_dim - h_dim / 1e4), model=model)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["z_dim", "learning_rate"])
def test_a_report_of_many_runs_takes_little_and_shows_the_best(chapter, name):
    values = range(1, RUNS + 1) if name == "z_dim" else np.linspace(1e-5, 1e-2, RUNS).tolist()
    points = planned(chapter, **{name: values})
    for point in points:
        sweeps.keep(point, outcome(point, os.urandom(3_000_000 if FULL else 1000)))
    out = points[0].folder.parent
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REPORT), out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes = json.loads(ran.stdout)
    print(f"{RUNS:,} runs: {seconds:.1f} s of the processor, {megabytes:.0f} MB")
    assert megabytes < 500
    if FULL:
        assert seconds < 10
    soup = BeautifulSoup((out / "report.html").read_text(), "html.parser")
    kinds, runs = soup.find_all("table")
    assert [len(table.tbody.find_all("tr")) for table in (kinds, runs)] == [RUNS, RUNS]
    first, *_ = (figure.figcaption.get_text() for figure in soup.find_all("figure"))
    assert f"Drawn are the {MOST} of {RUNS:,} configurations with the highest ELBO." in first
    samples = [each.get_text(" ", strip=True) for each in soup.find("div", "samples").find_all("p")]
    assert len(samples) == MOST
    if name == "z_dim":  # of which more is worse here; the other parameter changes nothing
        best = [f"z_dim={n}, seed 0" for n in range(1, MOST + 1)]
        assert [each.partition(":")[0] for each in samples] == best


# A cluster that loses workers and gets others


def pids_of(cluster):
    """The processes of a cluster's workers."""
    return {worker.pid for worker in cluster.workers.values() if worker.pid}


SHORT = """\
with open({log!r}, "a") as log:
    log.write(f"{{seed}}\\n")
print('{{"elbo": ' + f"{{-seed}}.0" + '}}')
"""


def in_no_time(folder):
    """A run that does what the cell does, without a notebook."""

    def run(job):
        time.sleep(0.02)
        with open(folder / "log.txt", "a") as log:  # noqa: PTH123 (one write, by any process)
            log.write(f"{job.parameters['seed']}\n")
        return Outcome("{}", {"elbo": -float(job.parameters["seed"])})

    return run


@pytest.mark.slow
def test_a_cluster_that_changes_ends_every_run_once(tmp_path, monkeypatch, capsys):
    if not FULL:  # a notebook takes a kernel, and a kernel takes seconds
        monkeypatch.setattr(sweeps, "run", in_no_time(tmp_path))
    cell = SHORT.format(log=str(tmp_path / "log.txt"))
    chapter = written(tmp_path / "c.ipynb", ChapterParameters().model_dump(), cell)
    points = planned(chapter, seed=range(POINTS))
    done, killed = [], set()
    with LocalCluster(4, threads_per_worker=1, dashboard_address=None) as cluster:
        with dask_cluster(cluster.scheduler_address) as machines:
            for one in sweeps.sweep(points, machines.executor, stop=machines.stop):
                done += [one] * (one is not None)
                if len(done) >= POINTS * (len(killed) + 1) / 8 and len(killed) < 7:
                    for pid in sorted(pids_of(cluster) - killed)[:1]:
                        os.kill(pid, signal.SIGKILL)
                        killed.add(pid)
                if len(done) == POINTS // 2:
                    cluster.scale(6)
        assert sorted(point.parameters["seed"] for point, _ in done) == list(range(POINTS))
        assert fill(points, points[0].folder.parent, None, cluster.scheduler_address) == 0
    assert len(killed) == 7
    for point, outcome in done:
        assert outcome.error is None
        kept = json.loads((point.folder / "metrics.json").read_text())
        assert kept["elbo"] == -point.parameters["seed"]
    begun = Counter(map(int, (tmp_path / "log.txt").read_text().split()))
    print(f"{POINTS} runs, 7 workers killed: {begun.total() - POINTS} were begun again")
    assert set(begun) == set(range(POINTS))
    assert f"0 to run, {POINTS} fresh" in capsys.readouterr().out


# Many pictures


def peak_of(function):
    """The most bytes that NumPy and Python hold while a function runs, beyond those before."""
    tracemalloc.start()
    try:
        result = function()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of handwritten digits, shifted, in ten classes."""
    folder, digits = tmp_path_factory.mktemp("digits"), load_mnist("small")
    rng = np.random.default_rng(0)
    for label in range(10):
        (folder / str(label)).mkdir()
    for i in range(PICTURES):
        k = i % len(digits.x_train)
        shifted = np.roll(255 * digits.x_train[k].reshape(28, 28), rng.integers(-3, 4, 2), (0, 1))
        name = folder / str(digits.y_train[k]) / f"{i:06}.png"
        Image.fromarray(shifted.astype(np.uint8)).save(name, compress_level=1)
    return folder


@pytest.mark.parametrize("color", [None, True, False])
def test_pictures_are_read_in_the_memory_of_a_few_copies(pictures, monkeypatch, tmp_path, color):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    red = pictures / "0/red.png"
    if color is False:  # one that is not gray: all are weighed
        Image.new("RGB", (28, 28), "red").save(red)
    for _ in ("from the folder", "from the cache"):
        peak, images = peak_of(lambda: load_images(pictures, color=color))
        held = images.x_train.nbytes + images.x_test.nbytes
        assert held == 4 * (PICTURES + red.exists()) * PIXELS * (3 if color else 1)
        print(f"{PICTURES:,} pictures: {peak / held:.1f} times what they take")
        assert peak < 2 * held + READING
    red.unlink(missing_ok=True)


@pytest.mark.slow
def test_many_pictures_are_trained_on_and_judged_in_the_memory_of_a_few_copies(
    pictures, monkeypatch, tmp_path
):
    from vae_lib.evaluation import importance_weighted_bound
    from vae_lib.images import linear_loss, mean_image_loss, nearest, pca_error
    from vae_lib.model import VAE
    from vae_lib.training import train

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images = load_images(pictures)
    repeats = 1 if FULL else 5  # so many that what is held besides does not count
    x_train, x_test = np.repeat(images.x_train, repeats, axis=0), images.x_test
    model = VAE(8, 64, images.x_shape, likelihood="learned_gaussian")
    model.compile("adam")
    epoch = len(x_train) // 64 if FULL else 20
    works = {
        "train": lambda: train(model, x_train, epoch, validation=x_test[:1000]),
        "the bound": lambda: importance_weighted_bound(model, x_test, 10),
        "the mean image": lambda: mean_image_loss(model.likelihood, x_train, x_test),
        "the linear model": lambda: linear_loss(model.likelihood, x_train, x_test, 8),
        "principal components": lambda: pca_error(x_train, x_test, 8),
        "the nearest": lambda: nearest(x_test, x_train),
    }
    copies = {}
    for name, work in works.items():
        start = time.process_time()
        copies[name] = (peak_of(work)[0] - WORKING) / x_train.nbytes
        print(f"{name}: {copies[name]:.1f} copies, {time.process_time() - start:.0f} s")
    assert copies.pop("the linear model") < 2.5  # two copies are centered
    assert max(copies.values()) < 1.5, copies
    if FULL:
        assert peak_bytes() < 3e9
