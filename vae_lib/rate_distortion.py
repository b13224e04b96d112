"""How much a code says, what makes it fall silent, and which factors it finds (chapter 9).

Everything is in nats. Sources: Alemi et al., "Fixing a Broken ELBO", 2018, for the plane; Cover and
Thomas, "Elements of Information Theory", 2006, section 10.3.3, for the water level; Fu et al.,
"Cyclical Annealing Schedule", 2019; He et al., "Lagging Inference Networks and Posterior Collapse
in Variational Autoencoders", 2019; Chen et al., "Isolating Sources of Disentanglement in VAEs",
2018, for the gap.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_lib.latent_space import aggregate_log_density
from vae_lib.loss import Objective
from vae_lib.model import VAE
from vae_lib.parameters import ObjectiveParameters, validated
from vae_lib.support.initializer import he_normal
from vae_lib.support.numbers import between, finite, log_variances, seed_of, shaped, single, whole
from vae_lib.tensorflow_quietly import keras, tf

Array = NDArray[Any]


# The plane


def leads(rate: ArrayLike, distortion: ArrayLike, betas: ArrayLike) -> Array:
    """By how much each model is better at its own β than the best of the others, in nats.

    In a plane with the rate to the right, each model lies on a line of slope −β, on which D + βR is
    the same everywhere. No other model may lie below that line.

    Args:
        rate: R of each model, `(..., models)`.
        distortion: D of each model, `(..., models)`.
        betas: the β that each was trained with, `(models,)`.

    Returns:
        Shape `(..., models)`; negative where another one is better.

    Raises:
        ValueError: the shapes do not belong together.
    """
    rate, distortion, betas = (
        finite(name, given, "(..., models)")
        for name, given in zip(
            ("rate", "distortion", "betas"), (rate, distortion, betas), strict=True
        )
    )
    if (
        betas.ndim != 1
        or len(betas) < 2
        or {rate.shape[-1:], distortion.shape[-1:]} != {betas.shape}
    ):
        raise ValueError(
            f"rate, distortion and betas had the shapes {rate.shape}, {distortion.shape} and "
            f"{betas.shape}; they may be (..., models) twice and (models,), of two models or more"
        )
    losses = distortion[..., None, :] + betas[:, None] * rate[..., None, :]  # (..., β, models)
    own = np.eye(len(betas), dtype=bool)
    others = np.where(own, np.inf, losses).min(axis=-1)  # (..., models)
    return np.asarray(others - np.diagonal(losses, axis1=-2, axis2=-1))


def water_filling(variances: ArrayLike, level: float, z_dim: int) -> tuple[float, float]:
    """The best linear code of Gaussian images, where error costs 1 / (2 · level) of a nat of rate.

    A direction that varies by more than the level is described down to an error of the level, and
    any other one not at all.

    Args:
        variances: of the images along their principal axes, the largest first, `(x_dim,)`.
        level: β σ².
        z_dim: how many directions may be described.

    Returns:
        The rate in nats, and the squared error, of an image.

    Raises:
        ValueError: an argument is not what it may be.
    """
    variances = finite("variances", variances, "(x_dim,)")
    level = between("level", level, 0)
    if variances.ndim != 1 or variances.size == 0 or np.any(np.diff(variances) > 0):
        raise ValueError(
            f"variances had the shape {variances.shape}; it may be (x_dim,), the largest first"
        )
    described = variances[: whole("z_dim", z_dim, 1)]  # (z_dim,)
    rate = 0.5 * np.log(np.maximum(described / level, 1)).sum()
    left = np.minimum(described, level).sum() + variances[z_dim:].sum()
    return float(rate), float(left)


def information(mean: ArrayLike, log_var: ArrayLike, seed: int = 0, draws: int = 1) -> Array:
    """Estimate how much a code tells n images apart: E[log q(z|x) − log q̄(z)], in nats.

    q̄ is the average over these n images, so that it is at most log n, whatever the rate.

    Args:
        mean: means of q(z|x), shape `(n, z_dim)`.
        log_var: their log-variances, shape `(n, z_dim)`.
        seed: of the draws.
        draws: of z for each image.

    Returns:
        Shape `(n,)`; the mean of it is the estimate.
    """
    mean = shaped("mean", mean, (None, None), "(n, z_dim)")
    log_var = log_variances(log_var, mean.shape)
    rng, total = np.random.default_rng(seed_of(seed)), np.zeros(len(mean))
    for _ in range(whole("draws", draws, 1)):
        eps = rng.normal(size=mean.shape)  # (n, z_dim)
        z = mean + np.exp(0.5 * log_var) * eps  # (n, z_dim)
        own = -0.5 * (eps**2 + log_var + np.log(2 * np.pi)).sum(axis=1)  # (n,)
        total += own - aggregate_log_density(z, mean, log_var)
    return np.asarray(total / draws)  # (n,)


# What can be changed while a compiled graph stands


@keras.saving.register_keras_serializable(package="vae_lib")
class AdjustableObjective(Objective):
    """An `Objective` whose numbers can be changed after `compile`, without compiling anew.

    Sources: Bowman et al., 2016, section 3.1, for the warm-up; Fu et al., 2019, equation 6, for one
    that is repeated.

    Args:
        beta: the weight of the KL term.
        warm_up: iterations over which that weight rises from 0, in a straight line.
        period: iterations after which the warm-up begins again; 0 for never.
        free_bits: nats that each latent dimension may cost without being charged more.
    """

    def __init__(
        self, beta: float = 1.0, warm_up: int = 0, period: int = 0, free_bits: float = 0.0
    ) -> None:
        super().__init__()
        self._numbers = {
            name: tf.Variable(0.0, trainable=False)
            for name in ("beta", "warm_up", "period", "free_bits")
        }
        self.turn(beta=beta, warm_up=warm_up, period=period, free_bits=free_bits)

    def turn(self, **numbers: Any) -> None:
        """Set some of the numbers that it was made with.

        Raises:
            ParameterError: one is not what it may be.
            ValueError: `period` is not what it may be.
        """
        others = {name: given for name, given in numbers.items() if name != "period"}
        checked = validated(others, ObjectiveParameters)
        if "period" in numbers:
            checked["period"] = whole("period", numbers["period"], 0)
        for name, value in checked.items():
            self._numbers[name].assign(float(value))
        self.warm_up = int(self._numbers["warm_up"])

    def beta_at(self, step: Any) -> Any:
        """The weight of the KL term after so many iterations, shape `()`."""
        step = tf.cast(step, tf.float32)
        period, warm_up = self._numbers["period"], self._numbers["warm_up"]
        step = tf.where(period > 0, tf.math.floormod(step, tf.maximum(period, 1.0)), step)
        risen = tf.where(warm_up > 0, tf.minimum(1.0, step / tf.maximum(warm_up, 1.0)), 1.0)
        return self._numbers["beta"] * risen

    def __call__(self, log_likelihood: Any, log_ratio: Any, kl: Any, step: Any) -> Any:
        """Compute the loss of a minibatch, as `Objective` does."""
        charged = tf.maximum(tf.reduce_mean(kl, axis=0), self._numbers["free_bits"])  # (z_dim,)
        return self.beta_at(step) * tf.reduce_sum(charged) - tf.reduce_mean(log_likelihood)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this object again."""
        numbers = {name: float(value.numpy()) for name, value in self._numbers.items()}
        return numbers | {name: int(numbers[name]) for name in ("warm_up", "period")}

    def __repr__(self) -> str:
        numbers = ", ".join(f"{n}={v!r}" for n, v in self.get_config().items())
        return f"AdjustableObjective({numbers})"


