"""Training on several machines at once: they share every minibatch, and one set of weights.

Each machine computes the gradients of its share of the minibatch, one all-reduce adds them
up, and each makes the same step of the optimizer.

Source: Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 4.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import numpy as np

from vae_lib.distributed.all_reduce import AllReduce, Cluster, connect, read_cluster
from vae_lib.model import VAE, check_trainable, variables_of
from vae_lib.parameters import TrainingParameters, validated
from vae_lib.reparameterization import standard_normal
from vae_lib.support.astray import check_training
from vae_lib.support.checkpoints import in_plain_words
from vae_lib.support.numbers import at_once
from vae_lib.support.progress import progress_bar
from vae_lib.support.xla import compiled, kept
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import HISTORY, STEPS_PER_CALL, History, minibatch_order

NORMALIZATION = keras.layers.BatchNormalization
REPORTED = HISTORY[:-1]  # samples are one call of `model.decode` away, where they are wanted
Half = Callable[[Any], Any]


def _compile(model: VAE, batch_size: int, first: int, last: int) -> list[Half]:
    """Compile the two halves of a step, before the all-reduce and after it.

    Returns:
        A function of the rows `first` to `last` of a minibatch, `(last - first, x_dim)`: what
        they add to the minibatch's gradients, loss, reconstruction and KL, in one array,
        `(parameters + 3,)`; and a function of the sum of these, which updates the weights.
    """
    weights, optimizer = model.trainable_variables, model.optimizer
    optimizer.build(weights)
    part = (last - first) / batch_size  # what the mean over a share counts in the mean of all

    @compiled
    def share(x: Any) -> Any:
        # Every worker draws the noise of the whole minibatch, and keeps its rows of it.
        eps = standard_normal(model.noise_shape(batch_size), model.training_noise.next())
        with tf.GradientTape() as tape:
            outputs = model.outputs_of(x, eps[first:last])
            loss, reconstruction, kl = model.losses_of(x, outputs)  # (), (share,), (share,)
            loss = part * loss
        parts = [loss, part * tf.reduce_mean(reconstruction), part * tf.reduce_mean(kl)]
        flat = [tf.reshape(g, [-1]) for g in tape.gradient(loss, weights)]
        return tf.concat([*flat, tf.stack(parts)], axis=0)  # (parameters + 3,)

    @compiled
    def update(joined: Any) -> None:
        flat = tf.split(joined[:-3], [w.shape.num_elements() for w in weights])
        gradients = [tf.reshape(g, w.shape) for g, w in zip(flat, weights, strict=True)]
        optimizer.apply_gradients(zip(gradients, weights, strict=True))

    return [share, update]


def _check_alike(model: VAE) -> None:
    """Refuse layers with a state of their own: the workers would not agree on it."""
    ours = {id(model.training_noise.state), id(model.evaluation_noise.state)}
    seeds = [v.path for v in model.variables if "int" in v.dtype and id(v) not in ours]
    layers = [layer.name for _, layer in model.parts() if isinstance(layer, NORMALIZATION)]
    if found := seeds + layers:
        raise ValueError(
            f"the model has {found[0]}, a dropout or a batch normalization, on which several "
            "machines would not agree; leave it out, or use train"
        )


def _count(model: VAE) -> int:
    return sum(int(w.shape.num_elements()) for w in model.trainable_variables)


def _agree(model: VAE, x: np.ndarray, arguments: dict[str, int], all_reduce: AllReduce) -> None:
    """Refuse workers that were called differently."""
    state = [model.training_noise.state.numpy().tolist(), int(model.optimizer.iterations)]
    made = {"model": model.get_config(), "optimizer": model.optimizer.get_config(), "state": state}
    made |= {"loss": repr(model.loss_given), "arguments": arguments}
    text = json.dumps(in_plain_words(made))
    checksum = zlib.crc32(x.data, zlib.crc32(text.encode()))
    mine = np.zeros(_count(model) + 3, np.float32)
    mine[:4] = [*checksum.to_bytes(4, "big")]  # a float32 would round the whole
    mine[4] = 1.0  # counts the workers
    total = all_reduce(mine)
    if (total[:4] != total[4] * mine[:4]).any():
        raise ValueError(
            "the workers differ in their model, its seed, its optimizer, how far it is trained, "
            "the images, or an argument; all of these may be anything, but the same everywhere"
        )


def _give_weights(model: VAE, chief: bool, all_reduce: AllReduce) -> None:
    """Set the weights of all workers to those of worker 0: all the others add zeros."""
    weights = model.trainable_variables
    flat = np.concatenate([w.numpy().ravel() for w in weights] + [np.zeros(3, np.float32)])
    flat = all_reduce(flat if chief else np.zeros_like(flat))  # (parameters + 3,)
    ends = np.cumsum([w.shape.num_elements() for w in weights])
    for w, values in zip(weights, np.split(flat, ends)[:-1], strict=True):
        w.assign(values.reshape(w.shape))


def _join(
    model: VAE, x: np.ndarray, cluster: Cluster, arguments: dict[str, int], timeout: float
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[], Any]]:
    """Meet the other workers.

    Returns:
        A step on the rows `(batch,)` that returns loss, reconstruction and KL; and a farewell:
        no worker leaves while another needs its last answer.
    """
    k, batch_size, size = len(cluster.workers), arguments["batch_size"], _count(model) + 3
    first, last = batch_size * cluster.rank // k, batch_size * (cluster.rank + 1) // k
    share, update = kept(
        model,
        ("shares", batch_size, first, last),
        model.trainable_variables,
        lambda: _compile(model, batch_size, first, last),
    )
    all_reduce = connect(cluster, size, timeout)
    _agree(model, x, arguments, all_reduce)
    _give_weights(model, cluster.rank == 0, all_reduce)

    def step(rows: np.ndarray) -> np.ndarray:
        images = tf.constant(x[rows[first:last]])  # (share, x_dim)
        joined = all_reduce(share(images).numpy())  # (parameters + 3,)
        update(tf.constant(joined))
        return joined[-3:]

    return step, lambda: all_reduce(np.zeros(size, np.float32))


def _order(n: int, batch_size: int, start: int, stop: int, seed: int) -> Iterator[np.ndarray]:
    several = at_once(STEPS_PER_CALL, batch_size)  # to keep memory small
    for i in range(start, stop, several):
        yield from minibatch_order(n, batch_size, i, min(i + several, stop), seed)


def train_together(
    model: VAE,
    x: np.ndarray,
    iterations: int,
    *,
    batch_size: int = 64,
    report_every: int = 1000,
    seed: int = 0,
    timeout: float = 50.0,
) -> History:
    """Train `model` on all machines of TF_CONFIG; each of them calls this alike.

    A step is the one that `train` takes on one machine: the same images, the same noise, and
    the same weights after it but for the rounding of sums. Like `train`, it goes on from where
    the optimizer stands. At the start it is checked that all were called with the same, and
    all get the weights of worker 0. From then on machines of one kind hold the same weights to
    the last bit; other processors may round differently in the update.

    Args:
        model: a compiled model, made with the same seed everywhere.
        x: all images, in [0, 1], shape `(n, x_dim)`; the same everywhere.
        iterations: number of minibatches to train on.
        batch_size: images in a minibatch, of which each of k workers takes a k-th part,
            or one image more where k does not divide it.
        report_every: iterations between two entries of the history.
        seed: of the order of the images.
        timeout: seconds for a worker to come up, or to answer, before it counts as dead.

    Returns:
        On every worker what `train` returns, averaged over the whole minibatches, but for
        the samples.

    Raises:
        ValueError: TF_CONFIG or an argument is not what it may be, the model is not compiled,
            or the workers were called differently.
        ConnectionError: a worker did not come up, or died, or was silent for too long. The
            model holds the weights from before the iteration at which that happened.
        FloatingPointError: the loss, or a weight, is no longer a finite number, on all workers
            alike.
    """
    cluster = read_cluster()
    arguments = {"iterations": iterations, "batch_size": batch_size, "report_every": report_every}
    arguments = validated({**arguments, "seed": seed, "binarize": False}, TrainingParameters)
    iterations, batch_size, report_every, seed, _ = arguments.values()
    check_trainable(model, honored=())
    _check_alike(model)
    x = np.ascontiguousarray(model.checked_images(x))  # (n, *x_shape)
    if batch_size < (k := len(cluster.workers)):
        raise ValueError(
            f"batch_size was {batch_size} on {k} workers; it may be {k} or more: an image for each"
        )
    step, farewell = _join(model, x, cluster, arguments, timeout)

    history: dict[str, list[Any]] = {name: [] for name in REPORTED}
    end = (begin := int(model.optimizer.iterations)) + iterations
    watched = cluster.rank == 0
    bar = progress_bar(iterations, unit="iteration", lines=True) if watched else nullcontext()
    with bar as shown:
        for start in range(begin, end, report_every):
            stop = min(start + report_every, end)
            sums = np.zeros(3)
            for rows in _order(len(x), batch_size, start, stop, seed):
                sums += step(rows)
                if shown is not None:
                    shown.update()
            check_training(sums.sum(), variables_of(model), start, stop)
            for name, value in zip(REPORTED, (stop, *sums / (stop - start)), strict=True):
                history[name].append(value)
    with suppress(ConnectionError):
        farewell()
    return History({name: np.array(values) for name, values in history.items()})
