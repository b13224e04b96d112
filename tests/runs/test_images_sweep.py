"""A sweep of chapter 10, on images of one's own: what names them, and what they are told apart by.

The notebook here is not chapter 10 but a short one with the same parameters.
"""

import base64
import functools
import json
import os
import shutil

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup

from tests.helpers import refused
from tests.runs.quick_notebook import log, numbers, planned, quick, start
from vae_lib.data import DataError
from vae_lib.parameters import ImagesParameters, ParameterError
from vae_lib.runs.chapters import CHAPTERS, IMAGES, TRAINING
from vae_lib.runs.command_line import main
from vae_lib.runs.freshness import files_state, installed_versions
from vae_lib.runs.notebook import PARAMETERS_TAG, is_tagged
from vae_lib.runs.report import write_report
from vae_lib.runs.results import ResultsError, best_model, read_results
from vae_lib.runs.run import Outcome
from vae_lib.runs.sweep import SweepError, keep, plan, run_name


@pytest.fixture(autouse=True)
def packages_looked_up_once(monkeypatch):
    """Nobody installs another one meanwhile."""
    monkeypatch.setattr("vae_lib.runs.freshness.installed_versions", PACKAGES)


PACKAGES = functools.cache(installed_versions)


def of_images(chapter, **values):
    """Lay out runs of the quick notebook with the parameters of chapter 10."""
    return plan(values, chapter.parent / "runs", quick(chapter, IMAGES))


def finish(points, model=b"a model", notebook="{}", **others):
    for point in points:
        keep(point, Outcome(notebook, numbers(**others), model=model))


# What is planned


def test_a_relative_path_leads_to_the_same_images_from_everywhere(
    chapter_of_images, photos, monkeypatch
):
    monkeypatch.chdir(photos.parent)
    ways = ["my_photos", "my_photos/", "./my_photos", "my_photos/../my_photos", str(photos)]
    (point,) = of_images(chapter_of_images, data=ways)
    assert point.parameters["data"] == str(photos)
    monkeypatch.chdir(photos)
    assert of_images(chapter_of_images, data=["."]) == [point]
    monkeypatch.setenv("HOME", str(photos.parent))
    assert of_images(chapter_of_images, data=["~/my_photos"]) == [point]


