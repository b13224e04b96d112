"""The report says what the runs say, in one file that asks nothing of anywhere."""

import base64
import csv
import io
import json
import statistics
from pathlib import Path
from urllib.parse import unquote

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from tests.helpers import assert_says, refused
from vae_lib.parameters import ChapterParameters
from vae_lib.runs import figures as drawing
from vae_lib.runs.report import write_report

MNIST = "MNIST, from Keras's copy: 60,000 to train on, 10,000 to test."
FEWER = "5,000 digits of MNIST, from this package: 4,000 to train on, 1,000 to test."
VERSIONS = {"python": "3.11.8", "tensorflow": "2.21.0", "vae-lib": "0.1.0"}


def png(shade):
    """A real picture, another for each shade."""
    file = io.BytesIO()
    plt.imsave(file, np.full((4, 4), shade), vmin=0, vmax=255, cmap="gray", format="png")
    return file.getvalue()


def notebook(picture):
    output = {"data": {"image/png": base64.encodebytes(picture).decode(), "text/plain": "a"}}
    named = {"mystnb": {"figure": {"name": "fig-generated"}}}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "text"},
        {"metadata": {"mystnb": {"figure": {"name": "fig-loss"}}}, "outputs": [{"data": {}}]},
        {"cell_type": "code", "metadata": named, "outputs": [{"name": "stdout"}, output]},
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def add(folder, name=None, picture=None, metrics=None, **parameters):
    """Leave a finished run in a folder; return its numbers."""
    parameters = ChapterParameters().model_dump() | {"data": "keras"} | parameters
    name = name or ",".join(f"{k}={parameters[k]}" for k in ("z_dim", "h_dim", "seed"))
    made = {"digits": MNIST, "epochs": 21.3, "elbo": -100.0, "elbo_error": 0.25}
    made |= {"reconstruction": 80.0, "kl": 20.0, "active_units": 2, "training_seconds": 8.0}
    made |= {"seconds": 70.0, "versions": VERSIONS} | (metrics or {})
    run = folder / name
    run.mkdir(parents=True)
    run.joinpath("metrics.json").write_text(
        json.dumps({"name": name, "parameters": parameters, "key": "k"} | made)
    )
    if picture is not None:
        run.joinpath("notebook.ipynb").write_text(notebook(picture))
    return parameters | made


def fail(folder, name, cell, error, **parameters):
    run = folder / name
    run.mkdir(parents=True)
    parameters = ChapterParameters().model_dump() | {"data": "keras"} | parameters
    failure = {"name": name, "parameters": parameters, "cell": cell, "error": error, "key": "k"}
    run.joinpath("failure.json").write_text(json.dumps(failure))


def read(folder):
    page, _ = write_report(folder)
    return BeautifulSoup(page.read_text("utf-8"), "html.parser")


def words(element):
    return " ".join(element.get_text(" ").split())


