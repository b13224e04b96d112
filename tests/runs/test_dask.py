"""A sweep on a cluster: a scheduler and two workers on this machine, one of which is killed."""

import contextlib
import json
import os
import subprocess
import sys

import pytest

from tests.helpers import refused, wait_for
from tests.runs.quick_notebook import STAYS, go_on, log, planned, swept
from vae_lib.runs.command_line import dask_cluster
from vae_lib.runs.sweep import SweepError, sweep


def dask(folder, *words):
    """Start one of Dask's programs as a user would, on this machine alone."""
    with (folder / f"{words[0]}.txt").open("a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, words), "--host", "127.0.0.1"],
            stdout=said,
            stderr=said,
            env=os.environ | {"DASK_DISTRIBUTED__DASHBOARD__LINK": ""},
        )


def address_in(file, scheduler):
    """The address that a scheduler has written into a file, once it is whole."""
    assert scheduler.poll() is None, (file.parent / "scheduler.txt").read_text()
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return json.loads(file.read_text())["address"]


@pytest.fixture
def machines(tmp_path):
    """A scheduler and two workers; yields the scheduler's address and the workers."""
    file = tmp_path / "scheduler.json"
    scheduler = dask(
        tmp_path, "scheduler", "--port", 0, "--scheduler-file", file, "--dashboard-address", ":0"
    )
    worker = ["worker", "--scheduler-file", file, "--no-nanny", "--no-dashboard"]
    workers = [dask(tmp_path, *worker, "--nthreads", 1) for _ in range(2)]
    try:
        yield wait_for(lambda: address_in(file, scheduler)), workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_with_a_worker_killed_every_point_finishes_once_and_as_it_does_here(chapter, machines):
    address, workers = machines
    points = planned(chapter, h_dim=[STAYS], seed=range(4))
    finished = []
    with dask_cluster(address) as (executor, slots):
        wait_for(lambda: slots() == 2)
        for one in sweep(points, executor, chapter=chapter):
            if len(log(chapter)) == 2 and not finished:  # each has one, and stays in it
                workers[0].kill()
                go_on(chapter)
            finished += [one] * (one is not None)
        assert slots() == 1
    assert sorted(p.parameters["seed"] for p, _ in finished) == list(range(4))
    assert all(outcome.error is None for _, outcome in finished)
    assert len(log(chapter)) == 5  # what died with its worker was begun twice
    there = {p.folder: json.loads((p.folder / "metrics.json").read_text()) for p in points}
    swept(points, chapter)  # here, into the same folders
    for folder, metrics in there.items():
        here = json.loads((folder / "metrics.json").read_text())
        assert here.pop("seconds") != metrics.pop("seconds")
        assert here == metrics


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense"])
def test_where_there_is_no_scheduler_one_sentence_says_so(address, monkeypatch):
    monkeypatch.setattr("vae_lib.runs.command_line.CONNECT", 1)
    with refused(SweepError, address, "`dask scheduler`"), dask_cluster(address):
        pass


def test_without_dask_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        refused(SweepError, "--scheduler", "Dask", "pip install", "[book,cluster]"),
        dask_cluster("tcp://x:1"),
    ):
        pass
