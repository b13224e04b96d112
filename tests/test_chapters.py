"""Each chapter keeps the contract that CONTRIBUTING.md describes."""

import importlib
import inspect
import re
from pathlib import Path

import jupytext
import pytest

CHAPTERS = sorted((Path(__file__).parents[1] / "chapters").glob("*.md"))
SECTIONS = ["What to remember", "Common mistakes", "Exercises", "Further reading"]


@pytest.fixture(scope="module", params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return Chapter(request.param)


class Chapter:
    def __init__(self, path):
        self.number, self.name = int(path.stem[:2]), path.stem[3:]
        self.cells = jupytext.read(path, fmt="md:myst").cells
        self.text = "\n".join(c.source for c in self.cells if c.cell_type == "markdown")
        self.code = [c for c in self.cells if c.cell_type == "code"]

    @property
    def checks(self):
        """The cells with a check in them."""
        return [c.source for c in self.code if "check(" in c.source]

    @property
    def solutions(self):
        return [c for c in self.code if "solution" in c.metadata.get("tags", [])]


def test_there_are_six_chapters():
    assert [path.stem for path in CHAPTERS] == [
        "01-theory",
        "02-encoder",
        "03-decoder",
        "04-reparameterization",
        "05-loss",
        "06-training",
    ]


def test_the_first_line_is_one_question(chapter):
    after_the_title = chapter.text.split("\n# ")[1].split("\n", 1)[1].strip()
    assert re.match(r"\*\*[A-Z][^*]*\?\*\*\n", after_the_title)


def test_it_ends_with_what_to_remember_mistakes_exercises_and_reading(chapter):
    assert re.findall(r"^## (.*)$", chapter.text, re.M)[-4:] == SECTIONS


def test_equations_are_labeled_by_chapter_and_count(chapter):
    labels = re.findall(r"\$\$ \((eq-[^)]*)\)", chapter.text)
    assert labels == [f"eq-{chapter.number}-{k}" for k in range(1, len(labels) + 1)]
    assert labels


def test_every_numbered_equation_is_named_by_a_check(chapter):
    count = len(re.findall(r"\$\$ \(eq-", chapter.text))
    checked = {
        int(k) for cell in chapter.checks for k in re.findall(rf"\({chapter.number}\.(\d+)\)", cell)
    }
    assert checked == set(range(1, count + 1))


def test_every_public_function_of_its_module_is_checked_in_it(chapter):
    if chapter.name == "theory":
        pytest.skip("the theory has no module: it is all by hand")
    module = importlib.import_module(f"vae_lib.{chapter.name}")
    public = [
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__
        and not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
    ]
    checked = "\n".join(chapter.checks)
    assert public
    assert [name for name in public if name not in checked] == []


def test_a_cell_that_is_meant_to_be_read_is_short(chapter):
    for cell in chapter.code:
        if "hide-input" not in cell.metadata.get("tags", []):
            assert len([line for line in cell.source.splitlines() if line.strip()]) <= 26, (
                cell.source
            )


def test_jupyterlab_folds_plotting_code_and_solutions(chapter):
    for cell in chapter.code:
        folded = {"hide-input", "solution"} & set(cell.metadata.get("tags", []))
        assert bool(folded) == cell.metadata.get("jupyter", {}).get("source_hidden", False)


def test_every_figure_has_a_caption_a_name_and_its_finding_in_words(chapter):
    figures = 0
    for cell, after in zip(chapter.cells, [*chapter.cells[1:], None], strict=True):
        settings = cell.metadata.get("mystnb", {})
        if "figure" in settings:
            figures += 1
            assert settings["figure"]["caption"].endswith(".")
            assert settings["figure"]["name"].startswith("fig-")
            assert len(settings["image"]["alt"]) > 60
            assert after.source.startswith("What to see: ")
            assert "hide-input" in cell.metadata["tags"]
    assert figures >= 2


def test_every_exercise_has_a_solution_that_runs_and_can_fail(chapter):
    exercises = re.findall(r":label: (ex-\S+)", chapter.text)
    assert exercises == [f"ex-{chapter.number}-{k}" for k in range(1, len(exercises) + 1)]
    assert len(exercises) >= 4
    solved = re.findall(r"\{solution-start\} (\S+)\n:class: dropdown", chapter.text)
    assert solved == exercises
    assert chapter.text.count("{solution-end}") == len(exercises)
    assert sum("check(" in cell.source for cell in chapter.solutions) >= len(exercises)


@pytest.mark.parametrize(
    "word",
    [r"simply", r"obviously", r"hyperparametri[sz]ation", r"reparametri[sz]", r"reparameteris",
     r"mini-batch", r"hand-written digit", r"colour", r"grey"],
)  # fmt: skip
def test_words_that_the_book_does_not_use(chapter, word):
    assert not re.search(word, chapter.text, re.I)
