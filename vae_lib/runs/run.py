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
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import nbformat

from vae_lib.runs.freshness import library_digest
from vae_lib.runs.notebook import is_tagged, printed
from vae_lib.support.alone import end_with_parent
from vae_lib.support.graphs import shared_graphs
from vae_lib.support.handover import PLACE

METRICS_TAG = "metrics"  # the tag of the cell that prints a run's numbers as JSON
VERSIONS = ("tensorflow", "keras", "numpy", "vae-lib")

HANDED_OVER = "handed-over.keras"  # in the folder of a run while it runs
LOOK = 1  # seconds after which a run asks again whether it is wanted
RAN_WITH_TAG = "ran-with"  # the tag of a cell of ours, which says what a run's parameters were
RAN_WITH = """\
import json as _json
print(_json.dumps({{name: globals().get(name) for name in {names}}}, default=repr))
"""

_running: dict[subprocess.Popen[bytes], str] = {}  # and the name of its sweep
_stopped: set[str] = set()  # names of sweeps


class Job(NamedTuple):
    """What to run.

    Attributes:
        notebook: the notebook as text.
        parameters: by name.
        library: the `library_digest` of whoever wants it run.
        threads: that it may compute with.
        sweep: the name by which `stop` knows it.
    """

    notebook: str
    parameters: dict[str, Any]
    library: str
    threads: int
    sweep: str = ""


class Outcome(NamedTuple):
    """What became of it.

    Attributes:
        notebook: as text, as far as it ran; None where nothing was written.
        metrics: what it printed, with versions and times; None where it failed.
        cell: the number of the code cell in which it failed; None where none had begun.
        error: why it failed, in one line; None where it did not.
        model: what it handed over, as Keras saves it; None where it did not, or failed.
    """

    notebook: str | None
    metrics: dict[str, Any] | None = None
    cell: int | None = None
    error: str | None = None
    model: bytes | None = None


NOT_BEGUN = Outcome(None, error="its sweep was stopped before it began")


def run(job: Job) -> Outcome:
    """Run a notebook, and once more where its kernel did not start."""
    if job.sweep in _stopped:
        return NOT_BEGUN
    if library_digest() != job.library:
        return Outcome(None, error="vae_lib or its packages have changed, or differ where this ran")
    outcome = _run_once(job)
    if outcome.error and outcome.cell is None and job.sweep not in _stopped:
        outcome = _run_once(job)  # kernels race for ports
    return outcome


def stop(sweep: str) -> int:
    """End a sweep's runs in this process, so that each returns what it has; no other begins.

    Returns:
        How many there were.
    """
    _stopped.add(sweep)
    ended = [process for process, name in tuple(_running.items()) if name == sweep]
    for process in ended:
        process.terminate()
    return len(ended)