class PacedAdam(keras.optimizers.Adam):
    """Adam, by which the encoder and the rest of a model move at different paces.

    Both numbers can be changed after `compile`, by `pace`. They are not saved with a model: compile
    it with another optimizer before `save`.

    Args:
        learning_rate: step size.
        encoder: the encoder, whose weights have a pace of their own.
    """

    def __init__(self, learning_rate: float, encoder: Any) -> None:
        super().__init__(learning_rate)
        mine = {_of_tensorflow(variable).ref() for variable in encoder.trainable_variables}
        numbers = tf.Variable(1.0, trainable=False), tf.Variable(1.0, trainable=False)
        self.__dict__["_paced"] = mine, *numbers  # beside what Keras tracks

    def pace(self, encoder: float = 1.0, decoder_every: int = 1) -> None:
        """Set how long the encoder's steps are, and in which iterations the rest takes one.

        Args:
            encoder: a factor of the encoder's learning rate; below 1 it lags behind.
            decoder_every: iterations from one step of all other weights to the next.

        Raises:
            ValueError: a number is not what it may be.
        """
        _, factor, every = self.__dict__["_paced"]
        factor.assign(between("encoder", encoder, 0))
        every.assign(whole("decoder_every", decoder_every, 1))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one weight, by Adam at its own pace."""
        mine, factor, every = self.__dict__["_paced"]
        step = tf.cast(self.iterations, tf.float32)
        turn = tf.cast(tf.math.floormod(step, every) < 0.5, tf.float32)
        pace = factor if _of_tensorflow(variable).ref() in mine else turn
        super().update_step(gradient, variable, tf.cast(learning_rate, tf.float32) * pace)


def _of_tensorflow(variable: Any) -> Any:
    """TensorFlow's variable behind one of Keras, which passes the first in a graph."""
    return variable.value if isinstance(variable, keras.Variable) else variable