def cells(table):
    return [[words(cell) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]


def section(soup, title):
    heading = soup.find("h2", string=title)
    return [
        e for e in heading.find_all_next() if e.find_previous("h2") is heading and e.name != "h2"
    ]


def figures(soup):
    return [e for e in section(soup, "Figures") if e.name == "figure"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Three z_dims of three seeds, one run of which has failed: the folder, its runs, its page."""
    folder, rng, runs = tmp_path_factory.mktemp("sweep") / "runs", np.random.default_rng(0), []
    for z_dim, elbo in ((100, -104.0), (2, -152.0), (20, -103.5)):
        for seed in (2, 0, 1):
            if (z_dim, seed) == (100, 1):
                fail(folder, "z_dim=100,seed=1", 23, "the loss was nan", z_dim=100, seed=1)
                continue
            numbers = {"elbo": elbo + rng.normal(), "kl": 25 + rng.normal()}
            numbers |= {"reconstruction": 80 + rng.normal(), "training_seconds": rng.uniform(7, 9)}
            numbers["active_units"] = min(z_dim, int(rng.integers(18, 20)))
            name, shade = f"z_dim={z_dim},seed={seed}", z_dim + seed
            runs.append(add(folder, name, png(shade), numbers, z_dim=z_dim, seed=seed))
    return folder, runs, read(folder)


def test_the_table_has_the_means_and_deviations_of_the_runs(swept):
    _, runs, soup = swept
    head, *rows = cells(soup.find_all("table")[0])
    assert head[:5] == ["z_dim", "seeds", "ELBO", "reconstruction", "KL"]
    assert [row[:2] for row in rows] == [["2", "3"], ["20", "3"], ["100", "2"]]
    for z_dim, row in zip((2, 20, 100), rows, strict=True):
        mine = [run for run in runs if run["z_dim"] == z_dim]
        elbos = [run["elbo"] for run in mine]
        expected = f"{statistics.fmean(elbos):.2f} ± {statistics.stdev(elbos):.2f}"
        assert row[2] == expected.replace("-", "−")
        names = ("reconstruction", "kl", "active_units", "epochs", "training_seconds")
        means = [statistics.fmean(run[name] for run in mine) for name in names]
        assert row[3:] == [f"{mean:.1f}" for mean in means]


def test_the_lead_names_what_was_run_what_failed_and_the_best(swept):
    _, runs, soup = swept
    lead = " ".join(words(p) for p in soup.find_all("p", "lead"))
    assert "differ in z_dim, seed. 8 of 9 finished, 1 failed" in lead
    means = {
        z: statistics.fmean(run["elbo"] for run in runs if run["z_dim"] == z) for z in (20, 100)
    }
    first, second = sorted(means, key=means.get, reverse=True)
    best = f"highest mean ELBO on the test digits is −{-means[first]:.2f} ±"
    assert best in lead
    assert f"nats , with z_dim={first}, over " in lead
    assert f"Next is z_dim={second}, with −{-means[second]:.2f}" in lead
    facts = [words(dd) for dd in soup.find_all("dd")]
    assert facts[:2] == ["2, 20, 100", "0, 1, 2"]
    assert "h_dim=128, batch_size=64" in facts[2]
    assert facts[3:] == [MNIST, "python 3.11.8, tensorflow 2.21.0, vae-lib 0.1.0"]
    assert [words(row.th) for row in soup.find_all("tr", "best")] == [str(first)]


@pytest.mark.parametrize(
    ("elbos", "said"),
    [
        (((-100, -102), (-103, -104)), "Every seed of the first is above every seed"),
        (((-100, -104), (-103, -105)), "Their seeds overlap"),
        (((-100, -102), (-103,)), "With one seed there is no telling"),
    ],
)
def test_how_sure_the_best_is_depends_on_the_seeds(elbos, said, tmp_path):
    for z_dim, of_seeds in enumerate(elbos, 1):
        for seed, elbo in enumerate(of_seeds):
            add(tmp_path, z_dim=z_dim, seed=seed, metrics={"elbo": elbo})
    leads = words(read(tmp_path).find_all("p", "lead")[1])
    told = ("Every seed", "Their seeds", "With one seed")
    assert said in leads
    assert sum(each in leads for each in told) == 1


def test_the_csv_has_every_finished_run_in_a_stable_order(swept):
    folder, runs, _ = swept
    table = pd.read_csv(folder / "report.csv")
    numbers = ["epochs", "elbo", "elbo_error", "reconstruction", "kl", "active_units"]
    assert list(table.columns) == [
        "name", "notebook", *ChapterParameters.model_fields, "digits", *numbers,
        "training_seconds", "seconds", *(f"version_{name}" for name in VERSIONS),
    ]  # fmt: skip
    assert list(zip(table["z_dim"], table["seed"], strict=True)) == sorted(
        (run["z_dim"], run["seed"]) for run in runs
    )
    for run in runs:
        (row,) = table[(table["z_dim"] == run["z_dim"]) & (table["seed"] == run["seed"])].to_dict(
            "records"
        )
        assert {name: row[name] for name in run if name != "versions"} == {
            name: value for name, value in run.items() if name != "versions"
        }
        assert row["version_tensorflow"] == "2.21.0"
        assert (folder / row["notebook"]).is_file()
    with (folder / "report.csv").open(newline="", encoding="utf-8") as file:
        assert [len(row) for row in csv.reader(file)] == [len(table.columns)] * 9


def test_the_page_asks_nothing_of_anywhere(swept):
    _, _, soup = swept
    assert not soup.find_all(["script", "iframe", "object", "embed"])
    addresses = [
        e[a] for a in ("src", "href", "srcset", "action") for e in soup.find_all(**{a: True})
    ]
    assert len(addresses) == 6 + 1 + 8 + 1  # pictures, icon, notebooks, table
    assert all(a.startswith("data:") or (":" not in a and a[0] != "/") for a in addresses)
    assert all(image["src"].startswith("data:image/") for image in soup.find_all("img"))
    style = soup.style.string
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_can_be_read_by_everyone(swept):
    _, _, soup = swept
    assert soup.html["lang"] == "en"
    assert soup.title.string.startswith("A sweep of 9 runs")
    levels = [int(heading.name[1]) for heading in soup.find_all(["h1", "h2", "h3"])]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))
    assert len(soup.find_all("img")) == 6
    for image in soup.find_all("img"):
        assert any(character.isdigit() for character in image["alt"])
        assert image.find_parent("figure").figcaption
    for table in soup.find_all("table"):
        assert table.parent["class"] == ["scroll"]
        assert soup.find(id=table["aria-describedby"])


def test_the_figures_are_drawn_from_the_runs_and_say_their_numbers(swept, monkeypatch):
    folder, runs, soup = swept
    drawn = []
    figure = drawing._figure
    monkeypatch.setattr(drawing, "_figure", lambda ax, *text: drawn.append(ax) or figure(ax, *text))
    write_report(folder)
    plane, elbo, active = drawn
    means = pd.DataFrame(runs).groupby("z_dim")[["elbo", "active_units", "kl", "reconstruction"]]
    means, steps = means.mean(), [2, 20, 100]
    for ax, name in ((elbo, "elbo"), (active, "active_units")):
        points = ax.containers[0][0].get_xydata()
        np.testing.assert_allclose(points, np.column_stack([steps, means[name]]))
        assert ax.get_xscale() == "log"
    (line,) = [line for line in plane.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(line.get_xydata(), means[["kl", "reconstruction"]])
    alts = [figure.img["alt"] for figure in figures(soup)]
    assert f"z_dim=2: {means['kl'][2]:.1f}, {means['reconstruction'][2]:.1f};" in alts[0]
    assert f"z_dim=20: −{-means['elbo'][20]:.2f} ± " in alts[1]
    assert f"z_dim=100: {means['active_units'][100]:.1f}." in alts[2]
    assert "Up to z_dim=2 all latent dimensions are active" in words(figures(soup)[2])


def test_no_figure_stays_open_and_no_setting_changes(swept):
    folder, *_ = swept
    before = plt.get_fignums()
    with plt.rc_context({"font.size": 7, "svg.hashsalt": "mine", "text.parse_math": True}):
        settings = dict(mpl.rcParams)
        write_report(folder)
        assert dict(mpl.rcParams) == settings
    assert plt.get_fignums() == before


def test_equal_runs_make_equal_files(swept):
    folder, *_ = swept
    first = [path.read_bytes() for path in write_report(folder)]
    assert [path.read_bytes() for path in write_report(folder)] == first


def test_the_samples_are_those_of_the_lowest_seed(swept):
    _, _, soup = swept
    pictures = [e for e in section(soup, "Generated digits") if e.name == "img"]
    for z_dim, picture in zip((2, 20, 100), pictures, strict=True):
        assert picture["src"].startswith("data:image/png;base64,")
        assert base64.b64decode(picture["src"].split(",")[1]) == png(z_dim)
        assert words(picture.parent.figcaption).startswith(f"z_dim={z_dim} , seed 0: ELBO −")


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"cells": [1]}', '{"cells": [{"metadata": {}}]}', "\ufffd{"]
)
def test_a_notebook_without_the_picture_is_noted(text, tmp_path):
    add(tmp_path, z_dim=2)
    if text is not None:
        next(tmp_path.iterdir()).joinpath("notebook.ipynb").write_text(text, "utf-8")
    soup = read(tmp_path)
    (note,) = [e for e in section(soup, "Generated digits") if e.get("class") == ["quiet"]]
    assert words(note) == "z_dim=2, seed 0: its notebook shows no such picture."
    assert bool(soup.find("th", scope="row").find_next("table").a) == (text is not None)


def test_links_lead_to_files_whatever_their_names(tmp_path):
    names = ["z_dim=2,seed=0", "data=%2Fhome%2Fa b,100%", "#?&é;x", "a:b"]
    for seed, name in enumerate(names):
        add(tmp_path, name, png(seed), seed=seed)
    links = read(tmp_path).find_all("a")
    assert {words(link) for link in links} == {"report.csv", *names}
    for link in links:
        assert (tmp_path / unquote(link["href"])).is_file()
        assert not set(link["href"]) & set("=,#?:")


def test_what_runs_say_is_text_and_never_markup(tmp_path):
    folder = tmp_path / "<img src=x onerror=alert(3)>"
    evil = "<script>alert(1)</script>'\"&$x_$^"
    add(folder, "a", data=evil, metrics={"digits": evil, "versions": {"python": evil}})
    add(folder, "b", data="keras", metrics={"digits": evil, "versions": {"python": "3"}})
    fail(folder, "<img src=x onerror=alert(2)>", None, evil, seed=5)
    soup = read(folder)
    assert soup.title.text.endswith(folder.name)
    assert not soup.find("script")
    assert not soup.find(onerror=True)
    assert all(image["src"].startswith("data:") for image in soup.find_all("img"))
    assert cells(soup.find_all("table")[1])[-1] == [
        "<img src=x onerror=alert(2)>", f"failed: {evil}",
    ]  # fmt: skip
    assert len(figures(soup)) == 2, "rate and distortion, and dots: no number varies"
    assert f"data={evil}" in figures(soup)[0].img["alt"]
    assert pd.read_csv(folder / "report.csv")["data"].tolist() == [evil, "keras"]


def test_failed_runs_are_listed_with_cell_and_error(swept):
    _, _, soup = swept
    head, *rows = cells(soup.find_all("table")[1])
    assert len(rows) == 9
    name, failure = rows[-2]
    assert name == "z_dim=100,seed=1"
    assert_says(failure, "failed", 23, "the loss was nan")
    assert not soup.find("th", string="z_dim=100,seed=1").a, "it has no notebook"
    assert all(len(row) == len(head) for row in rows if row is not rows[-2])
    assert "Failed runs are in no mean." in words(soup)


def test_the_verdict_of_a_run_that_has_one_is_on_the_page(tmp_path):
    add(tmp_path, z_dim=2)
    assert read(tmp_path).select(".verdicts") == []
    add(tmp_path, z_dim=5, metrics={"verdict": "The code is <empty>."})
    (verdicts,) = read(tmp_path).select(".verdicts")
    assert words(verdicts).endswith("z_dim=5,h_dim=128,seed=0 The code is <empty>.")
    assert len(verdicts.select("dt")) == 1


def test_other_digits_are_another_table_row_and_another_figure_and_a_note(tmp_path):
    add(tmp_path, z_dim=2, seed=0, metrics={"elbo": -150.0})
    add(tmp_path, z_dim=5, seed=0, metrics={"elbo": -120.0})
    add(tmp_path, z_dim=2, seed=1, metrics={"elbo": -90.0, "digits": FEWER, "epochs": 320.0})
    soup = read(tmp_path)
    note = words(soup.aside)
    assert f"are shown apart: {MNIST} (2 runs); {FEWER} (1 run)" in note
    assert "different lengths: 21.3 epochs (2 runs), 320.0 epochs (1 run)" in note
    head, *rows = cells(soup.find_all("table")[0])
    assert head[:4] == ["z_dim", "digits", "seeds", "ELBO"]
    assert [(row[0], row[2], row[3]) for row in rows] == [
        ("2", "1", "−150.00"), ("5", "1", "−120.00"), ("2", "1", "−90.00"),
    ]  # fmt: skip
    assert [words(e) for e in section(soup, "Figures") if e.name == "h3"] == [
        MNIST.rstrip("."), FEWER.rstrip("."),
    ]  # fmt: skip
    assert len(figures(soup)) == 3 + 1
    leads = [words(p) for p in soup.find_all("p", "lead")]
    assert leads[1].startswith(f"{MNIST} The highest ELBO")
    assert "−120.00" in leads[1]
    assert "−90.00" in leads[2]


def test_likelihoods_are_shown_apart(tmp_path):
    for likelihood, elbo in (("bernoulli", -100.0), ("gaussian", 600.0)):
        for z_dim in (2, 5):
            add(tmp_path, f"{likelihood}{z_dim}", likelihood=likelihood, z_dim=z_dim,
                metrics={"elbo": elbo + z_dim})  # fmt: skip
    soup = read(tmp_path)
    assert "nats of different likelihoods do not compare" in words(soup.aside)
    titles = [words(e) for e in section(soup, "Figures") if e.name == "h3"]
    assert titles == ["likelihood=bernoulli", "likelihood=gaussian"]
    assert len(figures(soup)) == 6
    elbos = [figures(soup)[i].img["alt"] for i in (1, 4)]
    assert elbos == [
        "ELBO in nats. z_dim=2: −98.00; z_dim=5: −95.00.",
        "ELBO in nats. z_dim=2: 602.00; z_dim=5: 605.00.",
    ]
    assert len(soup.find_all("tr", "best")) == 2


def test_other_versions_are_noted(tmp_path):
    add(tmp_path, seed=0)
    add(tmp_path, seed=1, metrics={"versions": VERSIONS | {"tensorflow": "2.20.0"}})
    soup = read(tmp_path)
    assert "versions of tensorflow: 2.21.0 (1 run), 2.20.0 (1 run)." in words(soup.aside)
    assert words(soup.find_all("dd")[-1]) == "python 3.11.8, vae-lib 0.1.0"


def test_where_all_is_equal_there_is_no_note(swept):
    _, _, soup = swept
    assert soup.aside is None


def test_one_configuration_is_shown_as_dots(tmp_path):
    for seed, elbo in enumerate((-100.0, -101.0, -105.0)):
        add(tmp_path, z_dim=20, seed=seed, metrics={"elbo": elbo})
    soup = read(tmp_path)
    (figure,) = figures(soup)
    assert words(figure).endswith("What to see: The runs lie from −105.0 to −100.0 nats.")
    assert "a dot for each seed" in words(figure)
    assert cells(soup.find_all("table")[0])[1][:3] == ["20", "3", "−102.00 ± 2.65"]


def test_one_run_has_no_deviation(tmp_path):
    add(tmp_path, z_dim=20)
    soup = read(tmp_path)
    assert cells(soup.find_all("table")[0])[1][2] == "−100.00"
    leads = " ".join(words(p) for p in soup.find_all("p", "lead"))
    assert leads == (
        "Chapter 6 was run once. 1 of 1 finished. "
        "The ELBO on the test digits is −100.00 nats , with z_dim=20."
    )


def test_several_parameters_make_several_lines_with_gaps_where_runs_are_missing(
    tmp_path, monkeypatch
):
    drawn, figure = [], drawing._figure
    monkeypatch.setattr(drawing, "_figure", lambda ax, *text: drawn.append(ax) or figure(ax, *text))
    for h_dim in (64, 512):
        for z_dim in (2, 5, 10):
            if (z_dim, h_dim) != (5, 512):
                add(tmp_path, z_dim=z_dim, h_dim=h_dim, metrics={"elbo": -h_dim - z_dim})
    head, *rows = cells(read(tmp_path).find_all("table")[0])
    assert head[:3] == ["z_dim", "h_dim", "seeds"]
    assert len(rows) == 5
    plane, elbo, _ = drawn
    assert elbo.get_xlabel() == "z_dim"
    assert [c.get_label() for c in elbo.containers] == ["h_dim=64", "h_dim=512"]
    np.testing.assert_array_equal(
        [c[0].get_ydata() for c in elbo.containers], [[-66, -69, -74], [-514, np.nan, -522]]
    )
    assert elbo.get_xscale() == "linear"
    assert [t.get_text() for t in plane.get_legend().get_texts()] == ["h_dim=64", "h_dim=512"]
    shown = [text for text in plane.texts if text.get_visible()]
    assert [text.get_text() for text in shown] == ["2", "5", "10"]
    assert len({text.xyann for text in shown}) == 3, "their points are one, and they are not"


@pytest.mark.parametrize(("sign", "end"), [(-1, "smallest"), (1, "largest")])
def test_without_z_dim_the_first_number_that_varies_is_the_axis(sign, end, tmp_path):
    for rate in (1e-4, 1e-3, 1e-2):
        add(tmp_path, f"rate={rate}", learning_rate=rate, metrics={"elbo": sign * 100 * rate})
    captions = [words(figure.figcaption) for figure in figures(read(tmp_path))]
    assert "against learning_rate." in captions[1]
    assert "The horizontal axis is logarithmic." in captions[1]
    assert f"It is the {end} learning_rate of this sweep" in captions[1]


def test_labels_that_would_cover_each_other_are_moved_apart():
    ax = drawing._axes()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    for at in (0.5, 0.5, 0.51, 0.1):
        ax.annotate("label", (at, at), (6, 4), textcoords="offset points")
    drawing._keep_apart(ax)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert [text.xyann == (6, 4) for text in ax.texts] == [True, False, False, True]


def test_what_is_no_run_is_left_out_and_what_cannot_be_read_is_noted(tmp_path):
    add(tmp_path, "good", z_dim=2)
    fail(tmp_path, "both", 3, "an earlier try", z_dim=5)
    add(tmp_path / "x", "both", z_dim=5)
    (tmp_path / "x/both/metrics.json").replace(tmp_path / "both/metrics.json")
    for name, text in {
        "cut": '{"name": "cut", "par',
        "foreign": '{"elbo": -1.0}',
        "nan": (tmp_path / "good/metrics.json").read_text().replace("-100.0", "NaN"),
        "known": (tmp_path / "good/metrics.json").read_text().replace("h_dim", "width"),
        "bytes": "\udcff",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "metrics.json").write_text("{}")
    soup = read(tmp_path)
    head, *rows = cells(soup.find_all("table")[1])
    assert [row[0] for row in rows] == ["good", "both"]
    assert [len(row) for row in rows] == [len(head)] * 2, "neither has failed"
    notes = [words(p) for p in soup.aside.find_all("p")[1:]]
    assert [note.split("/")[0] for note in notes] == [
        f"Not read: {name}" for name in ("bytes", "cut", "foreign", "known", "nan")
    ]
    assert "nan/metrics.json: elbo: " in notes[-1]


def test_a_folder_without_finished_runs_is_refused_in_one_sentence(tmp_path):
    with refused(ValueError, tmp_path / "absent", "folder", "sweep"):
        write_report(tmp_path / "absent")
    with refused(ValueError, tmp_path, 0, 0, "one"):
        write_report(tmp_path)
    fail(tmp_path, "a", 1, "error")
    for name in "bc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text("{}")
    with refused(ValueError, tmp_path, "1 failed", "2 unreadable", "one"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_an_error_while_writing_leaves_the_old_report(tmp_path, monkeypatch):
    add(tmp_path, z_dim=2)
    old = [path.read_bytes() for path in write_report(tmp_path)]
    add(tmp_path, z_dim=5)
    names, opened = {path.name for path in tmp_path.iterdir()}, Path.open

    def full(path, mode="r", *args, **kwargs):
        if path.suffix == ".csv" and "w" in mode:
            with opened(path, mode) as file:
                file.write(b"name,noteb")
            raise OSError("no space left on device")
        return opened(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="no space"):
        write_report(tmp_path)
    assert [(tmp_path / f"report.{kind}").read_bytes() for kind in ("html", "csv")] == old
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.slow
def test_twenty_one_runs_with_large_pictures_fit_in_three_megabytes(tmp_path):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(256, size=(120, 120, 3), dtype="uint8")
    plt.imsave(file, noise, format="png")
    assert len(file.getvalue()) > 40_000  # more than chapter 6 makes
    for z_dim in range(1, 22):
        add(tmp_path, z_dim=z_dim, picture=file.getvalue(), metrics={"kl": 20.0 + z_dim})
    page, _ = write_report(tmp_path)
    assert page.stat().st_size < 3_000_000
