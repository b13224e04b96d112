"""The variational autoencoder: encoder, reparameterization, decoder and loss, joined.

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014.
"""

from typing import Any

import numpy as np

from vae_lib.decoder import (
    Decoder,
    bernoulli_log_likelihood,
    gaussian_log_likelihood,
    pixel_mean,
)
from vae_lib.encoder import Encoder
from vae_lib.loss import elbo, kl_divergence
from vae_lib.parameters import ModelParameters, check_parameters
from vae_lib.reparameterization import reparameterize, standard_normal
from vae_lib.tensorflow_quietly import keras, tf


@keras.saving.register_keras_serializable(package="vae_lib")
class VAE(keras.Model):
    """A variational autoencoder for flat images in [0, 1].

    An ordinary Keras model: `fit`, `evaluate`, `predict`, callbacks, `save` and
    `load_model` work. Nothing but images is passed to `fit`: they are their own target.

    Args:
        z_dim: dimension of the latent space.
        h_dim: width of the hidden layer of the encoder and of the decoder.
        x_dim: number of pixels.
        likelihood: p(x|z): `"bernoulli"`, or `"gaussian"` with mean sigmoid(logits).
        variance: σ² of the Gaussian likelihood; 1 means p(x|z) = N(f(z), I).
        seed: of the initial weights and of the noise ε. Equal seeds on one machine give
            equal numbers. Training and evaluation draw from streams of their own, so
            that evaluating along the way does not change what training does.

    Raises:
        ParameterError: an argument is not what it may be.
    """

    def __init__(
        self,
        z_dim: int = 100,
        h_dim: int = 128,
        x_dim: int = 784,
        likelihood: str = "bernoulli",
        variance: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        arguments = {
            "z_dim": z_dim,
            "h_dim": h_dim,
            "x_dim": x_dim,
            "likelihood": likelihood,
            "variance": variance,
            "seed": seed,
        }
        check_parameters(arguments, ModelParameters)
        super().__init__(**kwargs)
        self.config: dict[str, Any] = arguments
        self.z_dim, self.x_dim, self.likelihood = z_dim, x_dim, likelihood
        seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(4)]
        self.encoder = Encoder(z_dim, h_dim, seeds[0])
        self.decoder = Decoder(x_dim, h_dim, seeds[1])
        self.training_noise = keras.random.SeedGenerator(seeds[2])
        self.evaluation_noise = keras.random.SeedGenerator(seeds[3])
        self.reconstruction_mean = keras.metrics.Mean(name="reconstruction")
        self.kl_mean = keras.metrics.Mean(name="kl")
        self.build((None, x_dim))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape `(batch, x_dim)`."""
        self.encoder.build(input_shape)
        self.decoder.build((None, self.z_dim))

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Encode, draw one z for each image, decode.

        Args:
            x: images, shape `(batch, x_dim)`.
            training: which stream of noise to draw ε from.

        Returns:
            `mean`, `log_var` and `z`, shape `(batch, z_dim)`, and `logits`, `(batch, x_dim)`.
        """
        noise = self.training_noise if training else self.evaluation_noise
        mean, log_var = self.encoder(x)  # (batch, z_dim), (batch, z_dim)
        eps = standard_normal(tf.shape(mean), noise.next())  # (batch, z_dim)
        z = reparameterize(mean, log_var, eps)  # (batch, z_dim)
        return {"mean": mean, "log_var": log_var, "z": z, "logits": self.decoder(z)}

    def log_likelihood(self, x: Any, logits: Any) -> Any:
        """Compute log p(x|z) of each image by this model's likelihood, in nats, `(batch,)`."""
        if self.likelihood == "bernoulli":
            return bernoulli_log_likelihood(x, logits)
        return gaussian_log_likelihood(x, pixel_mean(logits), self.config["variance"])

    def terms(self, x: Any, outputs: dict[str, Any]) -> tuple[Any, Any]:
        """The two parts of the loss of each image, in nats, shape `(batch,)` each.

        Args:
            x: images, shape `(batch, x_dim)`.
            outputs: what `call` made of them.

        Returns:
            The reconstruction term −log p(x|z), and the KL term.
        """
        reconstruction = -self.log_likelihood(x, outputs["logits"])  # (batch,)
        kl = kl_divergence(outputs["mean"], outputs["log_var"])  # (batch,)
        return reconstruction, kl

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss that Keras minimizes: minus the ELBO, averaged over the minibatch.

        Raises:
            ValueError: sample weights were given; every image counts alike.
        """
        if sample_weight is not None:
            raise ValueError("sample_weight was given; a VAE weighs all images alike")
        reconstruction, kl = self.terms(x, y_pred)
        self.reconstruction_mean.update_state(reconstruction)
        self.kl_mean.update_state(kl)
        return tf.reduce_mean(-elbo(-reconstruction, kl))

    def decode(self, z: Any) -> Any:
        """The mean images E[x|z], shape `(n, x_dim)`, of latent vectors `(n, z_dim)`."""
        return pixel_mean(self.decoder(z))

    def restart(self, seed: int) -> None:
        """Go back to the start with another seed, where compiling a new model would be slow.

        Weights, noise and optimizer become what they are in a new model with that seed.

        Args:
            seed: of the initial weights and of the noise.

        Raises:
            ParameterError: the seed is not what it may be.
        """
        start = type(self).from_config({**self.get_config(), "seed": seed})
        self.set_weights(start.get_weights())
        self.training_noise.state.assign(start.training_noise.state)
        self.evaluation_noise.state.assign(start.evaluation_noise.state)
        self.config["seed"] = seed
        if getattr(self, "optimizer", None) is not None:
            optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
            for each in (self.optimizer, optimizer):
                each.build(self.trainable_variables)
            for mine, new in zip(self.optimizer.variables, optimizer.variables, strict=True):
                mine.assign(new)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this model again."""
        return {**super().get_config(), **self.config}

    def __repr__(self) -> str:
        gaussian = self.likelihood == "gaussian"  # only then the variance counts
        used = [name for name in self.config if gaussian or name != "variance"]
        made = ", ".join(f"{name}={self.config[name]!r}" for name in used)
        optimizer = getattr(self, "optimizer", None)
        stage = "not compiled, at iteration 0"
        if optimizer is not None:
            with tf.init_scope():  # inside a graph, too, it is a number
                stage = f"{type(optimizer).__name__} at iteration {int(optimizer.iterations):,}"
        return f"{type(self).__name__}({made})\n{self.count_params():,} weights\n{stage}"

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


def check_has_optimizer(model: Any) -> None:
    """Refuse a model that cannot be trained yet.

    Raises:
        ValueError: it has no optimizer.
    """
    if getattr(model, "optimizer", None) is None:
        raise ValueError("the model has no optimizer: call model.compile(keras.optimizers.Adam())")
