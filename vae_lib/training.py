"""Training, counted in iterations: many minibatches in one compiled call (chapter 6).

A step passes through these files of `vae_lib`, in this order:

    data/images.py     `as_images` checks the images; parameters.py checks the settings
    training.py        `minibatch_order` says which images a minibatch is made of
    support/xla.py     `compiled` makes one XLA graph of the loop over a thousand steps
    decoder.py         `binarize` draws pixels as coins, if asked to
    training.py        `train_step` asks for the loss, for its gradient, and moves the weights
    model.py           `call` takes x to z and logits: by encoder.py, by the noise and the draw
                       of reparameterization.py, by decoder.py
    model.py           `losses_of` makes the loss of two `terms`, of decoder.py and of loss.py
    training.py        `train` reports what a call of the graph has summed up

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, algorithm 1.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from vae_lib.data.images import as_images
from vae_lib.decoder import binarize as draw_coins
from vae_lib.model import VAE, check_trainable
from vae_lib.parameters import TrainingParameters, validated
from vae_lib.reparameterization import standard_normal
from vae_lib.support.progress import progress_bar
from vae_lib.support.xla import compiled, kept
from vae_lib.tensorflow_quietly import tf

# With minibatches of 64 a call is an epoch of MNIST, and the bar, which moves once a call, does so
# about twice a second; with larger ones less often.
STEPS_PER_CALL = 1000

HISTORY = ("iteration", "loss", "reconstruction", "kl", "samples")
Steps = Callable[[Any, Any, Any, Any], Any]


class History(dict[str, np.ndarray]):
    """What a training reported: for each name in `HISTORY` an array, one entry a report."""

    def __add__(self, later: "History") -> "History":
        """Append what the next call of `train` reported."""
        return History({name: np.concatenate([self[name], later[name]]) for name in self})

    def __repr__(self) -> str:
        iterations = self._course("iteration", 0)
        loss, reconstruction, kl = (self._course(name, 1) for name in HISTORY[1:4])
        return (
            f"History: reports {len(self['iteration'])}, iterations {iterations}\n"
            f"loss {loss}, reconstruction {reconstruction}, KL {kl} nats"
        )

    def _course(self, name: str, places: int) -> str:
        """Write the first value and the last, or the only one."""
        values = self[name]
        ends = values[:: max(1, len(values) - 1)]
        return " to ".join(f"{value:,.{places}f}" for value in ends)


def minibatch_order(n: int, batch_size: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Which images the minibatches `start` to `stop` are made of.

    Epochs, each a shuffle of its own, are laid end to end and cut into minibatches: every
    image is seen once an epoch, and none is left out where `batch_size` does not divide n.

    Returns:
        Indices below n, int32, shape `(stop - start, batch_size)`.
    """
    several = max(1, 1000 // n)  # epochs of few images are drawn together, to save time
    size = several * n
    first, last = start * batch_size // size, (stop * batch_size - 1) // size
    drawn = [_epochs(n, several, [seed, block]) for block in range(first, last + 1)]
    begin = start * batch_size - first * size
    indices = np.concatenate(drawn)[begin : begin + (stop - start) * batch_size]
    return indices.reshape(-1, batch_size).astype(np.int32)


def _epochs(n: int, several: int, seed: list[int]) -> np.ndarray:
    """Lay several shuffles of n images end to end, `(several * n,)`."""
    rng = np.random.default_rng(seed)
    if several == 1:
        return rng.permutation(n)
    return rng.permuted(np.tile(np.arange(n), (several, 1)), axis=1).ravel()


def train_step(model: VAE, x: Any) -> Any:
    """One step of the optimizer on one minibatch.

    Args:
        model: a compiled model.
        x: images, shape `(batch, x_dim)`.

    Returns:
        The loss, reconstruction and KL, averaged over the minibatch, in nats, shape `(3,)`.
    """
    with tf.GradientTape() as tape:
        loss, reconstruction, kl = model.losses_of(x, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    parts = [loss, tf.reduce_mean(reconstruction), tf.reduce_mean(kl)]
    return tf.stack([tf.cast(part, tf.float32) for part in parts])  # (3,)


def compile_steps(model: VAE, n: int, batch_size: int, binarize: bool = False) -> Steps:
    """Compile a run of many steps into one XLA graph over images that stay in memory.

    Args:
        model: a compiled model.
        n: number of images.
        batch_size: images in a minibatch.
        binarize: whether to draw each pixel as a coin, anew each time it is shown.

    Returns:
        A function of the images, float32 `(n, x_dim)`; of their order, int32
        `(STEPS_PER_CALL * batch_size,)`; of how many minibatches of it to take, int32; and of
        the coins' seed, int64. It returns the sums of what `train_step` returned. It is kept on
        the model: asked again, this returns the same, until `model.compile` is called, or other
        weights are to be trained.
    """
    key = ("steps", n, batch_size, binarize)
    weights = model.trainable_variables
    return kept(model, key, weights, lambda: _compile(model, n, batch_size, binarize))


def _compile(model: VAE, n: int, batch_size: int, binarize: bool) -> Steps:
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)

    def minibatch(x: Any, order: Any, i: Any, seed: Any) -> Any:
        rows = tf.slice(order, [i * batch_size], [batch_size])  # (batch,)
        images = tf.gather(x, rows)  # (batch, x_dim)
        if not binarize:
            return images
        step = tf.cast(optimizer.iterations, tf.int64)  # no two minibatches share coins
        return draw_coins(images, tf.stack([seed, step]))

    @compiled
    def steps(x: Any, order: Any, n_steps: Any, seed: Any) -> Any:
        i, sums = 0, tf.zeros(3)
        ahead = minibatch(x, order, 0, seed) if binarize else 0
        while i < n_steps:  # not `for i in tf.range(n_steps)`: XLA would compile each n anew
            sums += train_step(model, ahead if binarize else minibatch(x, order, i, seed))
            i += 1
            # Drawn one turn ahead, coins are drawn once. Where they are used, XLA would draw
            # them anew for each of their uses. Those of the last turn are thrown away.
            ahead = minibatch(x, order, tf.minimum(i, n_steps - 1), seed) if binarize else 0
        return sums

    order = tf.TensorSpec([STEPS_PER_CALL * batch_size], tf.int32)
    n_steps, seed = tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int64)
    x = tf.TensorSpec([n, *model.x_shape])
    return cast("Steps", steps.get_concrete_function(x, order, n_steps, seed))


