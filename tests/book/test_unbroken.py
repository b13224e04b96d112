"""A formula, and the punctuation that must stay beside it, are one box."""

from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document

from _ext import unbroken

APP = SimpleNamespace(builder=SimpleNamespace(format="html"))


def joined(*parts):
    """A paragraph's parts behind the change, each box as a list."""
    document = new_document("page")
    paragraph = nodes.paragraph("", "", *parts)
    document += paragraph
    unbroken.join(APP, document, "page")
    return [
        [each.astext() for each in part] if isinstance(part, nodes.inline) else part.astext()
        for part in paragraph
    ]


def x():
    return nodes.math("x", "x")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([nodes.Text("For "), x(), nodes.Text(", so.")], ["For ", ["x", ","], " so."]),
        ([x(), nodes.Text(" so.")], ["x", " so."]),
        ([x(), nodes.Text("-th one")], [["x", "-th"], " one"]),
        ([nodes.Text("Two ("), x(), nodes.Text(").")], ["Two ", ["(", "x", ")."], ""]),
        ([nodes.Text("a"), x(), x(), nodes.Text(".")], ["a", "x", ["x", "."], ""]),
        (
            [x(), nodes.Text(", "), nodes.emphasis("", "b"), x(), nodes.Text(", ")],
            [["x", ","], " ", "b", ["x", ","], " "],
        ),
        ([x()], ["x"]),
    ],
)
def test_a_formula_and_its_punctuation_stay_together(parts, expected):
    assert joined(*parts) == expected
