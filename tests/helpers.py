"""What several tests share."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bench.ports import reserved
from vae_lib.support.checkpoints import Checkpoints

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "secret"  # lets a test into the JupyterLab that it has started


def wait_for(condition, seconds=120):
    """Wait until a condition is true, and return what it then is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"what was waited for did not come within {seconds} s"
        time.sleep(0.05)
    return found


def assert_same_weights(a, b):
    """Check that two models hold the same weights, to the last bit."""
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)


def shrunk(x):
    """Digits of 28×28 pixels, (n, 784), as ones of 14×14, black or white, (n, 196)."""
    squares = np.reshape(x, (-1, 14, 2, 14, 2)).mean(axis=(2, 4))
    return np.float32(squares > 0.5).reshape(-1, 196)


def tf_config(workers, index):
    """TF_CONFIG of one worker."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


def whole(part):
    """A pattern for a word, a number or a piece of code that is no part of a longer one."""
    before = r"(?<![\w-])(?<!\w\.)(?<!\d,)" if re.match(r"-?\w", str(part)) else ""
    after = r"(?!\w|[.,]\d)" if re.search(r"\w$", str(part)) else ""
    return before + re.escape(str(part)) + after


def mentions(text, *parts):
    """Whether a text has all these parts, whole and in this order."""
    return re.search(".*".join(map(whole, parts)), text) is not None


def assert_says(text, *parts):
    """Check that a text is one sentence, and what it says, whatever the words between.

    As errors here go, the parts are the name of the argument, the value that it was, the limits
    or values that it may be, and of the remedy what has to be typed.
    """
    assert re.fullmatch(r"\S.*[^\s,;:]\n?", text), f"not one line: {text!r}"
    assert not re.search(r"Traceback|[.!?] [A-Z]", text), f"not one sentence: {text!r}"
    assert mentions(text, *parts), f"{text!r} does not say {parts}, in this order"


class Stopped(KeyboardInterrupt):
    """Ctrl-C, at a moment of the test's choice."""


def stop_at_checkpoint(monkeypatch, number):
    """Stop right after the checkpoint of that number is written."""
    save, saved = Checkpoints.save, []

    def save_and_stop(self, *arguments):
        save(self, *arguments)
        saved.append(1)
        if len(saved) == number:
            raise Stopped

    monkeypatch.setattr(Checkpoints, "save", save_and_stop)


@contextmanager
def refused(kind, *parts):
    """Check that the block raises an error of this kind, which says these parts."""
    with pytest.raises(kind) as caught:
        yield caught
    said = str(caught.value)
    del caught  # it and its traceback hold each other, and whatever the failed call had open
    assert_says(said, *parts)


@contextmanager
def chromium_or_skipped():
    """The system's Chromium while a block runs; without one, tests are skipped and say why."""
    from tools.browser import REMEDY, find_browser, launched

    if find_browser() is None:
        pytest.skip(REMEDY)
    with launched() as browser:
        yield browser


def answers(address):
    """Whether a server answers at an address."""
    try:
        with urllib.request.urlopen(address, timeout=30):
            return True
    except OSError:
        return False


@contextmanager
def jupyterlab(folder, home):
    """JupyterLab in a folder, as `make lab` starts it, with nobody's settings; its address."""
    places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", folder, "--no-browser", "--ip=127.0.0.1"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    with reserved(1) as (place,), (home / "lab.log").open("w") as log:
        command.append(f"--port={place.partition(':')[2]}")
        with subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log) as server:
            try:
                wait_for(lambda: answers(f"http://{place}/api") or server.poll() is not None)
                assert server.poll() is None, (home / "lab.log").read_text()
                yield f"http://{place}/"
            finally:
                server.terminate()
