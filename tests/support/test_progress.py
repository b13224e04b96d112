"""Who sees a progress bar, and who must not."""

import io
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from vae_lib.support.progress import progress_bar


def shown(total, is_terminal, monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", stream)
    bar = progress_bar(total, desc="epochs")
    for epoch in range(3):
        bar.set_postfix_str(f"elbo -{epoch}")
        bar.update(1)
    bar.close()
    return stream.getvalue()


@pytest.mark.parametrize(("total", "count"), [(3, "3/3"), (None, "3it")])
def test_it_is_text_in_a_terminal(monkeypatch, total, count):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    text = shown(total, True, monkeypatch)
    assert text.startswith("\repochs")
    assert count in text
    assert "elbo -2" in text


def test_it_is_silent_in_a_log(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    assert shown(3, False, monkeypatch) == ""


def test_it_is_silent_where_the_book_is_built(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert shown(3, True, monkeypatch) == ""


@pytest.mark.slow
@pytest.mark.parametrize("disabled", ["", "1"])
def test_it_is_a_widget_in_a_notebook_unless_it_is_disabled(monkeypatch, disabled):
    monkeypatch.setenv("TQDM_DISABLE", disabled)
    code = "from vae_lib.support.progress import progress_bar\nprogress_bar(3).close()"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert len(outputs) == (0 if disabled else 1)
    assert all("application/vnd.jupyter.widget-view+json" in output.data for output in outputs)
