"""The pages behind the chapters answer, define and cite, and every link on them leads somewhere."""

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from importlib.resources import files

import jupytext
import pytest
from bs4 import BeautifulSoup
from mdit_py_plugins.anchors.index import slugify
from sphinx_external_toc.parsing import parse_toc_yaml

from tests.book.chapters import CHAPTERS, MEASURED
from tests.helpers import ROOT
from tools.chapters import sources

PAGES = [
    path
    for path in (ROOT / f"{page}.md" for page in parse_toc_yaml(ROOT / "_toc.yml"))
    if path not in CHAPTERS
]
ROLES = r"\{(eq|numref|ref|cite:[tp])\}`([^`]+)`"


@cache
def cells(path):
    return jupytext.read(path, fmt="md:myst").cells


@cache
def text(path):
    """All markdown of a page or a chapter."""
    if path.parent.name == "chapters":
        return "\n\n".join(c.source for c in cells(path) if c.cell_type == "markdown")
    return path.read_text("utf-8")


def everything():
    return "\n".join(text(path) for path in [*CHAPTERS, *PAGES])


def references(markdown):
    """Each role's name, with each of its targets."""
    return [(role, key) for role, keys in re.findall(ROLES, markdown) for key in keys.split(",")]


def headings(path):
    return re.findall(r"^#{1,3} (.*)$", text(path), re.M)


def sections(markdown, level):
    """Each heading of one level, with what stands below it up to the next heading."""
    parts = re.split(r"^(#+) (.*)$", markdown, flags=re.M)[1:]
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {title: body for marks, title, body in triples if len(marks) == level}


@pytest.fixture(scope="module")
def labels():
    """What each role may point to."""
    every = everything()
    paths = sources(ROOT / "chapters")
    settings = [cell.metadata.get("mystnb", {}) for path in paths for cell in cells(path)]
    entries = re.findall(r"^@\w+\{(.+),$", (ROOT / "references.bib").read_text("utf-8"), re.M)
    return {
        "eq": re.findall(r"\$\$ \((eq-\S+)\)", every),
        "numref": [s["figure"]["name"] for s in settings if "figure" in s],
        "ref": re.findall(r"^(?::label: (?=ex-)|\((?=\S+\)=$))([^\s)]+)", every, re.M),
        "cite:t": entries,
        "cite:p": entries,
    }


def test_a_label_names_one_thing_in_the_whole_book(labels):
    every = [label for role in ("eq", "numref", "ref") for label in labels[role]]
    assert [label for label, count in Counter(every).items() if count > 1] == []


@pytest.mark.parametrize("path", [*PAGES, *CHAPTERS], ids=lambda path: path.stem)
def test_every_reference_has_a_target(path, labels):
    assert [(role, key) for role, key in references(text(path)) if key not in labels[role]] == []


@pytest.mark.parametrize("path", [*PAGES, *CHAPTERS], ids=lambda path: path.stem)
def test_every_link_has_a_target(path):
    for address in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text(path)):
        name, _, place = address.partition("#")
        target = (path.parent / name).with_suffix(".md") if name else path
        if name == "front.png":
            continue  # the book's build takes it out of a chapter
        assert target.is_file(), address
        assert not place or place in map(slugify, headings(target)), address


def test_the_table_of_contents_has_every_page():
    pages = {ROOT / f"{page}.md" for page in parse_toc_yaml(ROOT / "_toc.yml")}
    about_the_clone = {ROOT / name for name in ("README.md", "CONTRIBUTING.md")}
    assert pages == {*ROOT.glob("*.md"), *ROOT.glob("chapters/*.md")} - about_the_clone


# Questions


def test_each_of_many_questions_is_answered_briefly_and_points_to_the_proof():
    answers = sections(text(ROOT / "questions.md"), level=3)
    assert len(answers) >= 20
    for question, answer in answers.items():
        assert "?" in question
        assert re.search(ROLES + r"|\]\(chapters/", answer), question
        assert len(answer.split()) <= 100, question


@pytest.mark.parametrize("name", ["index", "questions", "glossary"])
def test_no_measured_number_is_typed(name):
    prose = re.sub(r"\]\([^)]*\)|`[^`]*`", "", (ROOT / f"{name}.md").read_text("utf-8"))
    prose = prose.replace("Python 3.11, 3.12 or 3.13", "").replace("CC BY 4.0", "")
    assert MEASURED.findall(prose) == []


# Glossary


@pytest.fixture(scope="module")
def glossary():
    """Each entry's terms, and its paragraphs."""
    body = re.search(r"```\{glossary\}\n(.*?)\n```", text(ROOT / "glossary.md"), re.S)[1]
    entries = re.findall(r"^((?:\S.*\n)+)((?:(?:  .*)?(?:\n|$))+)", body, re.M)
    return [
        (terms.splitlines(), [p.strip() for p in below.split("\n\n") if p.strip()])
        for terms, below in entries
    ]


def test_a_definition_is_short_and_plain_and_says_where_the_term_comes_from(glossary):
    assert len(glossary) >= 40
    for terms, paragraphs in glossary:
        definition, source = paragraphs
        assert definition.endswith("."), terms
        assert len(definition) < 250, terms
        assert not re.search(r"[$`*]|\]\(", definition), terms  # a link's title is plain text
        assert re.match(r"\[\w+( \d+)?\]\(", source), terms