def check_finite(loss: float, start: int, stop: int) -> None:
    """Stop a training that has gone astray.

    Raises:
        FloatingPointError: the loss is not a finite number.
    """
    if not np.isfinite(loss):
        raise FloatingPointError(
            f"the loss became {loss} between iterations {start} and {stop}; "
            "a smaller learning rate usually helps"
        )


def _make_folder(out: Any) -> Path:
    if not isinstance(out, str | os.PathLike):
        raise ValueError(f"out was {out!r}; it may be the path of a folder, new or old")
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # before any work
    except OSError as error:
        raise ValueError(
            f"out was '{folder}', where nothing can be written ({error.strerror}); it may be a "
            "folder, new or old"
        ) from None
    return folder


def _save_samples(images: np.ndarray, folder: Path) -> None:
    """Save a grid of images, shape `(16, x_dim)`, under the next of `000.png`, `001.png`, ..."""
    # Imported here: training without pictures needs no plotting library.
    from vae_lib.plots import save_digit_grid

    numbers = [int(path.stem) for path in folder.glob("*.png") if path.stem.isdecimal()]
    save_digit_grid(images, 4, folder / f"{max(numbers, default=-1) + 1:03d}.png")


def _as_tensor(x: Any, checked: np.ndarray) -> Any:
    """Return checked images as a tensor; the given one, where it is that: to copy it takes long."""
    same = tf.is_tensor(x) and np.may_share_memory(checked, np.asarray(x))
    return tf.reshape(x, checked.shape) if same else tf.constant(checked)


def train(
    model: VAE,
    x: np.ndarray,
    iterations: int,
    *,
    batch_size: int = 64,
    report_every: int = 1000,
    out: str | Path | None = None,
    binarize: bool = False,
    seed: int = 0,
) -> History:
    """Train `model` on the images `x`, and report on the way.

    Training goes on from where the model's optimizer stands: two calls of 500 iterations
    do what one of 1,000 does. Weights that are frozen stay; other changes of the model are made
    known by `model.compile`.

    Args:
        model: a compiled model.
        x: images in [0, 1], shape `(n, x_dim)`.
        iterations: number of minibatches to train on.
        batch_size: images in a minibatch.
        report_every: iterations between two reports.
        out: a folder for each report's 4×4 grid of samples: `000.png`, `001.png`, ..., after
            those that are there.
        binarize: whether to draw each pixel as a coin, anew each time it is shown (chapter 3).
        seed: of the order of the images, of the coins, and of the latent vectors behind the
            samples.

    Returns:
        By name, one entry a report: `iteration`; `loss`, `reconstruction` and `kl`, averaged since
        the report before, in nats; `samples`, the mean images of 16 fixed draws of the
        prior, shape `(reports, 16, x_dim)`.

    Raises:
        ValueError: an argument is not what it may be, or the model is not compiled.
        FloatingPointError: the loss is no longer a finite number.
    """
    given = {"iterations": iterations, "batch_size": batch_size, "report_every": report_every}
    settings = validated({**given, "binarize": binarize, "seed": seed}, TrainingParameters)
    iterations, batch_size, report_every, binarize, seed = settings.values()
    check_trainable(model)
    checked = as_images(x, model.x_shape)  # (n, *x_shape)
    folder = None if out is None else _make_folder(out)

    steps = compile_steps(model, len(checked), batch_size, binarize)
    images, coins = _as_tensor(x, checked), tf.constant(seed, tf.int64)  # (n, x_dim), ()
    z = standard_normal((16, model.z_dim), (seed, 0))  # (16, z_dim)
    history: dict[str, list[Any]] = {name: [] for name in HISTORY}
    end = (begin := int(model.optimizer.iterations)) + iterations
    with progress_bar(iterations, unit="iteration", lines=True) as bar:
        for start in range(begin, end, report_every):
            stop = min(start + report_every, end)
            sums = np.zeros(3)
            for i in range(start, stop, STEPS_PER_CALL):
                n_steps = min(STEPS_PER_CALL, stop - i)
                rows = minibatch_order(len(checked), batch_size, i, i + n_steps, seed).ravel()
                order = tf.constant(np.resize(rows, STEPS_PER_CALL * batch_size))  # one shape only
                sums += steps(images, order, tf.constant(n_steps), coins).numpy()
                bar.update(n_steps)
            check_finite(sums[0], start, stop)
            samples = model.decode(z).numpy()  # (16, x_dim)
            for name, value in zip(HISTORY, (stop, *sums / (stop - start), samples), strict=True):
                history[name].append(value)
            if folder:
                _save_samples(samples, folder)
    return History({name: np.array(values) for name, values in history.items()})
