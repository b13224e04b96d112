"""Two real processes train together: as one process would, and not without each other."""

import json
import os
import pickle
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import keras
import numpy as np
import pytest

from bench.ports import reserved
from tests.distributed.worker import ARGUMENTS, MORE, OTHER_SIZE, PATIENCE, images, vae
from tests.helpers import ROOT, assert_says, refused, tf_config
from vae_lib.distributed import train_together
from vae_lib.distributed.all_reduce import Cluster, connect, read_cluster
from vae_lib.model import VAE
from vae_lib.training import train


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Two workers that train, write what came out, and train on, and whom one then waits for."""
    folder = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        *pair, alone, absent = stack.enter_context(reserved(4))
        processes = []
        for rank in range(2):
            command = [sys.executable, "-m", "tests.distributed.worker", str(rank), folder]
            process = subprocess.Popen(
                [*command, tf_config([alone, absent], 0)],
                env=os.environ | {"TF_CONFIG": tf_config(pair, rank)},
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=stack.enter_context((folder / f"{rank}.txt").open("w")),
                text=True,
            )
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        yield processes, folder, absent


@pytest.fixture(scope="module")
def alone():
    """What one process makes of the same: history, weights, weights of the other model."""
    x, model, other = images(), vae(), vae(**OTHER_SIZE)
    first = train(model, x, **ARGUMENTS)
    second = train(model, x, **ARGUMENTS | MORE)
    train(other, x, **ARGUMENTS)
    return {
        "first": first,
        "second": second,
        "weights": model.get_weights(),
        "other_weights": other.get_weights(),
    }


@pytest.fixture(scope="module")
def together(workers, alone):
    processes, folder, _ = workers
    for rank, process in enumerate(processes):
        assert process.stdout.readline() == "trained\n", (folder / f"{rank}.txt").read_text()
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["weights", "other_weights"])
def test_workers_end_with_the_same_weights_to_the_last_bit(together, weights):
    for v, w in zip(together[0][weights], together[1][weights], strict=True):
        np.testing.assert_array_equal(v, w)


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["weights", "other_weights"])
def test_together_they_take_the_steps_of_one_process(together, alone, weights):
    largest = max(np.abs(w).max() for w in alone[weights])
    for v, w in zip(together[0][weights], alone[weights], strict=True):
        np.testing.assert_allclose(v, w, rtol=0, atol=1e-5 * largest)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["first", "second"])
def test_together_they_report_what_one_process_reports(together, alone, part):
    for mine in together:
        assert list(mine[part]) == ["iteration", "loss", "reconstruction", "kl"]
        for name, values in mine[part].items():
            np.testing.assert_allclose(values, alone[part][name], rtol=1e-5)


@pytest.mark.slow
def test_workers_that_were_called_differently_are_refused(together):
    for mine in together:
        assert_says(mine["differ"], "ValueError", "workers", "model", "seed", "optimizer", "images")


@pytest.mark.slow
def test_a_worker_that_dies_is_reported_to_the_other(workers, together):
    processes, _, absent = workers
    assert [process.stdout.readline() for process in processes] == ["under way\n"] * 2
    start = time.monotonic()
    processes[1].kill()
    said = json.loads(processes[0].stdout.readline())
    assert_says(said, "ConnectionError", "worker", "died", f"{PATIENCE:g} s", "start", "again")
    assert time.monotonic() - start < PATIENCE / 2  # noticed, not timed out
    # What a worker that has never come up is called.
    said = json.loads(processes[0].stdout.readline())
    assert_says(said, "ConnectionError", "worker 1", absent, "0.5 s", "start", "TF_CONFIG")
    assert processes[0].wait(timeout=PATIENCE) == 0  # no abort


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "worker",
        "[]",
        '{"cluster": {}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        tf_config("a:1", 0),
        tf_config([], 0),
        tf_config(["a", "b"], 0),
        tf_config(["a:1", "b:1"], 2),
        tf_config(["a:1", "b:1"], -1),
        tf_config(["a:1", "b:1"], "0"),
        tf_config(["a:1", "b:1"], 0).replace('"type": "worker"', '"type": "chief"'),
        tf_config(["a:1", "b:1"], 0).replace('"cluster": {', '"cluster": {"chief": ["c:1"], '),
    ],
)
def test_a_bad_tf_config_is_refused_in_one_sentence_before_any_work(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    was = "not set" if text is None else repr(text)
    with refused(ValueError, "TF_CONFIG", was, '"cluster"', '"worker"', '"task"', '"index"'):
        train_together(None, None, 0)


def test_tf_config_is_read(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(["a:1", "[::1]:22"], 1))
    assert read_cluster() == Cluster(("a:1", "[::1]:22"), 1)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"batch_size": 1}, ("batch_size", 1, 2, 2)),
        ({"timeout": 0}, ("timeout", 0, "seconds", 0)),
        ({"report_every": 0}, ("report_every", 0, "whole", 1, "10,000,000")),
    ],
)
def test_bad_arguments_are_refused_before_any_work(monkeypatch, options, parts):
    monkeypatch.setenv("TF_CONFIG", tf_config(["a:1", "b:1"], 0))
    with refused(ValueError, *parts):
        train_together(vae(), images(), 3, **options)


def test_a_model_without_an_optimizer_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(["a:1", "b:1"], 0))
    with refused(ValueError, "optimizer", "model.compile"):
        train_together(VAE(z_dim=3, h_dim=16), images(), 3)


def test_layers_on_which_machines_would_not_agree_are_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(["127.0.0.1:1"], 0))
    for layer in (keras.layers.Dropout(0.5), keras.layers.BatchNormalization()):
        x = keras.Input((4,))
        heads = [keras.layers.Dense(2)(layer(x)) for _ in range(2)]
        model = VAE(encoder=keras.Model(x, heads))
        model.compile("adam")
        with refused(ValueError, "model", "leave it out", "train"):
            train_together(model, np.zeros((4, 4)), 1, batch_size=2)


@pytest.mark.parametrize("method", ["call", "compute_loss", "train_step"])
def test_a_model_that_overrides_what_is_not_called_here_is_refused(monkeypatch, method):
    monkeypatch.setenv("TF_CONFIG", tf_config(["a:1", "b:1"], 0))
    other = type("Other", (VAE,), {method: lambda self, *args, **kwargs: 0.0})(z_dim=2, h_dim=4)
    other.compile(keras.optimizers.Adam())
    with refused(ValueError, "Other", method, "objective", "outputs_of", "fit"):
        train_together(other, images(), 3, timeout=0.1)


def test_a_port_in_use_is_refused():
    with socket.create_server(("0.0.0.0", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        with refused(ConnectionError, taken, "port"):
            connect(Cluster((taken, "127.0.0.1:1"), 0), 3, timeout=1.0)
