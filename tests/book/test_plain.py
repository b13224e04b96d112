"""Text for Colab: references as the page shows them, and nothing left of the book's markup."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.book.chapters import CHAPTERS
from tests.helpers import ROOT
from tools import plain

SITE = "https://example.org/book/"
REFERENCES = plain.References(
    figures={"fig-kl": "5.1"},
    sources={"a2014": ("Ada and Bo", "2014"), "c2016": ("Cy et al.", "2016")},
    site=SITE,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("By {eq}`eq-5-2`.", "By (5.2)."),
        ("See {ref}`ex-7-15`.", "See Exercise 7.15."),
        ("See {numref}`fig-kl`.", "See Fig. 5.1."),
        ("By {cite:t}`a2014`.", "By Ada and Bo (2014)."),
        ("So {cite:p}`a2014,c2016`.", "So (Ada and Bo, 2014; Cy et al., 2016)."),
        ("$$\nx\n$$ (eq-5-1)\n", "$$\nx \\tag{5.1}\n$$\n"),
        ("(loss)=\n# Loss", "# Loss"),
        ("[a](06-b.ipynb#c)", f"[a]({SITE}chapters/06-b.html#c)"),
        ("[a](../index.md#c)", f"[a]({SITE}index.html#c)"),
        ("[a](#c)", f"[a]({SITE}chapters/05-loss.html#c)"),
        ("[a](https://example.org/b.md)", "[a](https://example.org/b.md)"),
        ("$f(x)$ and `f(x)`, as typed", "$f(x)$ and `f(x)`, as typed"),
        (
            "```{exercise}\n:label: ex-5-1\nWhy?\n\nSay it.\n```\n",
            "**Exercise 5.1.** Why?\n\nSay it.\n\n",
        ),
        (
            "````{solution-start} ex-5-1\n:class: dropdown\n````\n\nSo.",
            "**Solution to Exercise 5.1.**\n\nSo.",
        ),
        ("````{solution-end}\n````\n", "\n"),
        (
            "````{admonition} Which?\n:class: tip\nThis:\n```python\nx\n```\n````",
            "**Which?**\n\nThis:\n```python\nx\n```\n",
        ),
    ],
)
def test_markup_becomes_what_the_page_shows(text, expected):
    assert plain.plain(text, "chapters/05-loss", REFERENCES) == expected


def test_figures_are_numbered_in_their_order():
    named = [{"mystnb": {"figure": {"name": name}}} for name in ("fig-a", "fig-b")]
    cells = [new_code_cell(metadata=metadata) for metadata in (named[0], {}, named[1])]
    found = dict(plain.figure_numbers("05-loss", new_notebook(cells=cells)))
    assert found == {"fig-a": "5.1", "fig-b": "5.2"}


def test_a_cell_that_only_ends_a_solution_is_left_out_and_code_stays():
    cells = [new_markdown_cell("````{solution-end}\n````"), new_code_cell("")]
    left = plain.without_markup(new_notebook(cells=cells), "chapters/05-loss", REFERENCES).cells
    assert [cell.cell_type for cell in left] == ["code"]


def test_authors_and_years_are_as_the_book_cites_them():
    found = plain.sources(ROOT / "references.bib")
    assert found["alemi2018fixing"] == ("Alemi et al.", "2018")
    assert found["cover2006elements"] == ("Cover and Thomas", "2006")


LEFT = re.compile(
    r"\{(?!eval)[a-z:]+\}`|^[`:]{3,}\{|^\([\w-]+\)=|^\$\$ \(|\]\((?!http)[^)\s]+\)", re.MULTILINE
)


def test_nothing_of_the_markup_is_left_in_any_chapter():
    chapters = {p.stem: nbformat.read(p.with_suffix(".ipynb"), 4) for p in CHAPTERS}
    numbers = {name: k for stem, n in chapters.items() for name, k in plain.figure_numbers(stem, n)}
    references = plain.References(numbers, plain.sources(ROOT / "references.bib"), SITE)
    left = [
        (stem, match[0])
        for stem, notebook in chapters.items()
        for cell in plain.without_markup(notebook, f"chapters/{stem}", references).cells
        if cell.cell_type == "markdown"
        for match in LEFT.finditer(cell.source)
    ]
    assert len(chapters) == 8
    assert left == []
