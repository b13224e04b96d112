"""Numbers in prose are what the kernel computes; an exercise that nobody solved is unsolved."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.helpers import mentions, refused
from tools import book, pairs, prose
from vae_lib.runs.freshness import FoundDigits

DIGITS = FoundDigits("small 5,000 digits", "small", "")

CHAPTER = """
# Title

**How much is it?**

```{code-cell}
floor = 45.5123
```

It is {eval}`f"{floor:.1f}"` nats, or {eval}`round(floor)`; half of it is {eval}`floor / 2`.

```{code-cell}
floor = 2
```

Now it is {eval}`floor`.

```{code-cell}
:tags: [exercise]
def double(x):
    STUB
```

```{code-cell}
:tags: [exercise-check]
from vae_lib.checks import attempt, check

def ex_1_1():
    check("(ex 1.1) double", double(2) == 4, f"{double(2)}")

attempt(ex_1_1)
```
"""


@pytest.fixture
def root(tmp_path):
    for folder in ("chapters", "vae_lib"):
        (tmp_path / folder).mkdir()
    (tmp_path / "uv.lock").touch()
    (tmp_path / "_config.yml").write_text("sphinx: {config: {pages_of_a_clone: {}}}\n")
    toc = "format: jb-book\nroot: index\nchapters:\n- file: chapters/01-one\n"
    (tmp_path / "_toc.yml").write_text(toc)
    return tmp_path


def run(root, stub):
    (root / "chapters/01-one.md").write_text(CHAPTER.replace("STUB", stub))
    pairs.sync(root / "chapters")
    return book.execute(root, DIGITS)["01-one"]


@pytest.mark.slow
def test_the_book_shows_the_numbers_that_the_kernel_computed_and_how_long_it_ran(root):
    result = run(root, 'raise NotImplementedError("return two times x")')
    seconds = book.read(result).metadata.run.seconds
    notebook = book.published(result)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert texts[1:] == [
        "It is 45.5 nats, or 46; half of it is 22.75615.",
        "Now it is 2.",
    ]
    ran = f'<p class="times">About 1 minutes to read. It ran in {seconds:.0f} seconds when'
    assert texts[0].startswith(f"# Title\n\n**How much is it?**\n\n{ran}")
    assert len([cell for cell in notebook.cells if cell.cell_type == "code"]) == 4
    assert "run" not in notebook.metadata


@pytest.mark.slow
def test_an_exercise_that_is_solved_already_stops_the_book(root, capfd):
    with refused(book.BookError, "01-one.ipynb", ".book/staging/"):
        run(root, "return 2 * x")
    said = capfd.readouterr().err.splitlines()
    assert any(mentions(line, "01-one.ipynb", "✓ (ex 1.1) double: 4") for line in said)


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("○ yours to write: return two times x\n", None),
        ("○ yours to write: \n", "○ yours to write:"),
        ("✗ (ex 1.1) double: 2\n", "✗ (ex 1.1) double: 2"),
        ("✓ one\n○ yours to write: the rest\n", "✓ one\n○ yours to write: the rest"),
        ("", "nothing"),
    ],
)
def test_an_empty_exercise_must_say_what_is_to_be_written_and_no_more(output, fault):
    cell = new_code_cell("", metadata={"tags": ["exercise-check"]})
    cell.outputs = [new_output("stream", text=output)]
    found = list(prose.solved_exercises(new_notebook(cells=[cell])))
    assert len(found) == (fault is not None)
    assert all(said.endswith(f": {fault}") for said in found)


def test_values_go_where_their_expressions_stood():
    text = new_markdown_cell('**Why?** {eval}`a` and {eval}`f"{b["c"]}"`')
    probed = prose.with_probes(new_notebook(cells=[text]))
    assert (
        probed.cells[1].source == """print(__import__('json').dumps([str(a), str(f"{b["c"]}")]))"""
    )
    nbformat.validate(probed)
    probed.cells[1].outputs = [new_output("stream", text='["\\\\1", "−2"]\n')]
    assert prose.settled(probed).cells[0].source == "**Why?** \\1 and −2"


def test_text_without_numbers_gets_no_probe():
    notebook = new_notebook(cells=[new_markdown_cell("`eval` {eq}`eq-1-1`"), new_code_cell("1")])
    assert prose.with_probes(notebook) == notebook


LONG = " ".join(["word"] * 130)
TWELVE = "\n".join(["x = 1", ""] * 12)


@pytest.mark.parametrize(
    ("cells", "minutes"),
    [
        ([new_markdown_cell(LONG)], 1),
        ([new_code_cell(TWELVE)], 1),
        ([new_code_cell(TWELVE, metadata={"tags": ["hide-input"]})], 0),
        ([new_code_cell("", metadata={"mystnb": {"figure": {"caption": LONG}}})], 1),
        ([new_markdown_cell(LONG), new_markdown_cell(f"## Exercises\n\n{LONG}")], 1),
        ([new_markdown_cell("## Exercises"), new_code_cell(TWELVE)], 0),
        ([new_markdown_cell(f"{LONG}\n\n## B (second reading)\n\n{LONG}")], 1),
        ([new_markdown_cell("## B (second reading)"), new_code_cell(TWELVE)], 0),
        ([new_markdown_cell(f"## B (second reading)\n\n{LONG}\n\n## C\n\n{LONG}")], 1),
        ([new_markdown_cell(f"## B (second reading)\n\n### C\n\n{LONG}")], 0),
        ([new_markdown_cell(f"### B (second reading)\n\n{LONG}\n\n## C\n\n{LONG}")], 1),
        (
            [
                new_markdown_cell("### B (second reading)"),
                new_code_cell(TWELVE),
                new_markdown_cell("### C"),
                new_code_cell(TWELVE),
            ],
            1,
        ),
    ],
)
def test_the_time_to_read_counts_the_main_text(cells, minutes):
    assert round(prose.reading_minutes(new_notebook(cells=cells)), 1) == minutes