# A decoder that needs no code


@keras.saving.register_keras_serializable(package="vae_lib")
class EarlierPixels(keras.layers.Layer):
    """What the pixels before a pixel add to its logit: a masked layer, and one sum.

    Each pixel has hidden units of its own, which see nothing but the pixels before it.

    Args:
        units: hidden units of each pixel.
        reach: how many pixels back they see, row by row. `reach` can be assigned anew later.
        seed: of the initial weights.
    """

    def __init__(self, units: int = 4, reach: int = 0, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self._first = whole("units", units, 1), whole("reach", reach, 0)
        self.seed = seed
        self.reach = tf.Variable(float(reach), trainable=False)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape `(batch, x_dim)`."""
        x_dim = int(input_shape[-1] or 0)
        start, hidden = he_normal(self.seed), x_dim * self.units
        self.first = self.add_weight((x_dim, hidden), start, name="first")
        self.bias = self.add_weight((hidden,), "zeros", name="bias")
        self.second = self.add_weight((x_dim, self.units), "zeros", name="second")
        pixel = np.repeat(np.arange(x_dim), self.units)  # (hidden,): whose units they are
        self._back = np.float32(pixel - np.arange(x_dim)[:, None])  # (x_dim, hidden)
        self.built = True

    def masked(self) -> Any:
        """The first weights, zero from pixels that are not seen, `(x_dim, x_dim · units)`."""
        seen = (self._back > 0) & (self._back <= self.reach)
        return tf.where(seen, self.first, 0.0)

    def call(self, x: Any) -> Any:
        """From images `(batch, x_dim)` to what is added to their logits, `(batch, x_dim)`."""
        h = tf.nn.elu(tf.cast(x, tf.float32) @ self.masked() + self.bias)  # (batch, x_dim · units)
        h = tf.reshape(h, (-1, *self.second.shape))  # (batch, x_dim, units)
        return tf.reduce_sum(h * self.second, axis=-1)  # (batch, x_dim)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this layer again."""
        mine = {"units": self.units, "reach": self._first, "seed": self.seed}
        return {**super().get_config(), **mine}


@keras.saving.register_keras_serializable(package="vae_lib")
class AutoregressiveVAE(VAE):
    """A VAE of coins whose decoder sees z, and the pixels before the one that it draws, too.

    In training these are the image's own: teacher forcing. `earlier` holds the layer; with a reach
    of 0 it is an ordinary VAE.

    Args:
        reach: how many earlier pixels a pixel sees, row by row.
        units: hidden units of each pixel, which see them.
        kwargs: what a `VAE` takes; `x_dim` is a number.
    """

    def __init__(self, reach: int = 0, units: int = 4, **kwargs: Any) -> None:
        # `build`, which is called within, asks for them before Keras tracks attributes.
        self.__dict__["_of_earlier"] = {"reach": reach, "units": units}
        super().__init__(**kwargs)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape `(batch, x_dim)`."""
        super().build(input_shape)
        self.earlier = EarlierPixels(**self.__dict__["_of_earlier"], seed=self.seed)
        self.earlier.build((None, self.x_dim))

    def log_likelihood(self, x: Any, logits: Any) -> Any:
        """Compute log p(x|z) = Σ log p(x_i | x_1 … x_{i−1}, z), in nats, `(batch,)`."""
        return super().log_likelihood(x, logits + self.earlier(x))

    def draw(self, z: ArrayLike, seed: int = 0) -> Array:
        """Draw images of p(x|z), one pixel after the other, `(n, x_dim)`, of codes `(n, z_dim)`."""
        rng = np.random.default_rng(seed_of(seed))
        z = single("z", z, (None, self.z_dim), "(n, z_dim)")
        logits = np.asarray(self.decoder(z))  # (n, x_dim)
        second, bias = self.earlier.second.numpy(), self.earlier.bias.numpy()  # (x_dim, units)
        bias = bias.reshape(second.shape)
        first = self.earlier.masked().numpy().reshape(self.x_dim, *second.shape)
        u = rng.logistic(size=logits.shape)  # a coin shows 1 where its logit is above
        x = np.zeros_like(logits)
        for i in range(self.x_dim):
            h = x @ first[:, i] + bias[i]  # (n, units)
            h = np.where(h > 0, h, np.expm1(np.minimum(h, 0)))
            x[:, i] = logits[:, i] + h @ second[i] > u[:, i]
        return x

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this model again."""
        return {**super().get_config(), **self.__dict__["_of_earlier"]}


# Which factors a code finds


def binned_information(a: ArrayLike, b: ArrayLike, bins: int = 20) -> float:
    """Mutual information of two numbers, in nats, by a histogram of ranks.

    Each number that has more than `bins` values is cut into bins that hold as many examples: their
    order counts, and not how far apart they are.

    Args:
        a: shape `(n,)`.
        b: shape `(n,)`.
        bins: along each side.

    Raises:
        ValueError: an argument is not what it may be.
    """
    cells = [_cells(name, each, bins) for name, each in (("a", a), ("b", b))]
    if len(cells[0]) != len(cells[1]):
        raise ValueError(
            f"a and b had {len(cells[0])} and {len(cells[1])} numbers; they may have as many"
        )
    return _shared(*cells)


def _shared(*cells: Array) -> float:
    """Mutual information of the numbers of two bins, `(n,)` each, in nats."""
    shape = [each.max() + 1 for each in cells]
    counts = np.bincount(np.ravel_multi_index(cells, shape), minlength=np.prod(shape))
    joint = counts.reshape(shape) / len(cells[0])  # (bins of a, bins of b)
    alone = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log(joint[filled] / alone[filled])).sum())


