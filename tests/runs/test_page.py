"""The page of one run: what a program showed, and nothing below its end."""

import nbformat
import pytest
from bs4 import BeautifulSoup

from tests.helpers import assert_says
from vae_lib.parameters import EndOfProgram
from vae_lib.runs.command_line import main

V4 = nbformat.v4


def ran(source, text="", error=None):
    """A code cell as papermill leaves it."""
    outputs = [V4.new_output("stream", text=text)] if text else []
    if error:
        outputs.append(V4.new_output("error", ename=error, evalue="the end", traceback=["the end"]))
    return V4.new_code_cell(source, execution_count=1, outputs=outputs)


@pytest.fixture
def write(tmp_path):
    """Write a notebook of some cells; return its path."""

    def write(*cells):
        path = tmp_path / "out.ipynb"
        nbformat.write(V4.new_notebook(cells=cells), path)
        return path

    return write


@pytest.mark.parametrize("end", [EndOfProgram.__name__, None], ids=["its end", "all of it"])
def test_the_page_has_text_and_outputs_no_code_and_ends_where_the_program_ended(write, end):
    notebook = write(
        V4.new_markdown_cell("(images)=\n# Images of your own"),
        ran("secret = 1", "the verdict"),
        ran("end_of_program()", "skipped", end),
        V4.new_markdown_cell("What convolution assumes"),
        V4.new_code_cell("convolve()"),
    )
    assert main(["page", str(notebook)]) == 0
    page = BeautifulSoup(notebook.with_suffix(".html").read_text("utf-8"), "html.parser")
    text = page.body.get_text()
    assert "Images of your own" in text
    assert "the verdict" in text
    assert ("skipped" in text) == (end is None)
    for absent in ("(images)=", "secret", "the end", "convolution", "convolve", "In [", "[1]"):
        assert absent not in text


@pytest.mark.parametrize(
    ("last", "is_said"),
    [
        (ran("train()", "one"), True),  # of a dead kernel there is no error
        (ran("train()", error="ValueError"), False),
        (ran("end_of_program()", error=EndOfProgram.__name__), False),
    ],
    ids=["killed", "an error", "its end"],
)
def test_a_page_says_where_its_run_was_killed(write, last, is_said):
    notebook = write(V4.new_markdown_cell("# Title"), last, V4.new_code_cell("judge()"))
    assert main(["page", str(notebook)]) == 0
    text = notebook.with_suffix(".html").read_text("utf-8")
    assert ("has not come to its end" in text) is is_said


@pytest.mark.parametrize("formula", ["$x^2$", ""])
def test_a_page_with_formulas_says_that_they_stay_tex(write, formula):
    notebook = write(V4.new_markdown_cell(f"# Title\n\nA formula: {formula}"), ran("1", "one"))
    assert main(["page", str(notebook)]) == 0
    text = notebook.with_suffix(".html").read_text("utf-8")
    assert ("as they are typed, in TeX" in text) is bool(formula)
    assert formula in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, ("cannot be read", "FileNotFoundError", "papermill")),
        ("{", ("cannot be read", "NotJSONError", "papermill")),
        ("{}", ("cannot be read", "papermill")),
        ("[]", ("cannot be read", "papermill")),
        ("\udcff", ("cannot be read", "papermill")),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_sentence(tmp_path, capsys, text, said):
    notebook = tmp_path / "out.ipynb"
    if text is not None:
        notebook.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert main(["page", str(notebook)]) == 2
    assert_says(capsys.readouterr().err, str(notebook), *said)
    assert not notebook.with_suffix(".html").exists()


def test_a_notebook_that_has_not_run_is_refused(write, capsys):
    assert main(["page", str(write(V4.new_code_cell("x = 1")))]) == 2
    assert_says(capsys.readouterr().err, "out.ipynb", "has not been run", "papermill")
