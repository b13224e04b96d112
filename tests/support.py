"""What several tests share."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from vae_lib.runs.sweep import plan, sweep

ROOT = Path(__file__).resolve().parents[1]


def assert_same_weights(a, b):
    """Check that two models hold the same weights, to the last bit."""
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)


def tf_config(workers, index):
    """TF_CONFIG of one worker."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


def addresses(count):
    """Addresses of this machine, with ports that were free a moment ago."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]


# A quick notebook with the parameters of chapter 6, which its h_dim can tell to end badly.
RAISES, KILLS_THE_KERNEL, KILLS_PAPERMILL, MEMORY, WAITS, SAYS_NOTHING, STAYS = range(1, 8)  # h_dim
ENDINGS = f"""\
import os, pathlib, signal, time
with open(pathlib.Path({{log!r}}), "a") as log:
    log.write(f"{{{{z_dim}}}} {{{{seed}}}}\\n")
if h_dim == {RAISES}:
    raise ValueError("no\\nsecond line")
if h_dim == {KILLS_THE_KERNEL}:
    os.kill(os.getpid(), signal.SIGKILL)
if h_dim == {KILLS_PAPERMILL}:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
if h_dim == {MEMORY}:
    raise MemoryError
if h_dim == {WAITS}:
    time.sleep(2)
if h_dim == {STAYS}:
    time.sleep(120)
"""
NUMBERS = f"""\
import json, numpy as np
elbo = -100 - np.random.default_rng([z_dim, seed]).random()
if h_dim != {SAYS_NOTHING}:
    print(json.dumps(dict(elbo=elbo, active_units=z_dim, threads=os.environ["OMP_NUM_THREADS"])))
"""


def log(chapter):
    """What was run so far, each time it was run."""
    return sorted((chapter.parent / "log.txt").read_text().splitlines())


def planned(chapter, **values):
    """Lay out runs of the quick notebook."""
    return plan({"data": ["small"]} | values, chapter.parent / "runs", chapter)


def swept(points, chapter, jobs=3):
    """Run them; return what became of each, by its name."""
    with ThreadPoolExecutor(jobs) as executor:
        results = [one for one in sweep(points, executor, chapter=chapter) if one]
    return {point.folder.name.removesuffix(",data=small"): outcome for point, outcome in results}
