"""A run's model: how it is handed over, kept, believed, and found again.

The models here are a few words of text, but for the last test, in which chapter 6 trains one.
"""

import functools
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.helpers import assert_says, refused, wait_for
from tests.runs.quick_notebook import (
    DIES_WHILE_SAVING,
    RAISES_AFTER_SAVING,
    STAYS_WHILE_SAVING,
    numbers,
    planned,
    swept,
)
from vae_lib.parameters import ParameterError
from vae_lib.runs import sweep as sweep_module
from vae_lib.runs.freshness import installed_versions
from vae_lib.runs.report import write_report
from vae_lib.runs.results import ResultsError, best_model
from vae_lib.runs.run import Outcome
from vae_lib.runs.sweep import keep, plan, sweep
from vae_lib.support import handover
from vae_lib.support.handover import hand_over


class Model:
    """What can be saved."""

    def __init__(self, text):
        self.text = text

    def save(self, path):
        Path(path).write_text(self.text)


@pytest.fixture(autouse=True)
def packages_looked_up_once(monkeypatch):
    """Nobody installs another one meanwhile."""
    monkeypatch.setattr("vae_lib.runs.freshness.installed_versions", PACKAGES)


PACKAGES = functools.cache(installed_versions)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def kept(chapter, elbo=-100.0, model=b"a model", more=None, **parameters):
    """Leave a finished run, as a sweep does; return its point."""
    (point,) = planned(chapter, **{name: [value] for name, value in parameters.items()})
    keep(point, Outcome("{}", numbers(elbo, **(more or {})), model=model))
    return point


# Handing over


def test_a_model_is_handed_over_to_a_run_and_else_to_nobody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(handover.PLACE, raising=False)
    hand_over(Model("a"))
    monkeypatch.setenv(handover.PLACE, "")
    hand_over(Model("b"))
    assert names_in(tmp_path) == []
    monkeypatch.setenv(handover.PLACE, str(tmp_path / "m.keras"))
    for text in "cd":
        hand_over(Model(text))
    assert (tmp_path / "m.keras").read_text() == "d"


# Keeping


@pytest.mark.slow
def test_each_run_leaves_its_model_and_its_numbers_vouch_for_it(chapter_with_model):
    points = planned(chapter_with_model, z_dim=[2, 5])
    swept(points)
    for point in points:
        assert names_in(point.folder) == ["metrics.json", "model.keras", "notebook.ipynb"]
        text = f"the model of z_dim={point.parameters['z_dim']}, seed=0"
        assert (point.folder / "model.keras").read_text() == text
        assert json.loads((point.folder / "metrics.json").read_text())["chapter"] == 6
        assert point.is_fresh


@pytest.mark.slow
def test_a_run_killed_in_mid_write_or_that_fails_later_leaves_no_model(chapter_with_model):
    endings = [DIES_WHILE_SAVING, RAISES_AFTER_SAVING, 128]
    points = planned(chapter_with_model, h_dim=endings)
    for point in points:  # what an earlier run has left is not believed any more, either
        keep(point, Outcome("{}", numbers(), model=b"earlier"))
    swept(points)
    assert [names_in(point.folder) for point in points] == [
        ["failure.json", "notebook.ipynb"],
        ["failure.json", "notebook.ipynb"],
        ["metrics.json", "model.keras", "notebook.ipynb"],
    ]


@pytest.mark.slow
def test_a_run_stopped_in_mid_write_leaves_no_model(chapter_with_model):
    (point,) = points = planned(chapter_with_model, h_dim=[STAYS_WHILE_SAVING])
    saving = chapter_with_model.parent / "saving"
    with ThreadPoolExecutor(1) as executor, closing(sweep(points, executor)) as s:
        wait_for(lambda: saving.exists() or next(s))
    assert names_in(point.folder) == ["failure.json", "notebook.ipynb"]
    assert_says(json.loads((point.folder / "failure.json").read_text())["error"], "SIGTERM")


