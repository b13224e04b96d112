"""Processes that share what XLA compiles compute the same, and leave nothing behind."""

import contextlib
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vae_lib.support import graphs

DRAW = """
from vae_lib.reparameterization import standard_normal
for seed in SEEDS:
    print(standard_normal((5, 7), (seed, 0)).numpy().tolist())
"""


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="has been tried on Linux alone")


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The variables for a folder with a space and a quote in its name, and that folder."""
    place = tmp_path / 'a "place'
    place.mkdir()
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    graphs._folder.cache_clear()
    yield graphs.shared_graphs("a"), place
    graphs._folder.cache_clear()


def entries(place):
    return {path: path.stat().st_mtime_ns for path in place.rglob("*.pb")}


@pytest.mark.slow
def test_another_seed_finds_every_graph_and_computes_what_it_would_without(python, shared):
    variables, place = shared
    both = python(DRAW.replace("SEEDS", "2, 3"), **variables)
    found = entries(place)
    assert found
    alone = python(DRAW.replace("SEEDS", "3,"), **variables)
    assert entries(place) == found
    assert alone.stderr == ""
    assert alone.stdout == both.stdout.splitlines(keepends=True)[1]


def test_threads_that_begin_together_get_one_folder(shared, monkeypatch):
    graphs._folder.cache_clear()
    made = []
    make = graphs.tempfile.mkdtemp

    def slowly(**options):
        made.append(make(**options))
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.2)  # so long another one has time to begin
        return made[-1]

    together = threading.Barrier(2)
    monkeypatch.setattr(graphs.tempfile, "mkdtemp", slowly)
    with ThreadPoolExecutor(2) as executor:
        first, second = executor.map(lambda _: graphs.shared_graphs("a"), range(2))
    assert first == second
    assert len(made) == 1


def test_another_key_is_another_folder(shared):
    assert graphs.shared_graphs("b") != shared[0]
    assert graphs.shared_graphs("a") == shared[0]


def test_the_oldest_graphs_go_where_they_are_too_many(shared, monkeypatch):
    monkeypatch.setattr(graphs, "LIMIT", 25)
    (folder,) = shared[1].iterdir()
    for age in (1, 2, 3):
        path = folder / f"{age}.pb"
        path.write_bytes(b"x" * 10)
        os.utime(path, (1e9 - age, 1e9 - age))
    graphs.shared_graphs("a")
    assert sorted(path.name for path in folder.iterdir()) == ["1.pb", "2.pb"]


def test_a_user_who_has_set_flags_keeps_them(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_max_cluster_size=7")
    assert graphs.shared_graphs("a") == {}


def test_what_a_user_wants_to_read_is_shown(monkeypatch):
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    assert graphs.shared_graphs("a")["TF_CPP_MIN_LOG_LEVEL"] == "1"


def test_the_folder_goes_with_the_process(python):
    code = "from vae_lib.support.graphs import shared_graphs\nprint(shared_graphs('a'), end='')"
    run = python(code)
    (folder,) = re.findall(r'directory="([^"]+)"', run.stdout)
    assert Path(folder).name.startswith("vae-graphs-")
    assert not Path(folder).exists()
