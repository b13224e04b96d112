"""Who sees a progress bar, who reads of it in a log, and who must not."""

import io
import sys

import nbformat
import pytest
import tqdm.std
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


def test_it_is_silent_in_a_log_unless_lines_are_asked_for(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    assert shown(3, False, monkeypatch) == ""


def logged(total, seconds, monkeypatch):
    """What a log has of work that takes so long, and is told of every second."""
    log, now = io.StringIO(), 0
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(tqdm.std, "time", lambda: now)
    with progress_bar(1), progress_bar(total, lines=True) as bar:  # a bar within another
        for now in range(1, seconds + 1):  # noqa: B007 (it is tqdm's clock)
            bar.update()
    return log.getvalue()


@pytest.mark.parametrize(
    ("total", "begins"),
    [
        (35, ["29% 10/35", "57% 20/35", "86% 30/35", "100% 35/35"]),
        (None, ["10it", "20it", "30it", "35it"]),
    ],
)
def test_it_is_a_line_every_ten_seconds_in_a_log(monkeypatch, total, begins):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    log = logged(total, 35, monkeypatch)
    assert log.replace("\n", "").isprintable()  # no control codes
    assert [line.partition(" [")[0] for line in log.splitlines()] == begins


def test_a_log_has_no_line_of_what_is_soon_done(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    assert logged(9, 9, monkeypatch) == ""


def test_a_log_has_no_line_where_bars_are_disabled(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert logged(35, 35, monkeypatch) == ""


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text):
        raise OSError(28, "No space left on device")


def test_a_full_disk_does_not_stop_the_work(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(io, "StringIO", Full)
    assert logged(35, 35, monkeypatch) == ""


def test_without_standard_error_it_is_silent(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", None)
    for lines in (False, True):
        with progress_bar(3, lines=lines) as bar:
            bar.update(1)


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