def test_terms_are_unique_and_in_order(glossary):
    terms = [term.lower() for terms, _ in glossary for term in terms]
    assert len(set(terms)) == len(terms)
    first = [terms[0].lower() for terms, _ in glossary]
    assert first == sorted(first)


def spoken(markdown):
    """The words of a text, with one space between."""
    return " ".join(re.findall(r"\w+", markdown.lower()))


def test_every_term_is_used(glossary):
    pages = [*CHAPTERS, *(path for path in PAGES if path.stem != "glossary")]
    words = " ".join(spoken(text(path)) for path in pages)
    names = [[spoken(re.sub(r" \(.*", "", term)) for term in terms] for terms, _ in glossary]
    used = [any(re.search(rf"\b{name}s?\b", words) for name in each) for each in names]
    assert [each for each, is_used in zip(names, used, strict=True) if not is_used] == []


# Notation


def names_in(source):
    """The names that a source uses or defines."""
    nodes = ast.walk(ast.parse(source))
    return {getattr(node, kind, None) for node in nodes for kind in ("id", "arg", "name")}


def names_below(folder):
    """The names in all modules below a folder."""
    return set().union(*(names_in(p.read_text("utf-8")) for p in folder.rglob("*.py")))


def test_a_name_in_a_folder_is_found(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/module.py").write_text("def outer(inner): ...")
    assert names_below(tmp_path) == {"outer", "inner", None}


def test_the_names_in_the_code_are_in_the_code():
    code = ["\n".join(c.source for c in cells(p) if c.cell_type == "code") for p in CHAPTERS]
    names = names_below(ROOT / "vae_lib").union(*map(names_in, code))
    cell = r"[^|\n]*\|"
    third = re.findall(rf"^\|{cell}{cell}({cell})", text(ROOT / "notation.md"), re.M)
    written = {name for code in third for name in re.findall(r"(?<!})`(\w+)", code)}
    assert len(written) > 20
    assert written - names == set()


# Bibliography


def test_the_bibliography_has_what_is_cited_and_nothing_else(labels):
    cited = {key for role, key in references(everything()) if role.startswith("cite")}
    assert sorted(labels["cite:t"]) == sorted(cited)


def test_an_entry_says_who_what_where_and_when():
    entries = re.split(r"^@", (ROOT / "references.bib").read_text("utf-8"), flags=re.M)[1:]
    for entry in entries:
        key = re.match(r"\w+\{(.+),", entry)[1]
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry, re.M))
        assert {"author", "title", "year"} <= set(fields), key
        assert {"journal", "booktitle", "publisher"} & set(fields), key
        assert fields["year"] in key, key


# Terms show their definition where they are first used


PAGE = """
# The *prior*

[A *prior*](#the-prior) and `prior`: two *priors*, another prior and an aggregate posterior.
The re-posterior is no posterior. A ray's evidence lower bound is its ELBO.

> **Prior** again.

$prior$
"""

DEFINITIONS = """
# Glossary

```{glossary}
prior
  What comes <before> all & each.

  [There](#glossary)

posterior
  What comes after.

aggregate posterior
  The prior, in the end.

ELBO
evidence lower bound
  A bound.

evidence
  What is integrated.
```
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    source = tmp_path_factory.mktemp("book")
    (source / "conf.py").write_text(
        f"import sys; sys.path.append({str(ROOT / '_ext')!r})\n"
        "extensions = ['myst_parser', 'terms']; myst_heading_anchors = 3\n"
        "myst_enable_extensions = ['dollarmath']; root_doc = 'one/page'\n"
    )
    (source / "one").mkdir()
    (source / "one/page.md").write_text(PAGE)
    (source / "glossary.md").write_text("---\norphan: true\n---\n" + DEFINITIONS)
    subprocess.run(
        [sys.executable, "-B", "-m", "sphinx", "-q", "-b", "html", source, source / "out"],
        check=True,
    )
    pages = [source / "out" / name for name in ("one/page.html", "glossary.html")]
    return {page.stem: BeautifulSoup(page.read_text("utf-8"), "html.parser") for page in pages}


def test_the_first_use_of_a_term_is_a_link_with_its_definition(built):
    links = built["page"].select("a.term")
    assert [link.get_text() for link in links] == [
        "priors",
        "aggregate posterior",
        "posterior",
        "evidence lower bound",
    ]
    assert [link["title"] for link in links] == [
        "What comes <before> all & each.",
        "The prior, in the end.",
        "What comes after.",
        "A bound.",
    ]
    anchors = {tag["id"] for tag in built["glossary"].find_all(id=True)}
    for link in links:
        path, _, anchor = link["href"].partition("#")
        assert path == "../glossary.html"
        assert anchor in anchors
    assert links[2].previous_sibling.endswith("no ")  # and not the one in re-posterior


def test_marking_terms_changes_no_word(built):
    words = " ".join(built["page"].select_one("section").get_text().split())
    assert "A prior and prior: two priors, another prior and an aggregate posterior." in words
    assert "The re-posterior is no posterior. A ray’s evidence lower bound is its ELBO." in words


def test_the_glossary_itself_is_not_marked(built):
    assert built["glossary"].select("a.term") == []


def test_the_theme_brings_the_tooltips_that_terms_js_uses():
    scripts = files("pydata_sphinx_theme") / "theme/pydata_sphinx_theme/static/scripts"
    assert "window.bootstrap=" in (scripts / "bootstrap.js").read_text("utf-8")
    assert "new bootstrap.Tooltip" in (ROOT / "_static/terms.js").read_text("utf-8")
