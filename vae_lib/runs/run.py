"""One run of a notebook by papermill, in a process of its own, whatever becomes of it.

`run` starts `python -m vae_lib.runs.run FOLDER` and waits. It takes and returns plain data, so that
another machine can do it.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import nbformat

from vae_lib.runs.freshness import library_digest
from vae_lib.runs.notebook import is_tagged, printed
from vae_lib.support.graphs import shared_graphs

METRICS_TAG = "metrics"  # the tag of the cell that prints a run's numbers as JSON
VERSIONS = ("tensorflow", "keras", "numpy", "vae-lib")

_running: set[subprocess.Popen[bytes]] = set()
_stopping = threading.Event()


class Job(NamedTuple):
    """What to run.

    Attributes:
        notebook: the notebook as text.
        parameters: by name.
        library: the `library_digest` of whoever wants it run.
        threads: that it may compute with.
    """

    notebook: str
    parameters: dict[str, Any]
    library: str
    threads: int


class Outcome(NamedTuple):
    """What became of it.

    Attributes:
        notebook: as text, as far as it ran; None where nothing was written.
        metrics: what it printed, with versions and times; None where it failed.
        cell: the number of the code cell in which it failed; None where none had begun.
        error: why it failed, in one line; None where it did not.
    """

    notebook: str | None
    metrics: dict[str, Any] | None = None
    cell: int | None = None
    error: str | None = None


def run(job: Job) -> Outcome:
    """Run a notebook, and once more where its kernel did not start."""
    if library_digest() != job.library:
        return Outcome(None, error="vae_lib or uv.lock has changed, or differs where this ran")
    outcome = _run_once(job)
    if outcome.error and outcome.cell is None and not _stopping.is_set():
        outcome = _run_once(job)  # kernels race for ports
    return outcome


@contextmanager
def stopping() -> Iterator[None]:
    """End the runs of this process, so that each returns what it has; in the block none begins."""
    _stopping.set()
    for process in tuple(_running):
        process.terminate()
    try:
        yield
    finally:
        _stopping.clear()


def notebook_environment(folder: Path) -> dict[str, str]:
    """Make an environment in which a notebook runs alike for everyone."""
    kept = {k: v for k, v in os.environ.items() if k not in {"JUPYTER_PATH", "MPLBACKEND"}}
    return kept | {
        "TQDM_DISABLE": "1",  # no progress bars on the page
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not the user's
        "IPYTHONDIR": str(folder / "ipython"),  # no start-up files of the user's
    }


def _run_once(job: Job) -> Outcome:
    # What is left of a kernel that was killed may still be writing: then the folder stays.
    with tempfile.TemporaryDirectory(prefix="vae-run-", ignore_cleanup_errors=True) as name:
        folder, start = Path(name), time.perf_counter()
        (folder / "original.ipynb").write_text(job.notebook, "utf-8")
        (folder / "parameters.json").write_text(json.dumps(job.parameters), "utf-8")
        graphs = shared_graphs(f"{job.library} {job.threads}")
        threads = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"), str(job.threads))
        with (folder / "errors.txt").open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 (ourselves)
                [sys.executable, "-m", "vae_lib.runs.run", folder],
                stdin=subprocess.PIPE,  # closes when we end, however we end
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=notebook_environment(folder) | threads | graphs,
                start_new_session=True,  # Ctrl-C is for us; see stopping
            )
        _running.add(process)
        if _stopping.is_set():  # since the process was begun
            process.terminate()
        try:
            code = process.wait()
        finally:
            _running.discard(process)
            process.kill()
            process.communicate()
        return _outcome(folder, code, time.perf_counter() - start)


def _outcome(folder: Path, code: int, seconds: float) -> Outcome:
    """Read what a process left in its folder."""
    notebook = cells = None
    with suppress(OSError, nbformat.reader.NotJSONError):  # never written, or killed in mid-write
        notebook = nbformat.read(folder / "executed.ipynb", as_version=4)
        cells = [c for c in notebook.cells if c.cell_type == "code" and c.source]
    text = nbformat.writes(notebook) if notebook else None
    if code == 0 and cells:
        metrics = _printed_metrics(cells)
        if metrics is None:
            error = f"no cell with the tag '{METRICS_TAG}' printed JSON"
            return Outcome(text, None, len(cells), error)
        return Outcome(text, metrics | {"seconds": seconds, "versions": _versions()})
    begun = [i for i, c in enumerate(cells or [], 1) if c.metadata.papermill.start_time]
    return Outcome(text, None, begun[-1] if begun else None, _reason(folder, code))


def _printed_metrics(cells: list[Any]) -> dict[str, Any] | None:
    for cell in cells:
        if is_tagged(cell, METRICS_TAG):
            with suppress(ValueError):
                metrics = json.loads(printed(cell))
                return metrics if isinstance(metrics, dict) else None
    return None


def _versions() -> dict[str, str]:
    return {"python": python_version()} | {name: version(name) for name in VERSIONS}


def _reason(folder: Path, code: int) -> str:
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    said = (folder / "errors.txt").read_text("utf-8", errors="replace").split("\n")
    return next((line for line in reversed(said) if line.strip()), f"exit status {code}")


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing comes; it returns when the parent ends
    os._exit(1)  # and the kernel ends with us


def main(folder: Path) -> None:
    """Run the notebook in a folder with the parameters beside it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import papermill
    from nbclient.exceptions import DeadKernelError

    parameters: Mapping[str, Any] = json.loads((folder / "parameters.json").read_text("utf-8"))
    try:
        papermill.execute_notebook(
            folder / "original.ipynb",
            folder / "executed.ipynb",
            parameters,
            kernel_name="python3",
            progress_bar=False,
            cwd=folder,
        )
    except papermill.PapermillExecutionError as failed:
        sys.exit(f"{failed.ename}: {failed.evalue}".splitlines()[0])
    except DeadKernelError:
        sys.exit("its kernel died: something killed it, or memory ran out")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
