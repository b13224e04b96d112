"""A quick notebook with the parameters of chapter 6, and how it is run many times."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil

from vae_lib.runs.sweep import plan, sweep

# Its h_dim can tell it to end badly.
RAISES, KILLS_THE_KERNEL, KILLS_PAPERMILL, MEMORY, SAYS_NOTHING, STAYS = range(1, 7)  # h_dim
ENDINGS = f"""\
import os, pathlib, signal, time
folder = pathlib.Path({{folder!r}})
(folder / f"{{{{os.getpid()}}}}.kernel").touch()
with open(folder / "log.txt", "a") as log:
    log.write(f"{{{{z_dim}}}} {{{{seed}}}}\\n")
if h_dim == {RAISES}:
    raise ValueError("no\\nsecond line")
if h_dim == {KILLS_THE_KERNEL}:
    os.kill(os.getpid(), signal.SIGKILL)
if h_dim == {KILLS_PAPERMILL}:
    os.kill(os.getppid(), signal.SIGKILL)
if h_dim == {MEMORY}:
    raise MemoryError
while h_dim in {{{{{KILLS_PAPERMILL}, {STAYS}}}}} and not (folder / "go").exists():
    time.sleep(0.05)
"""
NUMBERS = f"""\
import json, numpy as np
elbo = -100 - np.random.default_rng([z_dim, seed]).random()
if h_dim != {SAYS_NOTHING}:
    print(json.dumps(dict(elbo=elbo, active_units=z_dim, threads=os.environ["OMP_NUM_THREADS"])))
"""


def log(chapter):
    """What was run so far, each time it was run."""
    path = chapter.parent / "log.txt"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def go_on(chapter):
    """Let the runs that stay come to their end."""
    (chapter.parent / "go").touch()


def planned(chapter, **values):
    """Lay out runs of the quick notebook."""
    return plan({"data": ["small"]} | values, chapter.parent / "runs", chapter)


def swept(points, chapter, jobs=3):
    """Run them; return what became of each, by its name."""
    with ThreadPoolExecutor(jobs) as executor:
        results = [one for one in sweep(points, executor, chapter=chapter) if one]
    return {point.folder.name.removesuffix(",data=small"): outcome for point, outcome in results}


def kernels(chapter):
    """The kernels of its runs that have not ended."""
    ids = [int(path.stem) for path in chapter.parent.glob("*.kernel")]
    return [p for p in psutil.process_iter() if p.pid in ids and p.status() != "zombie"]


# What is begun in the background of a script ignores Ctrl-C, and what it begins does, too.
SCRIPT = """\
import functools, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import vae_lib.runs.command_line as program
for name in ("plan", "sweep"):
    function = functools.partial(getattr(program, name), chapter=pathlib.Path({chapter!r}))
    setattr(program, name, function)
sys.exit(program.main())
"""


def start(chapter, *words, script=SCRIPT, encoding="utf-8", **environment):
    """The command line, with another chapter, in an environment and a terminal of one's own."""
    return subprocess.Popen(
        [sys.executable, "-c", script.format(chapter=str(chapter)), "sweep", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding=encoding,
        cwd=chapter.parent,
        env=os.environ | {"VAE_LIB_MNIST": "small"} | environment,
    )