def test_the_small_path_of_chapter_6_is_written_in_full_too(chapter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert TRAINING.placed("data", "mnist.npz") == str(tmp_path / "mnist.npz")
    for name in ("auto", "keras", "small"):
        assert TRAINING.placed("data", name) == name
    assert TRAINING.placed("likelihood", "gaussian") == "gaussian"


def test_names_of_images_stay_names(chapter_of_images, monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    points = of_images(chapter_of_images, data=["shapes", "digits"])
    assert [point.parameters["data"] for point in points] == ["shapes", "digits"]
    assert len({point.key for point in points}) == 2


def test_a_run_of_images_is_named_by_z_dim_and_seed_and_its_data_come_last():
    defaults = ImagesParameters().model_dump()
    assert run_name(defaults, IMAGES) == "z_dim=16,seed=0"
    others = {"data": "/a b", "size": 32, "beta": 2.0, "network": "dense"}
    expected = "z_dim=16,network=dense,beta=2.0,seed=0,data=%2Fa%20b,size=32"
    assert run_name(defaults | others, IMAGES) == expected


def touched(folder):
    os.utime(folder / "a/0.png", (1, 1))


def longer(folder):
    with (folder / "a/0.png").open("ab") as file:
        file.write(b"x")
    state = (folder / "a/2.png").stat()
    os.utime(folder / "a/0.png", ns=(state.st_atime_ns, state.st_mtime_ns))


def renamed(folder):
    (folder / "a/0.png").rename(folder / "b/0.png")


def one_less(folder):
    (folder / "a/0.png").unlink()


def one_more(folder):
    shutil.copy(folder / "a/0.png", folder / "a/100.png")


@pytest.mark.parametrize("change", [touched, longer, renamed, one_less, one_more])
def test_a_change_of_the_folder_makes_its_results_old(chapter_of_images, photos, change):
    (point,) = points = of_images(chapter_of_images, data=[str(photos)])
    finish(points)
    assert point.is_fresh
    assert of_images(chapter_of_images, data=[str(photos)]) == [point]
    change(photos)
    (after,) = of_images(chapter_of_images, data=[str(photos)])
    assert after.folder == point.folder
    assert not after.is_fresh


def test_the_state_of_a_folder_is_that_of_its_pictures(photos, tmp_path):
    state = files_state(photos)
    (photos / ".hidden").mkdir()
    (photos / ".hidden/x.png").write_text("x")
    (photos / "a/.0.png").write_text("x")
    (photos / "a/notes.txt").write_text("x")
    (photos / "loop").symlink_to(photos, target_is_directory=True)
    assert files_state(photos) == state
    moved = tmp_path / "elsewhere"
    photos.rename(moved)
    (moved / "loop").unlink()
    assert files_state(moved) == state
    (moved / "nowhere.png").symlink_to(tmp_path / "absent")
    assert files_state(moved) != state


def test_a_file_of_arrays_is_known_by_its_size_and_time(chapter_of_images, tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, x=np.random.default_rng(0).random((20, 8, 8)))
    points = of_images(chapter_of_images, data=[str(path)])
    finish(points)
    assert of_images(chapter_of_images, data=[str(path)])[0].is_fresh
    os.utime(path, (1, 1))
    assert not of_images(chapter_of_images, data=[str(path)])[0].is_fresh


@pytest.mark.parametrize(
    ("values", "error", "parts"),
    [
        ({"h_dim": [2]}, ParameterError, ("'h_dim'",)),
        ({"z_dim": [4, 0]}, ParameterError, ("z_dim", 0, 1, "10,000")),
        ({"likelihood": ["normal"]}, ParameterError, ("likelihood", "'normal'", "'bernoulli'")),
        ({"data": ["digits"], "size": [14, 5]}, ParameterError, ("size", 5, "28, 14, 7 or 4")),
        ({"data": ["nowhere/"]}, ParameterError, ("data", "'nowhere/'", "'shapes'", "folder")),
        ({"data": ["my_photos"], "z_dim": 4}, SweepError, ("z_dim", 4, "[4]")),
        ({"checkpoint": ["c"]}, SweepError, ("checkpoint", "['c']", "folders", "model")),
        ({"model_file": ["m.keras"]}, SweepError, ("model_file", "['m.keras']", "folders")),
    ],
)
def test_what_cannot_be_right_is_refused(
    chapter_of_images, photos, monkeypatch, values, error, parts
):
    monkeypatch.chdir(photos.parent)
    with refused(error, *parts):
        of_images(chapter_of_images, **values)
    assert not (photos.parent / "runs").exists()


@pytest.mark.parametrize("size", [0, 4])
def test_a_broken_picture_is_named_before_the_first_run(chapter_of_images, photos, size):
    (photos / "b/5.png").write_bytes(b"no picture")
    with refused(DataError, photos / "b/5.png"):
        of_images(chapter_of_images, data=[str(photos)], size=[size])


def test_a_folder_of_a_sweep_holds_runs_of_one_chapter(chapter, chapter_of_images):
    finish(of_images(chapter_of_images))
    with refused(SweepError, "out", "runs", "chapter 10", "chapter 6", "folder"):
        planned(chapter)
    other = chapter.parent / "runs"
    shutil.rmtree(other)
    finish(plan({"data": ["small"]}, other))
    with refused(SweepError, "out", "runs", "chapter 6", "chapter 10", "folder"):
        of_images(chapter_of_images)


def test_where_two_chapters_are_in_one_folder_nothing_is_compared(chapter_of_images, tmp_path):
    finish(of_images(chapter_of_images))
    finish(plan({"data": ["small"]}, tmp_path / "others"))
    (other,) = (tmp_path / "others").iterdir()
    other.rename(tmp_path / "runs" / other.name)
    for read in (write_report, best_model, read_results):
        with refused(ResultsError, tmp_path / "runs", "6 and 10", "folder"):
            read(tmp_path / "runs")


# The command line


def test_options_of_the_other_chapter_are_refused_in_one_sentence(tmp_path, capsys):
    def said(*words):
        assert main(["sweep", "--out", str(tmp_path / "new"), *words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert not (tmp_path / "new").exists()
        return err

    err = said("--chapter", "10", "--h-dim", "64")
    assert err.startswith("--h-dim is for chapter 6, and the sweep was of chapter 10, which may")
    assert "--z-dim" in err
    assert "--checkpoint" not in err
    err = said("--beta", "1", "--z-dim", "2")
    assert err.startswith("--beta is for chapter 10, and the sweep was of chapter 6, which may")
    assert "'7'" in said("--chapter", "7")
    assert "checkpoint" in said("--chapter", "10", "--checkpoint", "c")
    assert "'conv'" in said("--chapter", "10", "--network", "dens")
    assert "'shapes'" in said("--chapter", "10", "--data", "nowhere/")
    assert "'small'" in said("--data", "shapes")


def test_values_are_read_as_what_the_chapter_takes(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("vae_lib.runs.command_line.plan", lambda *given: asked.append(given) or [])
    words = "--data p/ --z-dim 4 16 --beta 0.5 1 --color gray --size 32 --seeds 0 1 --chapter 10"
    assert main(["sweep", *words.split(), "--out", str(tmp_path / "new")]) == 0
    values = {"data": ["p/"], "z_dim": [4, 16], "beta": [0.5, 1.0], "color": ["gray"]}
    values |= {"size": [32], "seed": [0, 1]}
    assert asked == [(values, tmp_path / "new", CHAPTERS[10])]
    assert isinstance(asked[0][0]["beta"][1], float)


@pytest.mark.slow
def test_the_command_runs_it_on_a_folder_and_reports(chapter_of_images, photos):
    words = ["--chapter", 10, "--data", "my_photos/", "--z-dim", 4, 16, "--jobs", 2]
    command = start(chapter_of_images, *words, number=10)
    out, err = command.communicate(timeout=120)
    assert (command.returncode, err) == (0, "")
    assert "2 done, 0 failed" in out
    assert log(chapter_of_images) == [f"16 0 {photos}", f"4 0 {photos}"]
    runs = photos.parent / "runs"
    model = best_model(runs)
    assert model.read_text() == "the model of z_dim=16, seed=0"
    metrics = json.loads((model.parent / "metrics.json").read_text())
    assert (metrics["chapter"], metrics["parameters"]["data"]) == (10, str(photos))
    assert main(["report", str(runs)]) == 0
    again = start(chapter_of_images, *words, number=10)
    assert again.communicate(timeout=120) == ("runs: 0 to run, 2 fresh\n0 done, 0 failed\n", "")


# The report


def shown(file):
    """A notebook that shows a picture as the generated ones."""
    data = {"image/png": base64.encodebytes(file.read_bytes()).decode()}
    named = {"mystnb": {"figure": {"name": IMAGES.picture}}}
    return json.dumps({"cells": [{"metadata": named, "outputs": [{"data": data}]}]})


@pytest.fixture
def page(chapter_of_images, photos):
    """The report of two z_dims, two networks, and two sizes of the same pictures."""
    points = of_images(
        chapter_of_images, data=[str(photos)], z_dim=[4, 16], network=["conv", "dense"], size=[0, 4]
    )
    for point in points:
        p = point.parameters
        elbo = -100.0 + p["z_dim"] + 5 * (p["network"] == "conv") - p["size"]
        others = {"digits": "my_photos, 11 to train on", "kl": 10.0 + p["z_dim"]}
        finish([point], notebook=shown(next(photos.rglob("*.png"))), elbo=elbo, **others)
    html, csv = write_report(photos.parent / "runs")
    return BeautifulSoup(html.read_text("utf-8"), "html.parser"), csv.read_text().splitlines()


def words(element):
    return " ".join(element.get_text(" ").split())


def test_a_report_says_the_configurations_of_chapter_10_by_its_own_parameters(page, photos):
    soup, csv = page
    leads = [words(p) for p in soup.find_all("p", "lead")]
    assert "These runs of chapter 10 differ in z_dim, network, size." in leads[0]
    assert leads[1] == (
        "size=0. The highest ELBO on the held-out images is −79.00 nats , with z_dim=16, "
        "network=conv. Next is z_dim=16, network=dense, with −84.00. "
        "With one seed there is no telling how far another would move them."
    )
    assert leads[2].startswith("size=4.")
    head, *rows = soup.find_all("table")[0].find_all("tr")
    assert [words(th) for th in head.find_all("th")][:4] == ["z_dim", "network", "size", "seeds"]
    assert len(rows) == 8
    constant = words(soup.find("dt", string="the same in all").find_next("dd"))
    assert "likelihood=learned_gaussian" in constant
    assert f"data={photos}" in constant
    assert "checkpoint" not in constant
    assert "other images are other data" in words(soup.aside)
    captions = [words(caption) for caption in soup.find_all("figcaption")]
    assert "The ELBO of the held-out images against z_dim." in captions[1]
    assert soup.find("h2", string="Generated images")
    # In the dark, ink on paper is inverted; photographs are not.
    assert {"picture"} == {*soup.select_one(".samples img")["class"]}
    assert not soup.select(".figures img.picture")
    fields = [*IMAGES.fields]
    assert csv[0].split(",")[: len(fields) + 3] == ["name", "notebook", *fields, "digits"]
    assert "checkpoint" not in csv[0]


def test_nothing_on_a_page_about_images_speaks_of_digits(page):
    soup, _ = page
    told = soup.get_text() + " ".join(image["alt"] for image in soup.find_all("img"))
    assert "digit" not in told


def test_the_best_model_of_images_is_found_by_their_path(page, photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    with refused(ResultsError, "runs", "size", "0 or 4", "size=0"):
        best_model("runs")
    best = best_model("runs", data="my_photos/", size=4, network="dense")
    assert best.parent.name.startswith("z_dim=16,network=dense,seed=0,data=")
    with refused(ParameterError, "'h_dim'"):
        best_model("runs", h_dim=2)


# The chapter itself


@pytest.mark.parametrize(
    "of", [c for c in CHAPTERS.values() if c.notebook.exists()], ids=lambda c: str(c.number)
)
def test_each_chapter_hands_over_its_model_and_shows_what_a_report_shows(of):
    cells = nbformat.read(of.notebook, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code"]
    (handed,) = (i for i, source in enumerate(code) if "\nhand_over(model)" in source)
    (ends,) = (i for i, source in enumerate(code) if "end_of_program(globals()" in source)
    assert handed < ends
    named = [c.metadata.get("mystnb", {}).get("figure", {}).get("name") for c in cells]
    assert of.picture in named
    (own,) = (c for c in cells if is_tagged(c, PARAMETERS_TAG))
    given = {}
    exec(own.source, given)
    books = of.parameters().model_dump()
    assert {name: given[name] for name in books} == books
