"""A sweep on a cluster: a scheduler and two workers on this machine, one of which is killed."""

import json
import os
import subprocess
import sys
import time

import pytest

from tests.support import WAITS, log, planned, swept
from vae_lib.runs.command_line import cluster
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


@pytest.fixture
def machines(tmp_path):
    """A scheduler and two workers; yields the scheduler's address and the workers."""
    address = tmp_path / "scheduler.json"
    scheduler = dask(
        tmp_path, "scheduler", "--port", 0, "--scheduler-file", address, "--dashboard-address", ":0"
    )
    worker = ["worker", "--scheduler-file", address, "--no-nanny", "--no-dashboard"]
    workers = [dask(tmp_path, *worker, "--nthreads", 1) for _ in range(2)]
    try:
        while not address.exists():
            assert scheduler.poll() is None
            time.sleep(0.1)
        yield json.loads(address.read_text())["address"], workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def test_with_a_worker_killed_every_point_finishes_once_and_as_it_does_here(chapter, machines):
    address, workers = machines
    points = planned(chapter, h_dim=[WAITS], seed=range(4))
    finished = []
    with cluster(address) as (executor, slots):
        while slots() < 2:
            time.sleep(0.1)
        for one in sweep(points, executor, chapter=chapter):
            if one and not finished:
                workers[0].kill()
            finished += [one] * (one is not None)
        assert slots() == 1
    assert sorted(p.parameters["seed"] for p, _ in finished) == list(range(4))
    assert all(outcome.error is None for _, outcome in finished)
    assert 4 <= len(log(chapter)) <= 6  # what died with its worker was begun twice
    there = {p.folder: json.loads((p.folder / "metrics.json").read_text()) for p in points}
    swept(points, chapter)  # here, into the same folders
    for folder, metrics in there.items():
        here = json.loads((folder / "metrics.json").read_text())
        assert here.pop("seconds") != metrics.pop("seconds")
        assert here == metrics


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense"])
def test_where_there_is_no_scheduler_one_sentence_says_so(address, monkeypatch):
    monkeypatch.setattr("vae_lib.runs.command_line.CONNECT", 1)
    with (
        pytest.raises(SweepError, match=f"no scheduler at {address}; `dask scheduler` starts one"),
        cluster(address),
    ):
        pass


def test_without_dask_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SweepError, match=r"needs Dask: pip install"), cluster("tcp://x:1"):
        pass