KILLED = """\
import os, pathlib, signal
from vae_lib.runs.run import Outcome
from vae_lib.runs.sweep import Point, keep
replace = pathlib.Path.replace
def killed(part, path):
    if path.name == {name!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(part, path)
pathlib.Path.replace = killed
point = Point(pathlib.Path({folder!r}), {parameters!r}, {key!r})
keep(point, Outcome("{{}}", dict(elbo=-1.0), model=b"new"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.keras", "metrics.json"])
def test_a_sweep_killed_while_it_keeps_a_model_leaves_none_that_is_believed(chapter, name):
    point, other = kept(chapter, -1.0, b"old"), kept(chapter, -2.0, b"other", seed=1)
    script = KILLED.format(
        name=name, folder=str(point.folder), parameters=point.parameters, key=point.key
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert "metrics.json" not in names_in(point.folder)
    assert ("model.keras" in names_in(point.folder)) == (name == "metrics.json")  # of no run
    assert not point.is_fresh
    assert best_model(point.folder.parent) == other.folder / "model.keras"
    keep(point, Outcome("{}", numbers(), model=b"again"))
    assert best_model(point.folder.parent, seed=0).read_bytes() == b"again"


def test_a_full_disk_leaves_no_numbers_without_their_model(chapter, monkeypatch):
    def full(*_):
        raise OSError(28, "no space")

    (point,) = planned(chapter)
    monkeypatch.setattr(sweep_module, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        keep(point, Outcome("{}", numbers(), model=b"a model"))
    assert names_in(point.folder) == ["notebook.ipynb"]


def test_a_run_without_a_model_is_fresh_and_one_that_has_lost_it_is_not(chapter):
    bare, damaged, gone = (kept(chapter, seed=k, model=m) for k, m in enumerate([None, b"a", b"b"]))
    (damaged.folder / "model.keras").write_bytes(b"x")
    (gone.folder / "model.keras").unlink()
    assert [point.is_fresh for point in (bare, damaged, gone)] == [True, False, False]
    assert names_in(bare.folder) == ["metrics.json", "notebook.ipynb"]


# Finding the best


def test_the_best_model_is_that_of_the_highest_elbo_or_of_the_run_asked_for(chapter, monkeypatch):
    elbos = {(2, 0): -120.0, (2, 1): -118.0, (16, 0): -90.0, (16, 1): -92.0}
    points = {
        (z_dim, seed): kept(chapter, elbo, f"{z_dim} {seed}".encode(), z_dim=z_dim, seed=seed)
        for (z_dim, seed), elbo in elbos.items()
    }
    (failed,) = planned(chapter, z_dim=[16], seed=[2])
    keep(failed, Outcome(None, cell=2, error="no"))
    folder = points[2, 0].folder.parent
    assert best_model(folder) == points[16, 0].folder / "model.keras"
    assert best_model(folder, z_dim=2).read_bytes() == b"2 1"
    assert best_model(folder, seed=1).read_bytes() == b"16 1"
    assert best_model(folder, z_dim=2, seed=0, learning_rate=0.001).read_bytes() == b"2 0"
    monkeypatch.chdir(folder.parent)
    assert best_model("runs") == Path("runs", points[16, 0].folder.name, "model.keras")


def test_of_equal_elbos_it_is_the_first_by_its_parameters(chapter):
    for z_dim, seed in ((16, 1), (16, 0), (100, 0)):
        point = kept(chapter, model=f"{z_dim} {seed}".encode(), z_dim=z_dim, seed=seed)
    assert best_model(point.folder.parent).read_bytes() == b"16 0"


@pytest.mark.parametrize(
    ("asked", "error", "parts"),
    [
        ({"zdim": 2}, ParameterError, ("'zdim'", "'z_dim'")),
        ({"z_dim": 0}, ParameterError, ("z_dim", 0, 1, "10,000")),
        ({"z_dim": [2]}, ParameterError, ("z_dim", "[2]", 1, "10,000")),
        ({"data": 5}, ParameterError, ("data", 5, "'auto'")),
        ({"z_dim": 7}, ResultsError, ("runs", "z_dim=7", "1 failed", "2 or 16")),
        ({"z_dim": 2, "seed": 1}, ResultsError, ("z_dim=2, seed=1", "2 or 16", "0 or 1")),
        ({"data": "keras"}, ResultsError, ("data='keras'", "'small'")),
    ],
)
def test_a_run_that_is_not_there_is_refused_in_one_sentence(chapter, asked, error, parts):
    kept(chapter, z_dim=2)
    folder = kept(chapter, z_dim=16, seed=1).folder.parent
    (failed,) = planned(chapter, z_dim=[7])
    keep(failed, Outcome(None, cell=2, error="no"))
    with refused(error, *parts):
        best_model(folder, **asked)


def test_without_a_finished_run_there_is_no_best_model(chapter, tmp_path):
    with refused(ResultsError, tmp_path / "absent", "folder", "sweep"):
        best_model(tmp_path / "absent")
    with refused(ResultsError, chapter, "folder", "sweep"):
        best_model(chapter)
    (tmp_path / "empty").mkdir()
    with refused(ResultsError, tmp_path / "empty", "0 failed", "one"):
        best_model(tmp_path / "empty")
    (point,) = planned(chapter)
    keep(point, Outcome(None, cell=2, error="no"))
    with refused(ResultsError, point.folder.parent, "1 failed", "one"):
        best_model(point.folder.parent)


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("model.keras", None, ("model.keras", "cannot be read", "No such file", "sweep")),
        ("model.keras", b"", ("model.keras", "not the model", "metrics.json", "sweep")),
        ("model.keras", b"earlier", ("model.keras", "not the model", "metrics.json", "sweep")),
        ("metrics.json", b'{"elbo": -1', ("metrics.json", "JSON", "delete", "sweep")),
        ("metrics.json", b"[]", ("metrics.json", "delete", "sweep")),
        ("metrics.json", b'{"chapter": [6]}', ("metrics.json", "delete", "sweep")),
    ],
)
def test_a_stale_or_damaged_file_is_named_with_the_remedy(chapter, name, content, parts):
    kept(chapter, -110.0, seed=1)
    point = kept(chapter, -100.0)
    path = point.folder / name
    path.unlink() if content is None else path.write_bytes(content)
    with refused(ResultsError, point.folder.name, *parts):
        best_model(point.folder.parent)
    assert not point.is_fresh  # so the remedy is one
    keep(point, Outcome("{}", numbers(), model=b"new"))
    assert best_model(point.folder.parent).read_bytes() == b"new"


def test_a_run_that_handed_over_nothing_has_no_model(chapter):
    point = kept(chapter, model=None)
    with refused(ResultsError, point.folder, "no model"):
        best_model(point.folder.parent)
    metrics = json.loads((point.folder / "metrics.json").read_text())
    del metrics["model"], metrics["chapter"]  # as before there were models
    (point.folder / "metrics.json").write_text(json.dumps(metrics))
    with refused(ResultsError, point.folder, "no model"):
        best_model(point.folder.parent)


def test_a_run_of_another_chapter_that_says_it_is_of_this_one_is_named(chapter):
    point = kept(chapter)
    path = point.folder / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chapter": 12}))
    with refused(ResultsError, "metrics.json", "chapter", "delete", "sweep"):
        best_model(point.folder.parent)


def test_elbos_that_do_not_compare_have_no_best(chapter):
    kept(chapter, 600.0, likelihood="gaussian")
    point = kept(chapter, model=b"of a probability", likelihood="bernoulli")
    folder = point.folder.parent
    with refused(ResultsError, folder, "likelihood", "'bernoulli' or 'gaussian'", "likelihood="):
        best_model(folder)
    assert best_model(folder, likelihood="bernoulli").read_bytes() == b"of a probability"
    kept(chapter, seed=1, more={"digits": "others"})
    with refused(ResultsError, folder, "digits", "'others'", "parameters"):
        best_model(folder, likelihood="bernoulli")
    assert best_model(folder, likelihood="bernoulli", seed=0) == point.folder / "model.keras"


# The report


def page(folder):
    return BeautifulSoup(write_report(folder)[0].read_text("utf-8"), "html.parser")


def test_the_report_links_each_model_that_is_there_and_notes_each_that_is_damaged(chapter):
    points = [kept(chapter, seed=k, model=f"model {k}".encode()) for k in range(4)]
    (points[2].folder / "model.keras").write_bytes(b"x")
    (points[3].folder / "model.keras").unlink()
    kept(chapter, seed=4, model=None)
    (failed,) = planned(chapter, seed=[5])
    keep(failed, Outcome(None, cell=2, error="no"))
    folder = failed.folder.parent
    soup = page(folder)
    links = {a["aria-label"]: a["href"] for a in soup.find_all("a", string="model.keras")}
    assert list(links) == [f"the model of {point.folder.name}" for point in points[:2]]
    models = [(folder / link.replace("%3D", "=").replace("%2C", ",")) for link in links.values()]
    assert [path.read_text() for path in models] == ["model 0", "model 1"]
    notes = [" ".join(p.text.split()) for p in soup.aside.find_all("p")[1:]]
    assert [
        str(point.folder / "model.keras") in note
        for point, note in zip(points[2:], notes, strict=True)
    ]
    head, *rows = soup.find_all("table")[1].find_all("tr")
    widths = [sum(int(c.get("colspan", 1)) for c in row.find_all(["th", "td"])) for row in rows]
    assert set(widths) == {len(head.find_all("th"))}
    assert "best_model" in soup.text


def test_without_models_the_report_has_no_column_for_them(chapter):
    soup = page(kept(chapter, model=None).folder.parent)
    assert "model" not in [th.text for th in soup.find_all("th", scope="col")]
    assert "best_model" not in soup.text


# All of it


LOADS = """\
import sys
from vae_lib.data import load_mnist
from vae_lib.model import load_model
from vae_lib.runs.results import best_model
model = load_model(best_model(sys.argv[1], seed=1))
x = load_mnist("small", flat=True).x_test
print(model.z_dim, model.evaluate(x, batch_size=1000, verbose=0, return_dict=True)["loss"])
"""


@pytest.mark.slow
def test_the_best_model_of_a_sweep_of_chapter_6_is_the_one_whose_numbers_it_printed(tmp_path):
    values = {"z_dim": [3], "seed": [0, 1], "iterations": [150], "h_dim": [16], "data": ["small"]}
    points = plan(values, tmp_path / "runs")
    assert {outcome.error for outcome in swept(points, jobs=2).values()} == {None}
    command = [sys.executable, "-c", LOADS, str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    z_dim, loss = done.stdout.split()
    metrics = json.loads((points[1].folder / "metrics.json").read_text())
    assert z_dim == "3"
    assert float(loss) == pytest.approx(-metrics["elbo"], abs=metrics["elbo_error"])
