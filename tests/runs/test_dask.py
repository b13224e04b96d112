"""A sweep on a cluster: a scheduler and two workers on this machine, one of which is killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.helpers import assert_says, mentions, refused, wait_for
from tests.runs.quick_notebook import STAYS, go_on, kernels, log, planned, start, swept
from vae_lib.runs.command_line import dask_cluster
from vae_lib.runs.sweep import GRACE, SweepError, sweep


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
def scheduler(tmp_path):
    """A scheduler without workers; yields its process, and its address."""
    file = tmp_path / "scheduler.json"
    process = dask(
        tmp_path, "scheduler", "--port", 0, "--scheduler-file", file, "--dashboard-address", ":0"
    )
    try:
        yield process, wait_for(lambda: address_in(file, process))
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def machines(tmp_path, scheduler):
    """A scheduler and two workers; yields the scheduler's address and the workers."""
    worker = ["worker", scheduler[1], "--no-nanny", "--no-dashboard"]
    workers = [dask(tmp_path, *worker, "--nthreads", 1) for _ in range(2)]
    try:
        yield scheduler[1], workers
    finally:
        for process in workers:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_with_a_worker_killed_every_point_finishes_once_and_as_it_does_here(chapter, machines):
    address, workers = machines
    points = planned(chapter, h_dim=[STAYS], seed=range(4))
    finished = []
    with dask_cluster(address) as (executor, slots, _):
        wait_for(lambda: slots() == 2)
        for one in sweep(points, executor):
            if len(log(chapter)) == 2 and not finished:  # each has one, and stays in it
                workers[0].kill()
                go_on(chapter)
            finished += [one] * (one is not None)
        assert slots() == 1
    assert sorted(p.parameters["seed"] for p, _ in finished) == list(range(4))
    assert all(outcome.error is None for _, outcome in finished)
    assert len(log(chapter)) == 5  # what died with its worker was begun twice
    there = {p.folder: json.loads((p.folder / "metrics.json").read_text()) for p in points}
    swept(points)  # here, into the same folders
    for folder, metrics in there.items():
        here = json.loads((folder / "metrics.json").read_text())
        assert here.pop("seconds") != metrics.pop("seconds")
        assert here == metrics


@pytest.mark.slow
def test_a_model_comes_back_from_another_machine_and_is_kept_here(chapter_with_model, machines):
    points = planned(chapter_with_model, seed=[0, 1])
    with dask_cluster(machines[0]) as (executor, *_):
        outcomes = [one[1] for one in sweep(points, executor) if one]
    assert [outcome.error for outcome in outcomes] == [None, None]
    models = [(point.folder / "model.keras").read_text() for point in points]
    assert models == [f"the model of z_dim=100, seed={seed}" for seed in (0, 1)]


def begun(chapter, address, seeds=4):
    """A sweep of runs that stay on two workers, of which each has begun one."""
    words = ["--h-dim", STAYS, "--seeds", *range(seeds), "--scheduler", address]
    command = start(chapter, *words)
    wait_for(lambda: len(kernels(chapter)) == min(2, seeds))
    return command


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_sweep_stops_its_runs_everywhere_and_goes_on_later(chapter, machines, number):
    command = begun(chapter, machines[0])
    command.send_signal(number)
    _, err = command.communicate(timeout=30)
    assert command.returncode == 130
    assert err == "\nStopped. Started again, the sweep goes on from here.\n"
    wait_for(lambda: not kernels(chapter), 5)  # they look once a second whether papermill is there
    assert len(log(chapter)) == 2  # what had not begun does not begin
    failures = [json.loads(p.read_text()) for p in chapter.parent.glob("runs/*/failure.json")]
    assert [mentions(failure["error"], "SIGTERM") for failure in failures] == [True, True]
    assert all(failure["cell"] == 3 for failure in failures)
    go_on(chapter)
    again = start(chapter, "--h-dim", STAYS, "--seeds", *range(4), "--scheduler", machines[0])
    out, err = again.communicate(timeout=120)
    assert (again.returncode, err) == (0, "")
    assert "runs: 4 to run, 0 fresh" in out
    assert len(log(chapter)) == 6


@pytest.mark.slow
def test_the_runs_of_a_killed_sweep_end_and_leave_their_workers_to_the_next(chapter, machines):
    command = begun(chapter, machines[0])
    command.kill()
    command.communicate()
    wait_for(lambda: not kernels(chapter), 30)
    assert len(log(chapter)) == 2
    assert not list(chapter.parent.glob("runs/[!.]*"))
    go_on(chapter)
    again = start(chapter, "--h-dim", STAYS, "--seeds", 0, "--scheduler", machines[0])
    assert again.communicate(timeout=120)[1] == ""
    assert again.returncode == 0


@pytest.mark.slow
def test_a_stopped_sweep_leaves_that_of_another_user_alone(chapter, machines):
    mine = begun(chapter, machines[0], seeds=1)
    words = ["--h-dim", STAYS, "--seeds", 1, "--scheduler", machines[0]]
    others = start(chapter, *words, "--out", chapter.parent / "others")
    wait_for(lambda: len(kernels(chapter)) == 2)
    mine.send_signal(signal.SIGINT)
    mine.communicate(timeout=30)
    wait_for(lambda: len(kernels(chapter)) == 1, 5)
    go_on(chapter)
    out, _ = others.communicate(timeout=120)
    assert others.returncode == 0
    assert "1 done, 0 failed" in out


@pytest.mark.slow
def test_what_a_stopped_worker_ran_is_run_by_another(chapter, machines):
    address, workers = machines
    command = begun(chapter, address, seeds=2)
    workers[0].send_signal(signal.SIGTERM)
    workers[0].wait(30)
    wait_for(lambda: len(kernels(chapter)) == 1, 30)
    go_on(chapter)
    out, err = command.communicate(timeout=120)
    assert (command.returncode, err) == (0, "")
    assert "2 done, 0 failed" in out
    assert len(log(chapter)) == 3


@pytest.mark.slow
def test_a_sweep_that_has_no_worker_stops_at_once(chapter, scheduler):
    command = start(chapter, "--h-dim", STAYS, "--scheduler", scheduler[1])
    assert command.stdout.readline() == "runs: 1 to run, 0 fresh\n"
    wait_for(lambda: "Receive client connection" in (chapter.parent / "scheduler.txt").read_text())
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=GRACE)
    assert (command.returncode, log(chapter)) == (130, [])
    assert err == "\nStopped. Started again, the sweep goes on from here.\n"


@pytest.mark.slow
def test_without_its_scheduler_a_sweep_ends_with_its_runs(chapter, scheduler, machines):
    command = begun(chapter, machines[0], seeds=2)
    scheduler[0].kill()
    wait_for(lambda: not kernels(chapter), 60)
    out, _ = command.communicate(timeout=60)  # Dask logs what happened as well
    assert command.returncode == 1
    assert "0 done, 2 failed" in out
    for file in chapter.parent.glob("runs/*/failure.json"):
        assert_says(json.loads(file.read_text())["error"], "cluster")


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
