"""Start workers, and let them work one at a time."""

import json
import os
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

from bench import ROOT
from bench.protocol import Settings

XLA_FLAGS = "--xla_cpu_prefer_vector_width=512"  # what vae_lib sets for itself, here for all
LAST_LINES = 8  # of what a worker that failed has said


class BenchError(Exception):
    """What stops the benchmark, in words for the terminal."""


class Worker:
    """A process that waits for its turn.

    Args:
        name: its module, such as `bench.contestants.train`.
        python: the interpreter of its environment.
        settings: what it is told first.
        folder: of temporary files.
    """

    def __init__(self, name: str, python: Path, settings: Settings, folder: Path) -> None:
        self.name = name
        self.started = time.perf_counter()
        self.errors = folder / f"{name}.txt"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(  # noqa: S603 (our own script)
                [python, "-m", "bench.worker", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(folder),
                cwd=ROOT,
                text=True,
            )
        self._send(settings)

    def turn(self) -> dict[str, Any]:
        """Let the worker measure once; return what it measured."""
        self._send("go")
        return self._receive()

    def finish(self) -> dict[str, Any]:
        """End the worker; return its versions and its memory."""
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        last = self._receive()
        self.process.wait()
        return last

    def kill(self) -> None:
        """End the worker whatever it does."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            with suppress(BrokenPipeError):
                stream.close()

    def _send(self, message: Any) -> None:
        assert self.process.stdin
        with suppress(BrokenPipeError):  # a worker that has died is noticed where it should answer
            print(json.dumps(message), file=self.process.stdin, flush=True)

    def _receive(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            said = self.errors.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
            code = self.process.wait()
            raise BenchError(
                "\n".join([*said, f"The worker {self.name} ended early, with exit code {code}."])
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


def environment(folder: Path) -> dict[str, str]:
    """The environment of every process: this one's, without bars and without old compilations."""
    return (
        {"XLA_FLAGS": XLA_FLAGS}
        | os.environ
        | {
            "TQDM_DISABLE": "1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            # Else the first epoch of compiled PyTorch would be short from the second run on.
            "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
            "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not the user's
        }
    )


class Crew(AbstractContextManager["Crew"]):
    """All workers of a benchmark; when the block is left, none is left over."""

    def __init__(self, settings: Settings, folder: Path, bar: Any) -> None:
        self.settings, self.folder, self.bar = settings, folder, bar
        self.stack = ExitStack()

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def measure(self, modules: dict[str, Path], rounds: int) -> dict[str, dict[str, Any]]:
        """Interleave: after a first turn each, the workers take turns, round after round.

        Args:
            modules: the interpreter for each worker's module.
            rounds: turns of each worker after its first.

        Returns:
            For each module `first`, `rounds`, `latency` (seconds from the start of the
            process to the end of its first turn), `versions` and `memory_mb`.
        """
        workers: list[Worker] = []
        results: dict[str, dict[str, Any]] = {}
        for module, python in modules.items():
            worker = Worker(module, python, self.settings, self.folder)
            self.stack.callback(worker.kill)
            first = self._turn(worker)
            latency = time.perf_counter() - worker.started
            results[module] = {"latency": latency, "first": first, "rounds": []}
            workers.append(worker)
        for _ in range(rounds):
            for worker in workers:
                results[worker.name]["rounds"].append(self._turn(worker))
        for worker in workers:
            results[worker.name].update(worker.finish())
        return results

    def _turn(self, worker: Worker) -> dict[str, Any]:
        self.bar.set_postfix_str(worker.name)
        result = worker.turn()
        self.bar.update()
        return result
