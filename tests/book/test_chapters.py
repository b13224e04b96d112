"""Each chapter keeps the contract that CONTRIBUTING.md describes."""

import ast
import importlib
import inspect
import re
from collections import defaultdict

import jupytext
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from tests.book.chapters import CHAPTERS, MEASURED
from tests.helpers import ROOT
from tools.chapters import read_source, sources
from tools.prose import reading_minutes
from vae_lib.runs.notebook import is_tagged

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

    def checks_of_equations(self):
        """The calls of `check` that are led by an equation's number, with the numbers."""
        for cell in self.code:
            for call in ast.walk(ast.parse(cell.source)):
                if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "check":
                    name = ast.unparse(call.args[0]).lstrip("f").strip("'\"")
                    if name.startswith(f"({self.number}."):
                        found = re.findall(rf"\({self.number}\.(\d+)\)", name)
                        yield [int(k) for k in found], call

    def cells_of_exercise(self, name):
        """The cells from an exercise's text to the end of its solution."""
        begin = next(i for i, c in enumerate(self.cells) if f":label: {name}\n" in c.source)
        end = next(
            i for i in range(begin + 1, len(self.cells)) if "{solution-end}" in self.cells[i].source
        )
        return [c for c in self.cells[begin:end] if c.cell_type == "code"]


