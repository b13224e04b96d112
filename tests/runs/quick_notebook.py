"""Quick notebooks with the parameters of chapters, and how they are run many times."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import psutil

from vae_lib.runs.chapters import TRAINING
from vae_lib.runs.sweep import plan, sweep

# Its h_dim can tell it to end badly.
RAISES, KILLS_THE_KERNEL, KILLS_PAPERMILL, MEMORY, SAYS_NOTHING, STAYS = range(1, 7)  # h_dim
DIES_WHILE_SAVING, STAYS_WHILE_SAVING, RAISES_AFTER_SAVING = range(7, 10)  # h_dim
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


# For the cell with the numbers, to hand over what behaves as a model does. Chapter 10 has no h_dim.
MODEL = f"""
import os, pathlib, signal, time
from vae_lib.support.handover import hand_over
ending = globals().get("h_dim")
class Model:
    def save(self, path):
        text = f"the model of z_dim={{z_dim}}, seed={{seed}}"
        with open(path, "w") as file:
            file.write(text[:5])
            file.flush()
            if ending == {DIES_WHILE_SAVING}:
                os.kill(os.getpid(), signal.SIGKILL)
            if ending == {STAYS_WHILE_SAVING}:
                (folder / "saving").touch()
            while ending == {STAYS_WHILE_SAVING} and not (folder / "go").exists():
                time.sleep(0.05)
            file.write(text[5:])
hand_over(Model())
if ending == {RAISES_AFTER_SAVING}:
    raise ValueError("no")
"""

# Chapter 10, as short as it can be: it looks whether its data are there, and has all numbers.
OF_IMAGES = """\
import json, pathlib
folder = pathlib.Path({folder!r})
with open(folder / "log.txt", "a") as log:
    log.write(f"{{z_dim}} {{seed}} {{data}}\\n")
assert data in ("shapes", "digits") or pathlib.Path(data).exists()
names = ["epochs", "elbo_error", "reconstruction", "kl", "training_seconds"]
print(json.dumps(dict(dict.fromkeys(names, 1.0), digits=pathlib.Path(data).name,
                      elbo=-100.0 + z_dim - seed, active_units=z_dim)))
"""


def written(path, defaults, *sources):
    """Write a notebook: a cell of parameters, and others, of which the last prints the numbers."""
    parameters = "\n".join(f"{name} = {value!r}" for name, value in defaults.items())
    cells = [nbformat.v4.new_code_cell(source) for source in (parameters, *sources)]
    cells[0].metadata.tags, cells[-1].metadata.tags = ["parameters"], ["metrics"]
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def log(chapter):
    """What was run so far, each time it was run."""
    path = chapter.parent / "log.txt"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def go_on(chapter):
    """Let the runs that stay come to their end."""
    (chapter.parent / "go").touch()


def quick(chapter, like=TRAINING):
    """What a sweep has to know of a quick notebook."""
    return like._replace(notebook=chapter)


def planned(chapter, **values):
    """Lay out runs of the quick notebook."""
    return plan({"data": ["small"]} | values, chapter.parent / "runs", quick(chapter))


def swept(points, jobs=3):
    """Run them; return what became of each, by its name."""
    with ThreadPoolExecutor(jobs) as executor:
        results = [one for one in sweep(points, executor) if one]
    return {point.folder.name.removesuffix(",data=small"): outcome for point, outcome in results}


def kernels(chapter):
    """The kernels of its runs that have not ended."""
    ids = [int(path.stem) for path in chapter.parent.glob("*.kernel")]
    return [p for p in psutil.process_iter() if p.pid in ids and p.status() != "zombie"]


# What is begun in the background of a script ignores Ctrl-C, and what it begins does, too.
SCRIPT = """\
import pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from vae_lib.runs.chapters import CHAPTERS
from vae_lib.runs.command_line import main
CHAPTERS[{number}] = CHAPTERS[{number}]._replace(notebook=pathlib.Path({chapter!r}))
sys.exit(main())
"""


def start(chapter, *words, script=SCRIPT, encoding="utf-8", number=6, **environment):
    """The command line, with another chapter, in an environment and a terminal of one's own."""
    script = script.format(chapter=str(chapter), number=number)
    return subprocess.Popen(
        [sys.executable, "-c", script, "sweep", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding=encoding,
        cwd=chapter.parent,
        env=os.environ | {"VAE_LIB_MNIST": "small"} | environment,
    )


def numbers(elbo=-100.0, **others):
    """What a notebook prints, and what its run adds."""
    made = {"digits": "digits, 60 to train on", "epochs": 1.0, "elbo": elbo, "elbo_error": 0.5}
    made |= {"reconstruction": 80.0, "kl": 20.0, "active_units": 2, "training_seconds": 8.0}
    return made | {"seconds": 9.0, "versions": {"python": "3.12"}} | others
