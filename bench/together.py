"""What training together costs: two processes on this machine, of one thread each, or one.

Two processes of one machine share its processor: nothing can be gained here, and what is
measured is the price of the all-reduce. `python -m bench.together` prints the result.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from bench.clock import seconds
from bench.ports import reserved
from bench.summary import spread

WORKERS = 2
STEPS = {64: 150, 1024: 60}  # by the joined minibatch: about a second each
ROUNDS = 5
SUMS = 100  # all-reduces in a round

Action = Callable[[], object]


def start(workers: list[str], rank: int) -> subprocess.Popen[str]:
    """Start a worker of one thread."""
    config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}
    own = {"TF_CONFIG": json.dumps(config), "TF_NUM_INTRAOP_THREADS": "1", "TQDM_DISABLE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "bench.together", "worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | own,
        text=True,
    )


def ask(processes: list[subprocess.Popen[str]], what: str) -> float:
    """Let all workers do one thing; return how many seconds the slowest took."""
    for process in processes:
        assert process.stdin
        print(what, file=process.stdin, flush=True)
    return max(float(process.stdout.readline()) for process in processes if process.stdout)


def trainings(train: Callable[..., Any]) -> dict[str, Action]:
    """What can be timed: some steps of a training loop at each size of the minibatch."""
    from vae_lib.data import load_mnist
    from vae_lib.model import VAE
    from vae_lib.tensorflow_quietly import keras

    x = load_mnist("small", flat=True).x_train  # (4000, 784)

    def training(batch_size: int, steps: int) -> Action:
        model = VAE()
        model.compile(keras.optimizers.Adam())
        return lambda: train(model, x, steps, batch_size=batch_size, report_every=steps)

    return {str(size): training(size, steps) for size, steps in STEPS.items()}


def work() -> None:
    """Be a worker: do what the lines of standard input say, and print how long it took."""
    import numpy as np

    from vae_lib.distributed import train_together
    from vae_lib.distributed.all_reduce import connect, read_cluster
    from vae_lib.model import VAE

    known = trainings(train_together)
    size = sum(w.size for w in VAE().get_weights()) + 1  # a session of its own
    add = connect(read_cluster(), size, timeout=50.0)
    flat = np.zeros(size, np.float32)

    def sums() -> None:
        for _ in range(SUMS):
            add(flat)

    known["all_reduce"] = sums
    for line in sys.stdin:
        print(seconds(known[line.strip()]), flush=True)


def measure() -> dict[str, Any]:
    """Measure, the two processes and the one taking turns.

    Returns:
        `workers`; `all_reduce`, seconds; and `batches`, for each size of the joined minibatch,
        as text, images per second `together` and `alone`, and `ratio`, the first by the
        second, round by round. Each measurement has `median`, `low` and `high`.
    """
    from vae_lib.training import train

    with ExitStack() as stack:
        workers, processes = stack.enter_context(reserved(WORKERS)), []
        for rank in range(WORKERS):
            processes.append(start(workers, rank))
            stack.callback(processes[-1].wait)
            stack.callback(processes[-1].kill)
        alone = trainings(train)
        pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in alone}
        all_reduce = []
        for i in range(1 + ROUNDS):
            taken = {name: (ask(processes, name), seconds(one)) for name, one in alone.items()}
            of_sums = ask(processes, "all_reduce")
            if i:  # the first round compiles
                all_reduce.append(of_sums / SUMS)
                for name, pair in taken.items():
                    pairs[name].append(pair)
    batches = {}
    for size, steps in STEPS.items():
        images, times = size * steps, pairs[str(size)]
        batches[str(size)] = {
            "together": spread([images / both for both, _ in times]),
            "alone": spread([images / one for _, one in times]),
            "ratio": spread([one / both for both, one in times]),
        }
    return {"workers": WORKERS, "all_reduce": spread(all_reduce), "batches": batches}


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        work()
    else:
        print(json.dumps(measure(), indent=2))
