"""The sum of an array over several machines, each of which runs the same program.

TensorFlow's all-reduce, run by a `tf.distribute.Server` beside the program. TensorFlow's
`MultiWorkerMirroredStrategy` would run the same one, but Keras 3's `fit` fails under it (Keras's
issue 20585, https://github.com/keras-team/keras/issues/20585). It also wants to be made before the
first tensor, when a program that has a model is too late; and when a worker dies, it has the others
wait without end.

Source: Patarasuk and Yuan, "Bandwidth Optimal All-reduce Algorithms for Clusters of
Workstations", 2009.
"""

import json
import os
import socket
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from vae_lib.tensorflow_quietly import tf

EXAMPLE = (
    '{"cluster": {"worker": ["first:2222", "second:2222"]}, "task": {"type": "worker", "index": 0}}'
)
AllReduce = Callable[[np.ndarray], np.ndarray]


class Cluster(NamedTuple):
    """The addresses `host:port` of all workers, and which of them this process is."""

    workers: tuple[str, ...]
    rank: int


def read_cluster() -> Cluster:
    """Read the environment variable TF_CONFIG.

    Raises:
        ValueError: it is missing, or not what it may be.
    """
    text = os.environ.get("TF_CONFIG")
    try:
        config = json.loads(text or "null")
        workers, index = config["cluster"]["worker"], config["task"]["index"]
        ports = [int(address.rpartition(":")[2]) for address in workers]
        good = config["task"]["type"] == "worker" and len(config["cluster"]) == 1
        good = good and isinstance(workers, list) and index in range(len(ports))
    except (AttributeError, KeyError, TypeError, ValueError):
        good = False
    if not good:
        was = "not set" if text is None else repr(text)
        raise ValueError(
            f"TF_CONFIG was {was}; on the first of two machines it may be {EXAMPLE}, and on "
            "each machine the same but for its own index, counted from 0"
        )
    return Cluster(tuple(workers), index)


def connect(cluster: Cluster, size: int, timeout: float) -> AllReduce:
    """Start this worker's server, wait for the other workers, and prepare their sum.

    Args:
        cluster: from `read_cluster`.
        size: how many numbers are to be added up across workers.
        timeout: seconds for the others to come up, and later to answer.

    Returns:
        A function of float32 `(size,)`, to be called by all workers alike. It returns the
        sum of what they called it with, the same to the last bit everywhere, and raises a
        ConnectionError when a worker has died or has been silent for too long.

    Raises:
        ValueError: the timeout is not above 0.
        ConnectionError: a worker did not come up, or the port of this one is taken.
    """
    if not timeout > 0:
        raise ValueError(f"timeout was {timeout}; it may be a number of seconds above 0")
    server = _server(cluster)
    _wait_for(cluster, timeout)
    session, mine, joined = _session(cluster, server, size)
    options = tf.compat.v1.RunOptions(timeout_in_ms=int(1000 * timeout))

    def all_reduce(flat: np.ndarray) -> np.ndarray:
        try:
            total: np.ndarray = session.run(joined, {mine: flat}, options=options)  # (size,)
        except tf.errors.OpError as error:
            raise ConnectionError(
                f"a worker of the cluster died, or was silent for {timeout:g} s, and the others "
                "cannot go on without it: start all of them again, from a saved model if there "
                f"is one ({type(error).__name__})"
            ) from None
        return total

    return all_reduce


def _config(**options: Any) -> Any:
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0}, **options)  # the sum needs none
    config.experimental.collective_group_leader = "/job:worker/replica:0/task:0"
    return config


@cache  # TensorFlow cannot close a server: a process has one as long as it lives
def _server(cluster: Cluster) -> Any:
    names = {"worker": list(cluster.workers)}
    try:
        return tf.distribute.Server(names, "worker", cluster.rank, config=_config())
    except tf.errors.OpError:
        raise ConnectionError(
            f"{cluster.workers[cluster.rank]}, the address of this worker, cannot be opened: "
            "its port may be in use by another program, or by an earlier start of this one"
        ) from None


def _wait_for(cluster: Cluster, timeout: float) -> None:
    end = time.monotonic() + timeout
    for i, address in enumerate(cluster.workers):
        host, _, port = address.rpartition(":")
        while True:
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise ConnectionError(
                        f"worker {i}, at {address}, did not come up within {timeout:g} s: start "
                        "the program on every machine of TF_CONFIG, and see that their "
                        "firewalls let them talk"
                    ) from None
                time.sleep(0.1)


@cache
def _session(cluster: Cluster, server: Any, size: int) -> tuple[Any, Any, Any]:
    """A session of TensorFlow 1: its all-reduce needs nothing of the program around it."""
    task = f"/job:worker/task:{cluster.rank}"
    with tf.Graph().as_default() as graph, tf.device(f"{task}/cpu:0"):
        mine = tf.compat.v1.placeholder(tf.float32, [size])
        joined = tf.raw_ops.CollectiveReduce(
            input=mine,
            group_size=len(cluster.workers),
            group_key=1,
            instance_key=size,  # one number for one thing, the same on all workers
            merge_op="Add",
            final_op="Id",
            subdiv_offsets=[0],
        )
    config = _config(device_filters=[task])
    return tf.compat.v1.Session(server.target, graph, config), mine, joined