def test_the_chapters_are_numbered_as_in_the_plan_of_the_book():
    assert [path.stem for path in CHAPTERS] == [
        "01-theory",
        "02-encoder",
        "03-decoder",
        "04-reparameterization",
        "05-loss",
        "06-training",
        "07-latent-space",
        "08-evaluation",
        "09-rate-distortion",
        "10-images",
        "11-uses",
        "12-tighter-bounds",
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


def test_every_numbered_equation_has_a_check_that_rejects_a_mistake(chapter):
    """That each mistake is rejected is seen when the chapter runs: else `check` stops it."""
    count = len(re.findall(r"\$\$ \(eq-", chapter.text))
    checks = list(chapter.checks_of_equations())
    assert {k for numbers, _ in checks for k in numbers} == set(range(1, count + 1))
    assert [numbers for numbers, call in checks if not rejects_a_mistake(call)] == []


def rejects_a_mistake(call):
    """Whether the call of `check` has a mistake written out, for each wrong formula of it."""
    return any(
        keyword.arg == "rejects" and getattr(keyword.value, "keys", True)
        for keyword in call.keywords
    )


def test_every_public_function_of_its_module_is_checked_in_it(chapter):
    if chapter.name == "theory":
        pytest.skip("the theory has no module: it is all by hand")
    module = importlib.import_module(f"vae_lib.{chapter.name.replace('-', '_')}")
    public = [
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__
        and not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
    ]
    checked = "\n".join(chapter.checks)
    assert public
    assert [name for name in public if not re.search(rf"\b{name}\b", checked)] == []


def test_a_cell_that_is_meant_to_be_read_is_short(chapter):
    for cell in chapter.code:
        if "hide-input" not in cell.metadata.get("tags", []):
            assert len([line for line in cell.source.splitlines() if line.strip()]) <= 26, (
                cell.source
            )


@pytest.mark.parametrize("path", sources(ROOT / "chapters"), ids=lambda path: path.stem)
def test_its_main_text_is_read_in_one_sitting(path):
    assert reading_minutes(read_source(path)) <= 45


SECTION = re.compile(r"^## .*|^```+\{exercise\}\n:label: \S+", re.MULTILINE)
OF_ITS_CELL = {"figure", "axes", "ax", "_"}  # a cell makes its own, and no other one reads it


def assigned(node):
    """The names that code binds at the top level: not those within functions and classes."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif not isinstance(node, ast.Lambda | ast.comprehension | ast.ListComp | ast.DictComp
                        | ast.SetComp | ast.GeneratorExp):  # fmt: skip
        for child in ast.iter_child_nodes(node):
            yield from assigned(child)


def sections_of_names(cells):
    """For each name the sections, exercises among them, that assign it."""
    section, found = "", defaultdict(list)
    for cell in cells:
        if cell.cell_type == "markdown":
            section = [section, *SECTION.findall(cell.source)][-1]
        else:
            for name in set(assigned(ast.parse(cell.source))) - OF_ITS_CELL:
                found[name] += [section] * (section not in found[name])
    return found


def test_names_are_found_where_they_are_bound():
    code = "a, (b, c) = 1, (2, 3)\nfor d in range(3):\n    e = [f for f in [1]]\nh.i = j[0] = 2"
    cells = [new_markdown_cell("# A\n\n## B"), new_code_cell(code), new_markdown_cell("### C")]
    cells += [new_code_cell("def k(x):\n    y = x\na = 2"), new_markdown_cell("## D\n\nText")]
    cells += [new_code_cell("a += 1\nwith open(f) as m:\n    figure = 1\ndel a")]
    found = sections_of_names(cells)
    assert {name for name, sections in found.items() if sections == ["## B"]} == set("bcdek")
    assert {name for name, sections in found.items() if sections == ["## D"]} == {"m"}
    assert found["a"] == ["## B", "## D"]


@pytest.mark.parametrize("path", sources(ROOT / "chapters"), ids=lambda path: path.stem)
def test_no_section_assigns_a_name_that_another_one_assigned(path):
    """So a cell that is run again, whatever ran in between, finds what it found before."""
    names = sections_of_names(read_source(path).cells)
    assert {name: where for name, where in names.items() if len(where) > 1} == {}


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
            assert re.match(r"[A-Z].*\.", after.source)  # a sentence on what to see
            assert "hide-input" in cell.metadata["tags"]
    assert figures >= 2


def test_every_exercise_has_a_solution_that_runs_and_can_fail(chapter):
    exercises = re.findall(r":label: (ex-\S+)", chapter.text)
    assert exercises == [f"ex-{chapter.number}-{k}" for k in range(1, len(exercises) + 1)]
    solved = re.findall(r"\{solution-start\} (\S+)\n:class: dropdown", chapter.text)
    assert solved == exercises
    assert chapter.text.count("{solution-end}") == len(exercises)
    for name in exercises:
        cells = chapter.cells_of_exercise(name)
        (solution, *_) = [c for c in cells if is_tagged(c, "solution")]
        assert any("check(" in c.source for c in cells if not is_tagged(c, "exercise"))
        assert solution.metadata["jupyter"]["source_hidden"]


def test_what_the_reader_writes_is_checked_by_an_assertion_that_its_solution_passes(chapter):
    """What the empty cell and the solution print is seen when the chapter runs."""
    exercises = re.findall(r":label: (ex-\S+)", chapter.text)
    with_code = 0
    for name in exercises:
        cells = chapter.cells_of_exercise(name)
        stubs = [c for c in cells if is_tagged(c, "exercise")]
        checks = [c for c in cells if is_tagged(c, "exercise-check")]
        assert len(stubs) == len(checks) <= 1
        if stubs:
            with_code += 1
            function = name.replace("-", "_")
            assert re.search(r'raise NotImplementedError\(\s*f?"\w', stubs[0].source)
            assert f"def {function}():" in checks[0].source
            assert f"\nattempt({function})" in checks[0].source
            assert f"(ex {name[3:].replace('-', '.')})" in checks[0].source
            solutions = [c.source for c in cells if is_tagged(c, "solution")]
            assert re.search(rf"^{function}\(\)$", "\n".join(solutions), re.M)
            order = [cells.index(stubs[0]), cells.index(checks[0])]
            assert order == sorted(order)
            assert order[1] < min(i for i, c in enumerate(cells) if is_tagged(c, "solution"))
    assert with_code >= 4


@pytest.mark.parametrize("path", sources(ROOT / "chapters"), ids=lambda path: path.stem)
def test_xla_is_asked_for_only_where_there_is_one(path):
    """As `compiled` and `has_xla` do: a reader's TensorFlow may bring no compiler."""
    code = [c.source for c in read_source(path).cells if c.cell_type == "code"]
    assert code
    assert [source for source in code if re.search(r"jit_compile\W+True", source)] == []


def prose(chapter):
    """All that is read as text, without code, computed numbers and what is not shown."""
    for cell in chapter.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"^```\w.*?^```$", "", cell.source, flags=re.M | re.S)  # not directives
            text = re.sub(r"^:\w+:.*$", "", text, flags=re.M)
            yield re.sub(r"\]\([^)]*\)|`[^`]*`", "", text)
        settings = cell.metadata.get("mystnb", {})
        yield settings.get("figure", {}).get("caption", "")
        yield settings.get("image", {}).get("alt", "")


def test_no_measured_number_is_typed(chapter):
    assert {match for text in prose(chapter) for match in MEASURED.findall(text)} == set()


@pytest.mark.parametrize(
    "word",
    [r"simply", r"obviously", r"hyperparametri[sz]ation", r"reparametri[sz]", r"reparameteris",
     r"mini-batch", r"hand-written digit", r"colour", r"grey"],
)  # fmt: skip
def test_words_that_the_book_does_not_use(chapter, word):
    assert not re.search(word, chapter.text, re.I)