def _wanted() -> Callable[[], bool]:
    """Make a function that tells whether the run of this thread still has somebody to return to.

    On a worker of Dask's it has nobody when its task was canceled, as where the sweep was killed,
    or when the worker is closing: Dask itself ends no thread.
    """
    if "distributed" not in sys.modules:
        return lambda: True
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # this is none
        return lambda: True
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        closing = worker.status.name in {"closing", "closed", "failed"}
        return task is not None and task.state != "cancelled" and not closing

    return wanted


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait until a process ends, and end it when nobody wants it any more."""
    wanted = _wanted()
    while True:
        try:
            return process.wait(LOOK)
        except subprocess.TimeoutExpired:
            if not wanted():
                process.terminate()


def notebook_environment(folder: Path) -> dict[str, str]:
    """Make an environment in which a notebook runs alike for everyone."""
    kept = {k: v for k, v in os.environ.items() if k not in {"JUPYTER_PATH", "MPLBACKEND"}}
    return kept | {
        "TQDM_DISABLE": "1",  # no progress bars on the page
        # Runs share a GPU, of which TensorFlow would give all memory to the first.
        "TF_FORCE_GPU_ALLOW_GROWTH": os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "true"),
        "PYTHONIOENCODING": "utf-8",  # whatever the terminal's is
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not the user's
        "IPYTHONDIR": str(folder / "ipython"),  # no start-up files of the user's
    }


def _run_once(job: Job) -> Outcome:
    # What is left of a kernel that was killed may still be writing: then the folder stays.
    with tempfile.TemporaryDirectory(prefix="vae-run-", ignore_cleanup_errors=True) as name:
        folder, start = Path(name), time.perf_counter()
        nbformat.write(_asked_what_it_ran_with(job), folder / "original.ipynb")
        (folder / "parameters.json").write_text(json.dumps(job.parameters), "utf-8")
        graphs = shared_graphs(f"{job.library} {job.threads}")
        place = {PLACE: str(folder / HANDED_OVER)}
        threads = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"), str(job.threads))
        with (folder / "errors.txt").open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 (ourselves)
                [sys.executable, "-m", "vae_lib.runs.run", folder],
                stdin=subprocess.PIPE,  # closes when we end, however we end
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=notebook_environment(folder) | threads | graphs | place,
                start_new_session=True,  # Ctrl-C is for us; see stopping
            )
        _running[process] = job.sweep
        if job.sweep in _stopped:  # since the process was begun
            process.terminate()
        try:
            code = _wait(process)
        finally:
            del _running[process]
            process.kill()
            process.communicate()
        return _outcome(folder, job, code, time.perf_counter() - start)


def _asked_what_it_ran_with(job: Job) -> Any:
    """Return the notebook with a cell after its numbers, which prints its parameters."""
    notebook = nbformat.v4.upgrade(nbformat.reads(job.notebook, as_version=4))
    after = [i for i, cell in enumerate(notebook.cells, 1) if is_tagged(cell, METRICS_TAG)]
    if after:
        source = RAN_WITH.format(names=list(job.parameters))
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": [RAN_WITH_TAG]})
        notebook.cells.insert(after[0], cell)
    return notebook


def _otherwise(cells: list[Any], asked: Mapping[str, Any]) -> str | None:
    """Say which parameters a notebook ran with, where they are not those asked for."""
    ran = json.loads(printed(cells[0])) if cells else {}
    others = [name for name in asked if ran.get(name) != asked[name]]
    return "; ".join(f"{n} was {ran.get(n)!r}, and not {asked[n]!r} as asked for" for n in others)


def _outcome(folder: Path, job: Job, code: int, seconds: float) -> Outcome:
    """Read what a process left in its folder."""
    notebook = cells = None
    ours: list[Any] = []
    with suppress(OSError, nbformat.reader.NotJSONError):  # never written, or killed in mid-write
        notebook = nbformat.read(folder / "executed.ipynb", as_version=4)
        ours = [c for c in notebook.cells if is_tagged(c, RAN_WITH_TAG)]
        notebook.cells = [c for c in notebook.cells if c not in ours]
        cells = [c for c in notebook.cells if c.cell_type == "code" and c.source]
    text = nbformat.writes(notebook) if notebook else None
    if code == 0 and cells:
        metrics = _printed_metrics(cells)
        if metrics is None:
            error = f"no cell with the tag '{METRICS_TAG}' printed JSON"
            return Outcome(text, None, len(cells), error)
        if others := _otherwise(ours, job.parameters):
            return Outcome(text, None, len(cells), others)
        numbers = metrics | {"seconds": seconds, "versions": _versions()}
        return Outcome(text, numbers, model=_handed_over(folder))
    begun = [i for i, c in enumerate(cells or [], 1) if c.metadata.papermill.start_time]
    return Outcome(text, None, begun[-1] if begun else None, _reason(folder, code))


def _handed_over(folder: Path) -> bytes | None:
    """Return the model of a run that has come to its end: then it was written to its end, too."""
    with suppress(FileNotFoundError):
        return (folder / HANDED_OVER).read_bytes()
    return None


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


def main(folder: Path) -> None:
    """Run the notebook in a folder with the parameters beside it."""
    end_with_parent()  # and the kernel with it
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
