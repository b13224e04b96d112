"""The variational autoencoder: encoder, reparameterization, decoder and loss, joined.

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014.
"""

import inspect
import math
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np

from vae_lib.data.images import as_images, is_array
from vae_lib.decoder import LIKELIHOODS, Decoder, Gaussian, Likelihood
from vae_lib.encoder import Encoder
from vae_lib.loss import Objective, elbo, kl_divergence, kl_per_dimension, log_ratio
from vae_lib.parameters import ModelParameters, ParameterError, SampleParameters, validated
from vae_lib.reparameterization import reparameterize, standard_normal
from vae_lib.support.astray import check_training
from vae_lib.support.files import replacing
from vae_lib.support.networks import check_decoder, shape_of, z_dim_of
from vae_lib.support.numbers import naming, several, shown, single
from vae_lib.support.precision import as_rows
from vae_lib.support.xla import drop_graphs
from vae_lib.tensorflow_quietly import keras, tf


class _Start(NamedTuple):
    """An optimizer as `compile` was given it."""

    optimizer: Any
    learning_rate: Any
    variables: list[np.ndarray]


@keras.saving.register_keras_serializable(package="vae_lib")
class VAE(keras.Model):
    """A variational autoencoder for images in [0, 1].

    An ordinary Keras model: `fit`, `evaluate`, `predict`, callbacks, `save` and
    `load_model` work. Nothing but images is passed to `fit`: they are their own target.

    To minimize something else, give `compile` an `Objective`, or override `objective`: `fit`,
    `train` and `train_together` all minimize it, and go on to report the true reconstruction and
    KL terms. To change what these are, override `terms`; to change how an image becomes logits,
    `outputs_of`.

    Args:
        z_dim: dimension of the latent space; 100 where no encoder of your own says another.
        h_dim: width of the hidden layer of the dense encoder and of the dense decoder, 128; or of
            each of several, from the image to z, and back in the decoder.
        x_dim: number of pixels, 784 where no network of your own says another; or the shape of an
            image, such as `(64, 64, 3)`.
        likelihood: p(x|z): `"bernoulli"`, `"gaussian"` with mean sigmoid(logits), another of
            `decoder.LIKELIHOODS`, or an object of the class `decoder.Likelihood`.
        variance: σ² of `"gaussian"`; 1 means p(x|z) = N(f(z), I).
        seed: of the initial weights of the dense networks and of the noise ε. Equal seeds on one
            machine give equal numbers. Training and evaluation draw from streams of their own, so
            that evaluating along the way does not change what training does.
        activation: of the dense networks' hidden layers, by Keras's name.
        encoder: a network of your own: any Keras layer or model that makes of images
            `(batch, *x_shape)` a mean and a log-variance, `(batch, z_dim)` each.
        decoder: a network of your own, from z, `(batch, z_dim)`, to the parameters of the
            likelihood: logits, `(batch, *x_shape)`, for most; where it has several parameters, as
            many times as long on the last axis.

    Raises:
        ParameterError: an argument is not what it may be.
        ValueError: a network does not fit.
    """

    def __init__(
        self,
        z_dim: int | None = None,
        h_dim: int | Sequence[int] | None = None,
        x_dim: int | Sequence[int] | None = None,
        likelihood: str | Likelihood = "bernoulli",
        variance: float = 1.0,
        seed: int = 0,
        *,
        activation: str | None = None,
        encoder: Any = None,
        decoder: Any = None,
        **kwargs: Any,
    ) -> None:
        given: dict[str, Any] = {"z_dim": z_dim, "h_dim": h_dim, "x_dim": x_dim}
        given |= {"likelihood": likelihood, "variance": variance, "seed": seed}
        given["activation"] = activation
        config = _config(given, encoder, decoder)
        super().__init__(**kwargs)
        self._config = config
        self.__dict__["_start"] = None  # beside the attributes that Keras tracks
        self.__dict__["_objective"] = None
        seeds = [int(s) for s in np.random.SeedSequence(config["seed"]).generate_state(4)]
        self._likelihood = _as_likelihood(config)
        self.encoder = self._dense_encoder(seeds[0]) if encoder is None else encoder
        self.decoder = self._dense_decoder(seeds[1]) if decoder is None else decoder
        self.training_noise = keras.random.SeedGenerator(seeds[2])
        self.evaluation_noise = keras.random.SeedGenerator(seeds[3])
        self.reconstruction_mean = keras.metrics.Mean(name="reconstruction")
        self.kl_mean = keras.metrics.Mean(name="kl")
        self.build((None, *self.x_shape))

    def _dense_encoder(self, seed: int) -> Encoder:
        sizes = self._config["z_dim"], self._config["h_dim"], self._config["activation"]
        return Encoder(*sizes, seed, dtype=self.dtype_policy)

    def _dense_decoder(self, seed: int) -> Decoder:
        h_dim, activation = self._config["h_dim"], self._config["activation"]
        h_dim = h_dim if isinstance(h_dim, int) else h_dim[::-1]
        shape = self._outputs_shape
        x_dim = shape if len(shape) > 1 else shape[0]
        return Decoder(x_dim, h_dim, activation, seed, dtype=self.dtype_policy)

    @property
    def _outputs_shape(self) -> tuple[int, ...]:
        """The shape of what the decoder gives for one z."""
        *others, last = self.x_shape
        return (*others, last * self.likelihood.parameters)

    @property
    def config(self) -> Mapping[str, Any]:
        """The arguments that the model was made with; they stay what they are."""
        return MappingProxyType(self._config)

    @property
    def z_dim(self) -> int:
        """Dimension of the latent space."""
        return int(self._config["z_dim"])

    @property
    def h_dim(self) -> int | tuple[int, ...] | None:
        """Width of the hidden layer, or of each of several; None where both networks are given."""
        return cast("int | tuple[int, ...] | None", self._config.get("h_dim"))

    @property
    def likelihood(self) -> Likelihood:
        """p(x|z), as an object."""
        return self._likelihood

    @property
    def variance(self) -> float:
        """σ² of the likelihood "gaussian"."""
        return float(self._config["variance"])

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The shape of an image."""
        return several(self._config["x_dim"])

    @property
    def x_dim(self) -> int:
        """Number of pixels, each color counted."""
        return math.prod(self.x_shape)

    @property
    def seed(self) -> int:
        """The seed that it was made with, or started again with."""
        return int(self._config["seed"])

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape `(batch, *x_shape)`.

        Raises:
            ValueError: a decoder of the reader's own does not give what the likelihood needs.
        """
        if "encoder" not in self._config:  # else a call has created its weights
            self.encoder.build(input_shape)
        if "decoder" in self._config:
            check_decoder(self.decoder, self.z_dim, self._outputs_shape)
        else:
            self.decoder.build((None, self.z_dim))

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Encode, draw one z for each image, decode.

        Args:
            x: images, shape `(batch, *x_shape)`.
            training: which stream of noise to draw ε from.

        Returns:
            `mean`, `log_var` and `z`, shape `(batch, z_dim)`, and `logits`, what the decoder
            gives, `(batch, *x_shape)` for most likelihoods.
        """
        noise = self.training_noise if training else self.evaluation_noise
        # No `ensure_shape`: with a static shape, XLA draws a minibatch's coins after the last step
        # and not beside it, and training on coins takes a third longer.
        eps = standard_normal(self.noise_shape(tf.shape(x)[0]), noise.next())  # (batch, z_dim)
        return self.outputs_of(x, eps)

    def noise_shape(self, batch: Any) -> tuple[Any, ...]:
        """The shape of the noise of a minibatch: `(batch, z_dim)`, or `(batch, draws, z_dim)`."""
        draws = self.loss_given.n_samples if self.loss_given else 1
        return (batch, draws, self.z_dim) if draws > 1 else (batch, self.z_dim)

    def outputs_of(self, x: Any, eps: Any) -> dict[str, Any]:
        """Encode, reparameterize, decode: what `call` returns, for noise that is given.

        Args:
            x: images, shape `(batch, x_dim)`.
            eps: draws of N(0, I), shape `(batch, z_dim)`; or several for each image,
                `(batch, draws, z_dim)`: then z and the logits have that axis, too.

        Returns:
            As `call`; for an importance-weighted bound also the `log_ratio` of each draw.
        """
        mean, log_var = map(_in_single_precision, self.encoder(x))  # (batch, z_dim) each
        eps = tf.cast(eps, mean.dtype)
        one = len(eps.shape) < 3  # one row for all images will do, too
        q = (mean, log_var) if one else (mean[:, None], log_var[:, None])
        z = reparameterize(*q, eps)  # (batch, z_dim) or (batch, draws, z_dim)
        outputs = {"mean": mean, "log_var": log_var, "z": z}
        if self.loss_given is not None and self.loss_given.importance_weighted:
            z, outputs["log_ratio"] = self.loss_given.weigh(z, *q)  # (batch,) or (batch, draws)
        if one:
            return {**outputs, "logits": self.logits_of(z, x)}
        draws = tf.shape(eps)[1]
        shown = tf.repeat(x, draws, axis=0)  # (rows, *x_shape)
        logits = self.logits_of(tf.reshape(z, (-1, self.z_dim)), shown)  # (rows, *x_shape)
        logits = tf.reshape(logits, (-1, draws, *logits.shape[1:]))
        return {**outputs, "logits": logits}

    def logits_of(self, z: Any, x: Any) -> Any:
        """Decode a latent vector of each example, `(n, z_dim)`; the logits are `(n, *x_shape)`.

        A decoder that is told something of `x` besides, a class, say, overrides this.
        """
        return _in_single_precision(self.decoder(z))

    def log_likelihood(self, x: Any, logits: Any) -> Any:
        """Compute log p(x|z) of each image by this model's likelihood, in nats, `(batch,)`.

        With more axes before those of an image, as many come back, as where z has several draws.
        """
        return self.likelihood.log_prob(self._rows(x), *self.parameters_in(logits))

    def parameters_in(self, logits: Any) -> list[Any]:
        """The likelihood's parameters in what the decoder gives, rows, `(..., x_dim)` each."""
        kinds = self.likelihood.parameters
        parts = [logits] if kinds == 1 else tf.split(logits, kinds, axis=-1)
        return [self._rows(part) for part in parts]

    def _rows(self, images: Any) -> Any:
        """Images as rows, `(..., x_dim)`, whatever comes before; rows, as they are."""
        axes = len(self.x_shape)
        if axes == 1:
            return images
        before = [-1 if n is None else n for n in images.shape[:-axes]]
        return tf.reshape(images, (*before, self.x_dim))

    @property
    def loss_given(self) -> Objective | None:
        """What `compile` was given to minimize; None for the method `objective`."""
        return cast("Objective | None", self.__dict__["_objective"])

    def terms(self, x: Any, outputs: dict[str, Any]) -> tuple[Any, Any]:
        """The two parts of the loss of each image, in nats, shape `(batch,)` each.

        Args:
            x: images, shape `(batch, x_dim)`.
            outputs: what `call` made of them.

        Returns:
            The reconstruction term −log p(x|z), and the KL term.
        """
        logits = outputs["logits"]
        if logits.shape.rank == len(self.x_shape) + 1:  # one draw
            x = tf.cast(x, logits.dtype)  # (batch, *x_shape)
            reconstruction = -self.log_likelihood(x, logits)  # (batch,)
        else:
            reconstruction = -tf.reduce_mean(self._log_likelihoods(x, logits), axis=1)  # (batch,)
        kl = kl_divergence(outputs["mean"], outputs["log_var"])  # (batch,)
        return reconstruction, kl

    def objective(self, reconstruction: Any, kl: Any) -> Any:
        """What training minimizes, for each image: minus the ELBO.

        Override this to minimize something else: β times the KL term, say.

        Args:
            reconstruction: −log p(x|z), in nats, shape `(batch,)`.
            kl: KL(q(z|x) ‖ p(z)), in nats, shape `(batch,)`.

        Returns:
            Shape `(batch,)`.
        """
        return -elbo(-reconstruction, kl)

    def losses_of(self, x: Any, outputs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """The loss of a minibatch, and its two parts; every way to train calls this.

        Args:
            x: images, shape `(batch, x_dim)`.
            outputs: what the model made of them.

        Returns:
            The objective, averaged over the minibatch, with what layers add to it (regularizers,
            `add_loss`), shape `()`; the reconstruction and the KL term of each image, in nats,
            shape `(batch,)` each.

        Raises:
            ValueError: `objective` returned nothing.
        """
        reconstruction, kl = self.terms(x, outputs)  # (batch,), (batch,)
        if self.loss_given is not None:
            loss = self._loss_by(self.loss_given, x, outputs)
        else:
            objective = self.objective(reconstruction, kl)  # (batch,)
            if objective is None:
                raise ValueError("objective returned None; it may return one number for each image")
            loss = tf.reduce_mean(objective)
        for penalty in self.losses:
            loss += tf.cast(penalty, loss.dtype)
        return loss, reconstruction, kl

    def _loss_by(self, objective: Objective, x: Any, outputs: dict[str, Any]) -> Any:
        """What an `Objective` makes of a minibatch, shape `()`."""
        mean, log_var = outputs["mean"], outputs["log_var"]  # (batch, z_dim) each
        ratio = outputs.get("log_ratio")
        if ratio is None:
            if type(objective).weigh is not Objective.weigh:
                raise ValueError(
                    f"loss was {objective!r}, and {type(self).__name__} overrides outputs_of, "
                    "which has to call the loss's weigh; it may be a plain Objective"
                )
            z = tf.reshape(outputs["z"], (-1, objective.n_samples, self.z_dim))
            ratio = log_ratio(z, mean[:, None], log_var[:, None])
        ratio = tf.reshape(ratio, (-1, objective.n_samples))  # (batch, draws)
        log_likelihood = self._log_likelihoods(x, outputs["logits"])  # (batch, draws)
        kl = kl_per_dimension(mean, log_var)  # (batch, z_dim)
        return objective(log_likelihood, ratio, kl, self.optimizer.iterations)

    def _log_likelihoods(self, x: Any, logits: Any) -> Any:
        """Compute log p(x|z) of each image for each of its draws, in nats, `(batch, draws)`."""
        draws = logits.shape[1] if logits.shape.rank > len(self.x_shape) + 1 else 1
        x = tf.repeat(tf.cast(x, logits.dtype), draws, axis=0)  # (batch · draws, *x_shape)
        logits = tf.reshape(logits, (-1, *self._outputs_shape))
        return tf.reshape(self.log_likelihood(x, logits), (-1, draws))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss that Keras minimizes; `losses_of` says what it is.

        Raises:
            ValueError: a target or sample weights were given: images are their own target, and
                count alike.
        """
        _refuse(y=y, sample_weight=sample_weight)
        loss, reconstruction, kl = self.losses_of(x, y_pred)
        self.reconstruction_mean.update_state(reconstruction)
        self.kl_mean.update_state(kl)
        # Several devices, each with its part of the minibatch: Keras adds up what they return.
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **settings: Any,
    ) -> None:
        """Compile as in Keras; a loss, if there is one, is an `Objective`.

        Raises:
            ValueError: another loss or metrics were given, or no optimizer; or an `Objective` for
                a class with an `objective` or with `terms` of its own.
        """
        if optimizer is None:
            raise ValueError("optimizer was None; it may be keras.optimizers.Adam(), say")
        objective = loss if isinstance(loss, Objective) else None
        _refuse(
            loss=None if objective else loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
        )
        for method in ("objective", "terms") if objective else ():
            if getattr(type(self), method) is not getattr(VAE, method):
                raise ValueError(
                    f"loss was {objective!r}, and {type(self).__name__} overrides {method}; it may "
                    "be one of the two"
                )
        super().compile(optimizer, **settings)
        self.__dict__["_objective"] = objective
        drop_graphs(self)
        self.optimizer.build(self.trainable_variables)
        # What `restart` goes back to.
        self.__dict__["_start"] = _Start(
            self.optimizer,
            _unscaled(self.optimizer).get_config()["learning_rate"],
            [variable.numpy() for variable in self.optimizer.variables],
        )

    # Keras requires this method and the next of a model that overrides `compile`.
    def get_compile_config(self) -> dict[str, Any]:
        """What Keras needs to compile this model again, with the learning rate that it had then."""
        config = cast("dict[str, Any]", super().get_compile_config())
        if config:
            optimizer = config["optimizer"]["config"]
            optimizer = optimizer.get("inner_optimizer", {}).get("config", optimizer)
            optimizer["learning_rate"] = self.__dict__["_start"].learning_rate
            config["loss"] = keras.saving.serialize_keras_object(self.loss_given)
            # Keras forgets what was frozen, and then cannot load the optimizer.
            config["frozen"] = [i for i, part in self.parts() if not part.trainable]
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile a loaded model; where its optimizer stood is in the file, beside the weights."""
        config = dict(config)
        frozen = config.pop("frozen", [])
        for i, part in self.parts():
            if i in frozen:
                part.trainable = False
        self.compile(**keras.saving.deserialize_keras_object(config))

    def parts(self) -> Iterator[tuple[int, Any]]:
        """Number the model and all its layers; the whole comes before its parts."""
        return enumerate(self._flatten_layers())

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Train as Keras does, on images alone.

        Raises:
            ValueError: `x` is not what images may be, or something else was given besides.
            FloatingPointError: the loss, or a weight, is no longer a finite number at the end of
                an epoch; no callback has saved the model since.
        """
        fit = super().fit
        given = inspect.signature(fit).bind(x, *args, **kwargs).arguments
        callbacks = given.pop("callbacks", None)
        if not isinstance(callbacks, keras.callbacks.CallbackList):  # it takes no more
            callbacks = [_Watch(), *tf.nest.flatten(callbacks or [])]
        return self._on_images(fit, **given, callbacks=callbacks)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Average loss, reconstruction and KL over images, as Keras does.

        Raises:
            ValueError: as in `fit`.
        """
        return self._on_images(super().evaluate, x, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """What `call` makes of images, as arrays.

        Raises:
            ValueError: as in `fit`.
        """
        return self._on_images(super().predict, x, *args, **kwargs)

    def train_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Take one step, as Keras does.

        Raises:
            ValueError: as in `fit`.
        """
        return self._on_images(super().train_on_batch, x, *args, **kwargs)

    def test_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute loss, reconstruction and KL of one minibatch, as Keras does.

        Raises:
            ValueError: as in `fit`.
        """
        return self._on_images(super().test_on_batch, x, *args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """What `call` makes of one minibatch, as arrays.

        Raises:
            ValueError: as in `fit`.
        """
        return self._on_images(super().predict_on_batch, x)

    def _on_images(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a method of Keras's with images alone, which pass the gate."""
        given = dict(inspect.signature(method).bind(*args, **kwargs).arguments)
        given |= given.pop("kwargs", {})
        _refuse(**{n: given.get(n) for n in ("sample_weight", "class_weight", "y")})
        if given.get("x") is None:
            raise ValueError("x was not given; it may be images, as an array or a data set")
        gate = _Gate(self)
        if isinstance(images := given.get("validation_data"), tuple) and images:
            images, *others = images
            names = ("y of validation_data", "its sample_weight")
            _refuse(**dict(zip(names, others, strict=False)))
            with naming("validation_data"):
                given["validation_data"] = (gate.let_in(images),)
        elif images is not None:
            with naming("validation_data"):
                given["validation_data"] = gate.let_in(images)
        try:
            return method(**given | {"x": gate.let_in(given["x"])})
        except tf.errors.OpError:
            if gate.refusal is None:
                raise
            raise gate.refusal from None

    def checked_images(self, x: Any, bounded: bool = True) -> np.ndarray:
        """Images as this model takes them, float32 `(n, *x_shape)`; see `as_images`.

        A model that takes more than images, a class, say, overrides this.

        Raises:
            ValueError: `x` is not what images may be.
        """
        return as_images(x, self.x_shape, bounded)

    def encode(self, x: Any) -> tuple[Any, Any]:
        """The mean and the log-variance of q(z|x), `(n, z_dim)` each, of images.

        Raises:
            ValueError: `x` is not what images may be.
        """
        return tuple(map(_in_single_precision, self.encoder(self.checked_images(x))))

    def decode(self, z: Any) -> Any:
        """The mean images E[x|z], shape `(n, *x_shape)`, of latent vectors `(n, z_dim)`."""
        z = as_rows("z", z, self.z_dim)
        logits = _in_single_precision(self.decoder(z))
        mean = self.likelihood.mean(*self.parameters_in(logits))  # (n, x_dim)
        return tf.reshape(mean, (-1, *self.x_shape))  # (n, *x_shape)

    def reconstruct(self, x: Any) -> Any:
        """The mean images of images' mean codes, shape `(n, *x_shape)`: nothing is drawn.

        Raises:
            ValueError: `x` is not what images may be.
        """
        return self.decode(self.encode(x)[0])

    def sample(self, n: int, seed: int = 0) -> Any:
        """The mean images of `n` draws of the prior, shape `(n, *x_shape)`.

        They are E[x|z], as all pictures of the book; `likelihood.sample` adds the noise of p(x|z).

        Raises:
            ParameterError: an argument is not what it may be.
        """
        n, seed = validated({"n": n, "seed": seed}, SampleParameters).values()
        return self.decode(standard_normal((n, self.z_dim), (seed, 0)))

    def restart(self, seed: int) -> None:
        """Go back to the start with another seed, where compiling a new model would be slow.

        Weights, noise and optimizer become what they are in a new model with that seed.

        Args:
            seed: of the initial weights and of the noise.

        Raises:
            ParameterError: the seed is not what it may be.
            ValueError: the optimizer is not the one that the model was compiled with, or a network
                is the reader's own, which only the reader can make anew.
        """
        if {"encoder", "decoder"} & {*self._config}:
            raise ValueError(
                "the model has a network of your own, which does not start again with another "
                "seed; make a new model with new networks"
            )
        if getattr(self, "optimizer", None) is not None:
            check_compiled(self)
        start = type(self).from_config({**self.get_config(), "seed": seed})
        seed = start.config["seed"]
        self.set_weights(start.get_weights())
        self.training_noise.state.assign(start.training_noise.state)
        self.evaluation_noise.state.assign(start.evaluation_noise.state)
        self._config["seed"] = seed
        if getattr(self, "optimizer", None) is not None:
            begin = self.__dict__["_start"].variables
            for variable, value in zip(self.optimizer.variables, begin, strict=True):
                variable.assign(value)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this model again."""
        config = {**super().get_config(), **self._config}
        for name in ("likelihood", "encoder", "decoder"):
            if isinstance(part := config.get(name), keras.layers.Layer):
                config[name] = keras.saving.serialize_keras_object(part)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "VAE":
        """Make the model again, with networks of its own."""
        restored = {
            name: keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
            for name, value in config.items()
        }
        return cls(**restored)

    def __repr__(self) -> str:
        gaussian = self.config["likelihood"] == "gaussian"  # only then the variance counts
        unsaid = {"activation"} if self.config.get("activation") == "elu" else set()
        unsaid |= set() if gaussian else {"variance"}
        made = ", ".join(f"{n}={_short(v)}" for n, v in self.config.items() if n not in unsaid)
        optimizer = getattr(self, "optimizer", None)
        stage = "not compiled, at iteration 0"
        if optimizer is not None:
            with tf.init_scope():  # inside a graph, too, it is a number
                stage = f"{type(optimizer).__name__} at iteration {int(optimizer.iterations):,}"
        return f"{type(self).__name__}({made})\n{self.count_params():,} weights\n{stage}"

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **others: Any
    ) -> None:
        """Save the model, as Keras does; where that fails, the file that was there stays."""
        if isinstance(filepath, str | os.PathLike):
            filepath = os.path.expanduser(filepath)  # noqa: PTH111 (pathlib's may raise)
        path = Path(str(filepath))
        if zipped is False or not overwrite or path.suffix != ".keras" or not path.parent.is_dir():
            super().save(filepath, overwrite, zipped, **others)
            return
        with replacing(path) as part:
            super().save(part, **others)

    # Keras does not save the state of a SeedGenerator. With it in the file, training
    # that goes on from a saved model draws the noise it would have drawn without the stop.
    def save_own_variables(self, store: Any) -> None:
        """Write the positions of the two streams of noise."""
        store["training_noise"] = self.training_noise.state.numpy()
        store["evaluation_noise"] = self.evaluation_noise.state.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the positions of the two streams of noise."""
        self.training_noise.state.assign(store["training_noise"])
        self.evaluation_noise.state.assign(store["evaluation_noise"])


def _short(value: Any) -> str:
    """Write an argument of a model; of a network, its class."""
    return f"{type(value).__name__}(…)" if isinstance(value, keras.layers.Layer) else repr(value)


def _config(given: dict[str, Any], encoder: Any, decoder: Any) -> dict[str, Any]:
    """Check the arguments of a model, and complete them by what its networks take and give."""
    own = {"encoder": encoder, "decoder": decoder}
    own = {name: network for name, network in own.items() if network is not None}
    likelihood = {}
    if isinstance(given["likelihood"], Likelihood):
        likelihood = {"likelihood": given.pop("likelihood")}
    given = validated({n: v for n, v in given.items() if v is not None}, ModelParameters)
    config = ModelParameters().model_dump() | given | likelihood
    if len(own) == 2:
        for name in ("h_dim", "activation"):
            if name in given:
                raise ParameterError(
                    f"{name} was {given[name]!r}, which is of the dense networks; leave it out: "
                    "encoder and decoder are your own"
                )
            del config[name]
    _complete(config, given, "x_dim", shape_of(encoder, "input_shape"))
    if encoder is not None:
        _complete(config, given, "z_dim", z_dim_of(encoder, several(config["x_dim"])))
    elif (shape := shape_of(decoder, "input_shape")) is not None:
        _complete(config, given, "z_dim", shape[0])
    return config | own


def _complete(config: dict[str, Any], given: dict[str, Any], name: str, found: Any) -> None:
    """Set a size that a network decides; refuse another."""
    if found is None:
        return
    if name in given and several(given[name]) != several(found):
        raise ParameterError(
            f"{name} was {shown(given[name])}; the network of your own says {found!r}: leave it out"
        )
    config[name] = found


def _as_likelihood(config: dict[str, Any]) -> Likelihood:
    likelihood = config["likelihood"]
    if isinstance(likelihood, Likelihood):
        return likelihood
    if likelihood == "gaussian":
        return Gaussian(config["variance"])
    return LIKELIHOODS[likelihood]()


def load_model(path: str | Path) -> VAE:
    """Load a model that `model.save` wrote, with its optimizer and its noise: it can go on.

    `keras.models.load_model` does the same once this module is imported; without, it knows no VAE.
    A network or likelihood of your own is known where the module that defines it is imported, and
    its class has the decorator `keras.saving.register_keras_serializable()`.

    Args:
        path: a `.keras` file.

    Raises:
        ValueError: it is not there, or holds something else.
    """
    wanted = "it may be a .keras file that model.save wrote"
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ValueError(f"path was {path!r}; {wanted}")
    names: list[str] = []
    path = Path(path).expanduser()
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as file:
        names = file.namelist()
    if "config.json" not in names:
        raise ValueError(f"path was '{path}', where there is no model; {wanted}")
    import vae_lib.images  # noqa: F401 (makes its networks known)

    try:
        _refuse_damaged(path)
        model = keras.models.load_model(path)
    except Exception as error:  # whatever Keras meets in a file that is none of ours
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        said = said.partition(". ")[0]  # Keras goes on, with how to run what the file holds
        if isinstance(error, TypeError) and said.startswith("Could not locate"):
            raise ValueError(
                f"path was '{path}', which holds a class of your own that is not known here "
                f"({said}); import the module that registers it first"
            ) from error
        raise ValueError(
            f"path was '{path}', which is damaged or refused ({said}); {wanted}"
        ) from error
    if not isinstance(model, VAE):
        raise ValueError(f"path was '{path}', which holds a {type(model).__name__}; {wanted}")
    return model


def _refuse_damaged(path: Path) -> None:
    """Compare all of a file with its checksums: Keras takes damaged weights as they are."""
    with zipfile.ZipFile(path) as file:
        if (member := file.testzip()) is not None:
            raise ValueError(f"{member} has another checksum than when it was saved")


def variables_of(model: VAE) -> list[Any]:
    """All that a training changes: weights, noise, averages of layers, the optimizer."""
    return [*model.variables, *model.optimizer.variables]


class _Watch(keras.callbacks.Callback):
    """Stops Keras's training that has gone astray: the first to be asked when an epoch ends."""

    def _iterations(self) -> int:
        return int(tf.convert_to_tensor(self.model.optimizer.iterations))

    def on_train_begin(self, logs: Any = None) -> None:
        self._start = self._iterations()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        start, self._start = self._start, self._iterations()
        check_training(logs["loss"], variables_of(self.model), start, self._start)


def images_of(model: Any, x: Any) -> np.ndarray:
    """Images as a model takes them, float32 `(batch, *x_shape)`; refuse others, and no model."""
    _check_model(model)
    if isinstance(model, VAE):
        return model.checked_images(x, bounded=model.likelihood.bounded)
    return single("x", x, (None, None), "(batch, x_dim)")


def _check_model(model: Any) -> None:
    """Refuse what no bound can be computed for: the path of a model, say."""
    parts = ("encoder", "decoder", "log_likelihood", "__dict__")  # the last keeps the graph
    if isinstance(model, type) or not all(hasattr(model, part) for part in parts):
        said = repr(model) if isinstance(model, str) else f"of type {type(model).__name__}"
        raise ValueError(
            f"model was {said}; it may be a VAE, such as load_model(path), or an object that has "
            "an encoder, a decoder and a log_likelihood"
        )


class _Gate:
    """Checks images, and those of a data set when it comes to them.

    Attributes:
        refusal: why a minibatch of a data set was refused; TensorFlow's error hides it.
    """

    def __init__(self, model: VAE) -> None:
        self._model = model
        self.refusal: ValueError | None = None

    def let_in(self, source: Any) -> Any:
        """Return images, checked, or a source of minibatches that are checked as they come."""
        if isinstance(source, tf.data.Dataset):
            return source.map(self._in_a_graph)
        if isinstance(source, keras.utils.PyDataset):
            return _Checked(source, self)
        if isinstance(source, Iterator):
            return (self.minibatch(given) for given in source)  # Keras takes no `map`
        # What else Keras takes passes unchecked: a data set of PyTorch's, say.
        is_set = isinstance(source, Iterable) and not isinstance(source, str | bytes | Set)
        if is_array(source) or tf.is_tensor(source) or not is_set:
            return self._model.checked_images(source)
        return source

    @tf.autograph.experimental.do_not_convert
    def _in_a_graph(self, *given: Any) -> Any:
        x, *others = given
        if not tf.is_tensor(x):
            raise ValueError(
                f"x was a data set of {type(x).__name__}; it may be one of images alone"
            )
        x = tf.numpy_function(self._as_images, [x], tf.float32)
        x = tf.ensure_shape(x, (None, *self._model.x_shape))  # (batch, *x_shape)
        return (x, *others)

    def minibatch(self, given: Any) -> tuple[Any, ...]:
        """Check a minibatch, which Keras takes alone or as the first of several things."""
        x, *others = given if isinstance(given, tuple) else (given,)
        return (self._as_images(x), *others)

    def _as_images(self, x: Any) -> np.ndarray:
        try:
            return self._model.checked_images(x)
        except ValueError as refusal:
            self.refusal = refusal
            raise


class _Checked(keras.utils.PyDataset):
    """Another data set, each minibatch of which passes a gate."""

    def __init__(self, source: Any, gate: _Gate) -> None:
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self._source, self._gate = source, gate

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        return self._gate.minibatch(self._source[i])

    @property
    def num_batches(self) -> int | None:
        return cast("int | None", self._source.num_batches)

    def on_epoch_begin(self) -> None:
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._source.on_epoch_end()


def _unscaled(optimizer: Any) -> Any:
    """The optimizer inside of the one that scales a loss in half precision, if it does."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _in_single_precision(tensor: Any) -> Any:
    """Take what a layer computed in half precision to single: losses are sums over many pixels."""
    return tf.cast(tensor, tf.float32) if tensor.dtype.size < 4 else tensor


def _refuse(**given: Any) -> None:
    """Refuse arguments of Keras's that a VAE does not use.

    Raises:
        ValueError: names the first that was given.
    """
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name} was given; a VAE takes images alone, which are their own target and count "
                "alike: to minimize something else, give compile loss=Objective(…), or override "
                "VAE.objective"
            )


def check_compiled(model: Any) -> None:
    """Refuse a model whose optimizer did not come in through `compile`.

    Raises:
        ValueError: it is no VAE, has no optimizer, or another than it was compiled with.
    """
    if not isinstance(model, VAE):
        raise ValueError(f"model was a {type(model).__name__}; it may be a VAE")
    start = model.__dict__["_start"]
    if getattr(model, "optimizer", None) is None:
        raise ValueError("the model has no optimizer: call model.compile(keras.optimizers.Adam())")
    if start is None or model.optimizer is not start.optimizer:
        raise ValueError(
            "model.optimizer was set, which Keras does not make known to what it compiled: "
            "call model.compile(optimizer) instead"
        )


def check_plain(model: Any) -> None:
    """Refuse a model whose decoder is told more than z, or whose pixels are told of each other.

    Raises:
        ValueError: it is no VAE, or it overrides `logits_of` or `log_likelihood`.
    """
    if not isinstance(model, VAE):
        raise ValueError(f"model was a {type(model).__name__}; it may be a VAE")
    for method in ("logits_of", "log_likelihood"):
        if getattr(type(model), method) is not getattr(VAE, method):
            raise ValueError(
                f"model was a {type(model).__name__}, which overrides {method}, so that z alone "
                "does not say what p(x|z) is; it may be a VAE that does not"
            )


def check_trainable(model: Any, honored: tuple[str, ...] = ("call",)) -> None:
    """Refuse a model that `train` or `train_together` would not train as `fit` does.

    Args:
        model: a VAE.
        honored: methods that its class may override besides those meant for it.

    Raises:
        ValueError: it is not compiled, or it overrides, or its optimizer has, what only `fit`
            calls.
    """
    check_compiled(model)
    if not model.trainable_variables:
        raise ValueError(
            "all weights of the model are frozen; set trainable = True, and compile it"
        )
    # Keras's public face does not say which weights an optimizer was made for.
    known = {id(weight) for weight in model.optimizer._trainable_variables}
    if not {id(weight) for weight in model.trainable_variables} <= known:
        raise ValueError(
            "the model has weights that its optimizer was not made for, unfrozen since, or of "
            "another model; call model.compile with a new optimizer"
        )
    name = type(model).__name__
    for method in ("call", "compute_loss", "train_step"):
        if method in honored:
            continue
        if getattr(getattr(model, method), "__func__", None) is not getattr(VAE, method):
            raise ValueError(
                f"{name} overrides {method}, which is not called here; "
                "override objective, terms or outputs_of instead, or train it with fit"
            )
    for setting, instead in {
        "gradient_accumulation_steps": "a larger batch_size does the same",
        "loss_scale_factor": "losses are computed in single precision, where none is needed",
        "use_ema": "a callback or a loop around train can average weights",
    }.items():
        if getattr(model.optimizer, setting, None):
            raise ValueError(f"the optimizer has {setting}, which is for fit alone; {instead}")
    if isinstance(model.optimizer.iterations.value, tf.distribute.DistributedValues):
        raise ValueError(
            f"the model was made under a {type(model.distribute_strategy).__name__}, which is for "
            "fit alone; train it with fit, or make it outside of the strategy's scope"
        )
    if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            "the model computes in float16, and its optimizer scales the loss, which is for fit "
            "alone; train it with fit, or make it with dtype='mixed_bfloat16'"
        )
