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

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from vae_lib.decoder import binarize as draw_coins
from vae_lib.model import VAE, check_trainable, variables_of
from vae_lib.parameters import TrainingParameters, validated
from vae_lib.reparameterization import standard_normal
from vae_lib.support.astray import check_finite as check_finite  # chapter 6 has it from here
from vae_lib.support.astray import check_training
from vae_lib.support.checkpoints import Checkpoints, digest, starts_by_chance
from vae_lib.support.files import folder_of
from vae_lib.support.numbers import MANY, at_once, naming, seed_of, whole
from vae_lib.support.progress import progress_bar
from vae_lib.support.xla import compiled, compiler_of, kept
from vae_lib.tensorflow_quietly import tf

# With minibatches of 64 a call is an epoch of MNIST, and the bar, which moves once a call, does so
# about twice a second; with larger ones less often.
STEPS_PER_CALL = 1000

AT_ONCE = 500  # held-out images in a minibatch

HISTORY = ("iteration", "loss", "reconstruction", "kl", "samples")
HELD_OUT = ("val_loss", "val_reconstruction", "val_kl")  # besides, where images are held out
Steps = Callable[[Any, Any, Any, Any], Any]


class History(dict[str, np.ndarray]):
    """What a training reported: for each name in `HISTORY` an array, one entry a report.

    Attributes:
        compiler: what made the graph that it ran in.
    """

    compiler = ""

    def __add__(self, later: "History") -> "History":
        """Append what the next call of `train` reported."""
        return History({name: np.concatenate([self[name], later[name]]) for name in self})

    def __repr__(self) -> str:
        iterations = self._course("iteration", 0)
        loss, reconstruction, kl = (self._course(name, 1) for name in HISTORY[1:4])
        return (
            f"History: reports {len(self['iteration'])}, iterations {iterations}\n"
            f"loss {loss}, reconstruction {reconstruction}, KL {kl} nats"
            + f"\ncompiled by {self.compiler}"
            * bool(self.compiler)
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
    n, batch_size = whole("n", n, 1, 2**31 - 1), whole("batch_size", batch_size, 1)
    start, seed = whole("start", start, 0, 2**62), seed_of(seed)
    stop = whole("stop", stop, start + 1, start + MANY // batch_size)
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
        `(at_once(STEPS_PER_CALL, batch_size) * batch_size,)`; of how many minibatches of it to
        take, int32; and of the coins' seed, int64. It returns the sums of what `train_step`
        returned. It is kept on the model: asked again, this returns the same, until
        `model.compile` is called, or other weights are to be trained.
    """
    key = ("steps", n, batch_size, binarize)
    weights = model.trainable_variables
    return kept(model, key, weights, lambda: _compile(model, n, batch_size, binarize))


def _compile(model: VAE, n: int, batch_size: int, binarize: bool) -> Steps:
    optimizer, at_most = model.optimizer, at_once(STEPS_PER_CALL, batch_size)
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
            ahead = minibatch(x, order, tf.minimum(i, at_most - 1), seed) if binarize else 0
        return sums

    order = tf.TensorSpec([at_most * batch_size], tf.int32)
    n_steps, seed = tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int64)
    x = tf.TensorSpec([n, *model.x_shape])
    return cast("Steps", steps.get_concrete_function(x, order, n_steps, seed))


def _make_folder(out: Any) -> Path:
    folder = folder_of("out", out)
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


def _identity(model: VAE, settings: TrainingParameters, images: list[np.ndarray]) -> dict[str, Any]:
    """What a training is made of, but for its length: a checkpoint of another is refused.

    How often it reports and is saved changes no weight, unless a report may end it. Where a network
    of one's own starts by chance, each program starts it with other weights: they tell nothing.
    """
    free = {"iterations", "every"}
    if "patience" not in settings.model_fields_set:
        free.add("report_every")
    config = model.get_config()
    start = "by chance" if starts_by_chance(config) else digest(*variables_of(model))
    return {
        "model": config,
        "optimizer": model.optimizer.get_config(),
        "loss": repr(model.loss_given),
        "images": digest(*images),
        "weights at the start": start,
        **settings.model_dump(exclude=free),
    }


class _Course:
    """A training on its way: all that has to be known to go on."""

    def __init__(self, model: VAE, settings: TrainingParameters, held_out: Any) -> None:
        self.model, self.settings, self.held_out = model, settings, held_out
        self.begin = self.at = int(model.optimizer.iterations)
        self.sums = np.zeros(3)  # since the last report
        names = HISTORY if held_out is None else HISTORY + HELD_OUT
        self.reports: dict[str, list[Any]] = {name: [] for name in names}
        self.best, self.since_best = np.inf, 0  # the lowest loss on held-out images; reports since
        self.best_weights: list[np.ndarray] = []
        self.compiler = ""

    @property
    def end(self) -> int:
        """The iteration that it comes to, unless it is ended before."""
        return self.begin + self.settings.iterations

    def is_over(self) -> bool:
        """Whether it has come to its end, or no better for too long."""
        return self.at >= self.end or self.since_best >= self.settings.patience

    def is_at(self, span: int) -> bool:
        """Whether it stands at a multiple of a span from its beginning, or at its end."""
        return (self.at - self.begin) % span == 0 or self.at == self.end

    def next_stop(self, *spans: int) -> int:
        """The next iteration at a multiple of a span, or the end; within a call of the graph."""
        done = self.at - self.begin
        nearest = min(self.at + span - done % span for span in spans)
        return min(self.end, nearest, self.at + at_once(STEPS_PER_CALL, self.settings.batch_size))

    def add(self, stop: int, sums: np.ndarray, kept: str) -> None:
        """Count what was summed up until a stop, unless training has gone astray."""
        check_training(sums.sum(), variables_of(self.model), self.at, stop, kept)
        self.sums, self.at = self.sums + sums, stop

    def report(self) -> np.ndarray:
        """Take down the averages since the report before; return the samples, `(16, *x_shape)`."""
        *_, before = [self.begin, *self.reports["iteration"]]
        z = standard_normal((16, self.model.z_dim), (self.settings.seed, 0))  # (16, z_dim)
        samples: np.ndarray = self.model.decode(z).numpy()  # (16, *x_shape)
        values = [self.at, *self.sums / (self.at - before), samples]
        if self.held_out is not None:
            values += [*_held_out_losses(self.model, self.held_out, self.settings.seed)]
        for name, value in zip(self.reports, values, strict=True):
            self.reports[name].append(value)
        self.sums = np.zeros(3)
        self._judge()
        return samples

    def _judge(self) -> None:
        """Keep the weights, if no report before was as good on the held-out images."""
        objective = self.model.loss_given
        warming_up = objective is not None and self.at < objective.warm_up  # losses do not compare
        if "patience" not in self.settings.model_fields_set or warming_up:
            return
        self.since_best += 1
        if (loss := self.reports["val_loss"][-1]) < self.best:
            self.best, self.since_best, self.best_weights = loss, 0, self.model.get_weights()

    def history(self) -> History:
        """What was reported."""
        history = History({name: np.array(values) for name, values in self.reports.items()})
        history.compiler = self.compiler
        return history

    def arrays(self) -> dict[str, np.ndarray]:
        """The state of the training, in arrays by name."""
        variables = [variable.numpy() for variable in variables_of(self.model)]
        groups = {"variable": variables, "best": self.best_weights}
        return {
            "numbers": np.array([self.begin, self.at, self.best, self.since_best]),
            "sums": self.sums,
            **{f"{group} {i}": a for group, each in groups.items() for i, a in enumerate(each)},
            **{f"report {name}": np.array(values) for name, values in self.reports.items()},
        }

    def resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go to a state that was saved.

        Raises:
            ValueError: it is beyond the end.
        """

        def group(name: str) -> list[np.ndarray]:
            return [arrays[f"{name} {i}"] for i in range(sum(f"{name} " in key for key in arrays))]

        begin, at, self.best, since = arrays["numbers"]
        self.begin, self.at, self.since_best = int(begin), int(at), int(since)
        if self.at > self.end:
            raise ValueError(
                f"iterations was {self.settings.iterations}, and the checkpoint stands at "
                f"{self.at - self.begin}; it may be that, or more"
            )
        for variable, value in zip(variables_of(self.model), group("variable"), strict=True):
            variable.assign(value)
        self.sums, self.best_weights = arrays["sums"], group("best")
        self.reports = {name: [*arrays[f"report {name}"]] for name in self.reports}


def _compile_loss(model: VAE, n: int) -> Any:
    """Compile loss, reconstruction and KL of n held-out images, averaged."""

    @compiled
    def losses(x: Any, seed: Any) -> Any:
        eps = standard_normal(model.noise_shape(n), seed)  # (n, z_dim)
        loss, reconstruction, kl = model.losses_of(x, model.outputs_of(x, eps))
        return tf.stack([loss, tf.reduce_mean(reconstruction), tf.reduce_mean(kl)])  # (3,)

    specs = tf.TensorSpec([n, *model.x_shape]), tf.TensorSpec([2], tf.int64)
    return losses.get_concrete_function(*specs)


def _held_out_losses(model: VAE, x: np.ndarray, seed: int) -> np.ndarray:
    """Average loss, reconstruction and KL of held-out images, in nats, shape `(3,)`.

    The noise is the same each time, so that two numbers differ by the weights alone.
    """
    sums, weights = np.zeros(3), model.trainable_variables
    for start in range(0, len(x), AT_ONCE):
        part = x[start : start + AT_ONCE]  # (≤ AT_ONCE, *x_shape)
        make = partial(_compile_loss, model, len(part))
        losses = kept(model, ("held out", len(part)), weights, make)
        noise = tf.constant([seed, 1 + start], tf.int64)  # (seed, 0) is for the samples
        sums += len(part) * losses(tf.constant(part), noise).numpy()
    return sums / len(x)


def _checked_validation(model: VAE, x: Any, settings: TrainingParameters) -> np.ndarray | None:
    """Return held-out images as the model takes them; as coins, drawn once, if it learns coins."""
    if x is None:
        if "patience" in settings.model_fields_set:
            raise ValueError(
                f"patience was {settings.patience}, without validation; give it held-out images"
            )
        return None
    with naming("validation"):
        images = model.checked_images(x)  # (n, *x_shape)
    return draw_coins(images, (settings.seed, -1)).numpy() if settings.binarize else images


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
    validation: np.ndarray | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    every: int = 1000,
) -> History:
    """Train `model` on the images `x`, and report on the way.

    Training goes on from where the model's optimizer stands: two calls of 500 iterations
    do what one of 1,000 does. Weights that are frozen stay; other changes of the model are made
    known by `model.compile`.

    With a folder for checkpoints, a training that was stopped, however that happened, goes on
    where it was last saved when it is started again as it was: it ends with the weights of one
    that was not stopped, bit for bit. It may be started again with more iterations.

    What was reported so far is in `model.history`, too, for who stops a training by Ctrl-C.

    Args:
        model: a compiled model.
        x: images in [0, 1], shape `(n, *x_shape)`.
        iterations: number of minibatches to train on.
        batch_size: images in a minibatch.
        report_every: iterations between two reports.
        out: a folder for each report's 4×4 grid of samples: `000.png`, `001.png`, ..., after
            those that are there.
        binarize: whether to draw each pixel as a coin, anew each time it is shown (chapter 3).
        seed: of the order of the images, of the coins, and of the latent vectors behind the
            samples.
        validation: held-out images; each report says how well the model does on them.
        patience: reports without a better loss on these before training ends. With it, the model
            ends with the weights of its best report.
        checkpoint: a folder that keeps how far training has come.
        every: iterations between two checkpoints.

    Returns:
        By name, one entry a report: `iteration`; `loss`, `reconstruction` and `kl`, averaged since
        the report before, in nats; `samples`, the mean images of 16 fixed draws of the
        prior, shape `(reports, 16, *x_shape)`; and of held-out images `val_loss`,
        `val_reconstruction` and `val_kl`.

    Raises:
        ValueError: an argument is not what it may be, the model is not compiled, or the checkpoint
            is damaged or of another training.
        FloatingPointError: the loss, or a weight, is no longer a finite number; the checkpoints
            are from before.
    """
    given = {"iterations": iterations, "batch_size": batch_size, "report_every": report_every}
    given |= {"binarize": binarize, "seed": seed, "every": every}
    given |= {} if patience is None else {"patience": patience}
    settings = TrainingParameters(**validated(given, TrainingParameters))
    check_trainable(model)
    images = model.checked_images(x)  # (n, *x_shape)
    held_out = _checked_validation(model, validation, settings)
    folder = None if out is None else _make_folder(out)
    course = _Course(model, settings, held_out)
    with ExitStack() as opened:
        saved = None
        if checkpoint is not None:
            data = [images] if held_out is None else [images, held_out]
            saved = opened.enter_context(Checkpoints(checkpoint, _identity(model, settings, data)))
            course.resume(saved.newest() or course.arrays())
        try:
            _go_on(course, _as_tensor(x, images), folder, saved)
        finally:
            model.__dict__["history"] = course.history()  # not by `setattr`: Keras would track it
    return course.history()


def _go_on(course: _Course, x: Any, folder: Path | None, saved: Checkpoints | None) -> None:
    """Train until the course is over."""
    model, settings = course.model, course.settings
    if not course.is_over():
        steps = compile_steps(model, len(x), settings.batch_size, settings.binarize)
        course.compiler = compiler_of(steps)
    coins = tf.constant(settings.seed, tf.int64)
    spans = [settings.report_every] + [settings.every] * (saved is not None)
    length = at_once(STEPS_PER_CALL, settings.batch_size) * settings.batch_size
    with progress_bar(
        course.end, initial=course.at, desc=course.compiler, unit="iteration", lines=True
    ) as bar:
        while not course.is_over():
            start, stop = course.at, course.next_stop(*spans)
            rows = minibatch_order(len(x), settings.batch_size, start, stop, settings.seed).ravel()
            order = tf.constant(np.resize(rows, length))  # one shape
            sums = steps(x, order, tf.constant(stop - start), coins).numpy()
            course.add(stop, sums, "" if saved is None else saved.last())
            bar.update(stop - start)
            samples = course.report() if course.is_at(settings.report_every) else None
            if saved and (course.is_at(settings.every) or course.is_over()):
                saved.save(course.at, course.arrays())
            if folder and samples is not None:  # the checkpoint first: it is worth more
                _save_samples(samples, folder)
    if course.best_weights:
        model.set_weights(course.best_weights)
