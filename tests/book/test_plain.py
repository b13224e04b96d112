"""Text for Colab: references as the page shows them, and nothing left of the book's markup."""

import re
from functools import partial

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.helpers import ROOT
from tools import plain
from tools.chapters import sources

SITE = "https://example.org/book/"
REFERENCES = plain.References(
    figures={"fig-kl": "5.1"},
    sources={"a2014": ("Ada and Bo", "2014"), "c2016": ("Cy et al.", "2016")},
)
PAGE = "chapters/05-loss"


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
    assert plain.plain(text, PAGE, REFERENCES, SITE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("By {eq}`eq-5-2`.\n$$\nx\n$$ (eq-5-1)\n", "By (5.2).\n$$\nx \\tag{5.1}\n$$\n"),
        (
            "```{exercise}\n:label: ex-5-1\nWhy?\n```\n",
            "```{admonition} Exercise 5.1\n\nWhy?\n```\n",
        ),
        ("[a](06-b.ipynb#c) and {eval}`x`", "[a](06-b.ipynb#c) and {eval}`x`"),
        (
            "```{admonition} Which?\n:class: tip\nThis\n```",
            "```{admonition} Which?\n:class: tip\nThis\n```",
        ),
    ],
)
def test_jupyterlab_gets_the_books_numbers_and_keeps_its_boxes_and_links(text, expected):
    assert plain.numbered(text, REFERENCES) == expected


def test_figures_are_numbered_in_their_order():
    def page(*names):
        figures = [{"mystnb": {"figure": {"name": name}}} for name in names]
        cells = [new_code_cell(metadata=metadata) for metadata in ({}, *figures, {})]
        return new_notebook(cells=cells)

    pages = {"05-loss": page("a", "b"), "debugging": page("c"), "12-more": page("d")}
    found = dict(plain.figure_numbers(pages | {"benchmark": page("e")}))
    assert found == {"a": "5.1", "b": "5.2", "c": "1", "d": "12.1", "e": "2"}


def test_a_cell_that_only_ends_a_solution_is_left_out_and_code_stays():
    cells = [new_markdown_cell("````{solution-end}\n````"), new_code_cell("")]
    rewrite = partial(plain.plain, page=PAGE, references=REFERENCES, site=SITE)
    left = plain.rewritten(new_notebook(cells=cells), rewrite).cells
    assert [cell.cell_type for cell in left] == ["code"]


def test_authors_and_years_are_as_the_book_cites_them():
    found = plain.sources(ROOT / "references.bib")
    assert found["alemi2018fixing"] == ("Alemi et al.", "2018")
    assert found["cover2006elements"] == ("Cover and Thomas", "2006")


LEFT = re.compile(
    r"\{(?!eval)[a-z:]+\}`|^[`:]{3,}\{|^\([\w-]+\)=|^\$\$ \(|\]\((?!http)[^)\s]+\)", re.MULTILINE
)


def test_nothing_of_the_markup_is_left_in_any_chapter():
    paths = sources(ROOT / "chapters")
    chapters = {path.stem: nbformat.read(path.with_suffix(".ipynb"), 4) for path in paths}
    references = plain.references_of(chapters, ROOT / "references.bib")
    left = [
        (stem, match[0])
        for stem, notebook in chapters.items()
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for match in LEFT.finditer(plain.plain(cell.source, f"chapters/{stem}", references, SITE))
    ]
    assert len(chapters) >= 8
    assert left == []