def _cells(name: str, given: ArrayLike, bins: int) -> Array:
    """Number the bin of each of n numbers, `(n,)`."""
    values = finite(name, given, "(n,)")
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{name} had the shape {values.shape}; it may be (n,), n from 2")
    kinds, numbers = np.unique(values, return_inverse=True)
    if len(kinds) <= whole("bins", bins, 2):
        return np.asarray(numbers)
    return np.asarray(np.argsort(np.argsort(values, kind="stable")) * bins // len(values))


def mutual_information_gap(codes: ArrayLike, factors: ArrayLike, bins: int = 20) -> Array:
    """How far the best dimension is ahead of the next, in what it says of each factor.

    The gap is that of two mutual informations, divided by the factor's entropy: 1 where one
    dimension says all and no other says anything, 0 where the two best say as much.

    Args:
        codes: mean codes, shape `(n, z_dim)`, from two dimensions.
        factors: what the images were drawn from, shape `(n, factors)`.
        bins: of the histograms.

    Returns:
        Of each factor, shape `(factors,)`; the mean of it is the score (MIG).

    Raises:
        ValueError: the shapes do not belong together, or a factor does not vary.
    """
    codes, factors = finite("codes", codes, "(n, z_dim)"), finite("factors", factors)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or codes.shape[1] < 2:
        raise ValueError(
            f"codes and factors had the shapes {codes.shape} and {factors.shape}; they may be "
            "(n, z_dim), of two dimensions or more, and (n, factors)"
        )
    of_codes, gaps = [_cells("codes", code, bins) for code in codes.T], []
    for factor in factors.T:
        cells = _cells("factors", factor, bins)
        entropy = _shared(cells, cells)
        if entropy == 0:
            raise ValueError(f"factors held one that was always {factor[0]}; each may vary")
        said = np.sort([_shared(code, cells) for code in of_codes])
        gaps.append((said[-1] - said[-2]) / entropy)
    return np.array(gaps)  # (factors,)
