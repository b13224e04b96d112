"""A trained VAE in whole numbers: small enough for a web page, with a bound on what that costs.

Each weight becomes a whole number from -127 to 127 times a scale, one scale for each output
of a layer. So a network takes a byte for each weight instead of four.

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018, section 2 (here symmetric, and for weights only).
"""

import base64
from typing import Any, NamedTuple

import numpy as np

from vae_lib.decoder import Decoder
from vae_lib.encoder import Encoder
from vae_lib.model import VAE
from vae_lib.support.numbers import finite, shaped

LARGEST = 127

Array = np.ndarray[Any, Any]


class IntegerLayer(NamedTuple):
    """A dense layer whose weights are `integers * scale`.

    Attributes:
        integers: from -127 to 127, shape `(inputs, outputs)`.
        scale: positive, shape `(outputs,)`.
        bias: single precision, shape `(outputs,)`.
    """

    integers: Array
    scale: Array
    bias: Array

    def __call__(self, x: Any) -> Array:
        """From `(n, inputs)` to `(n, outputs)`."""
        out: Array = x @ (self.integers * self.scale) + self.bias
        return out

    def error(self, x: Any, x_error: Any) -> Array:
        """Bound how far the exact layer's output can be from this one's.

        Args:
            x: the input of this layer, shape `(n, inputs)`.
            x_error: how far the exact layer's input can be from it, same shape.

        Returns:
            The bound for each output, shape `(n, outputs)`.
        """
        rounding = np.broadcast_to(self.scale / 2, self.integers.shape)  # (inputs, outputs)
        largest = abs(self.integers) * self.scale + rounding  # of the exact weights
        bound: Array = abs(x) @ rounding + x_error @ largest
        return bound


def quantize_layer(layer: Any) -> IntegerLayer:
    """Round a Keras Dense layer's weights to whole numbers."""
    weights, bias = (np.asarray(values, np.float32) for values in layer.get_weights())
    largest = abs(weights).max(0)  # (outputs,)
    scale = np.where(largest > 0, largest, 1) / np.float32(LARGEST)
    return IntegerLayer(np.rint(weights / scale).astype(np.int8), scale.astype(np.float32), bias)


class QuantizedVAE(NamedTuple):
    """The NumPy twin of what a page computes: encoder and decoder in whole numbers."""

    hidden: IntegerLayer
    mean: IntegerLayer
    log_var: IntegerLayer
    decoder_hidden: IntegerLayer
    logits: IntegerLayer

    def encode(self, x: Any) -> tuple[Array, Array]:
        """From images `(n, x_dim)` to mean and log-variance, `(n, z_dim)` each."""
        x = shaped("x", x, (None, len(self.hidden.integers)), "(n, x_dim)")
        h = _elu(self.hidden(x.astype(np.float32)))  # (n, h_dim)
        return self.mean(h), self.log_var(h)

    def decode_logits(self, z: Any) -> Array:
        """From latent vectors `(n, z_dim)` to logits `(n, x_dim)`."""
        z = shaped("z", z, (None, len(self.mean.bias)), "(n, z_dim)")
        return self.logits(_elu(self.decoder_hidden(z)))

    def code_error(self, x: Any) -> tuple[Array, Array]:
        """Bound how far the model's mean and log-variance can be from those of `encode`."""
        a, a_error = self.hidden(x), self.hidden.error(x, np.zeros_like(x))  # (n, h_dim) each
        # No slope of the ELU is above 1, so it makes no error larger.
        return self.mean.error(_elu(a), a_error), self.log_var.error(_elu(a), a_error)

    def logits_error(self, z: Any) -> Array:
        """Bound how far the model's logits can be from those of `decode_logits`, `(n, x_dim)`."""
        a_error = self.decoder_hidden.error(z, np.zeros_like(z))  # (n, h_dim)
        return self.logits.error(_elu(self.decoder_hidden(z)), a_error)

    def packed(self) -> dict[str, Any]:
        """What a page needs, in text: sizes, and all layers' numbers in base64."""
        (x_dim, h_dim), z_dim = self.hidden.integers.shape, len(self.mean.bias)
        return {
            "sizes": {"x_dim": x_dim, "h_dim": h_dim, "z_dim": z_dim},
            "weights": base64_text(np.concatenate([layer.integers.ravel() for layer in self])),
            "scales": base64_text(np.concatenate([layer.scale for layer in self])),
            "biases": base64_text(np.concatenate([layer.bias for layer in self])),
        }


def quantize(model: Any) -> QuantizedVAE:
    """Round the weights of a `VAE` to whole numbers; the model stays as it is.

    Raises:
        ValueError: the likelihood is not Bernoulli, a network is not the dense one with a hidden
            layer of ELUs, the model computes or counts its loss in a way of its own, or a weight
            is no finite number.
    """
    if not isinstance(model, VAE):
        raise ValueError(f"model was of type {type(model).__name__}; it may be a trained VAE")
    likelihood = model.config["likelihood"]
    if likelihood != "bernoulli":
        raise ValueError(
            f"model.likelihood was {likelihood!r}; what runs in a page computes the loss of "
            "coins, so it may be 'bernoulli': train a model with likelihood='bernoulli'"
        )
    encoder, decoder = model.encoder, model.decoder
    if not (_runs_in_a_page(encoder, Encoder) and _runs_in_a_page(decoder, Decoder)):
        raise ValueError(
            "model had networks that do not run in a page; they may be VAE's own, with one hidden "
            "layer of ELUs: train a model without encoder, decoder or activation, with one h_dim"
        )
    for method in ("terms", "outputs_of", "log_likelihood"):
        if getattr(type(model), method) is not getattr(VAE, method):
            raise ValueError(
                f"model was a {type(model).__name__}, which overrides {method}; what runs in a "
                "page computes what VAE does: train a VAE"
            )
    (hidden,), (decoder_hidden,) = encoder.hidden, decoder.hidden
    layers = [hidden, encoder.mean, encoder.log_var, decoder_hidden, decoder.logits]
    bad = sum(np.sum(~np.isfinite(each)) for layer in layers for each in layer.get_weights())
    if bad:
        raise ValueError(
            f"model had {bad} weights that are no finite numbers; all may be finite: train it "
            "again, with a lower learning rate"
        )
    return QuantizedVAE(*map(quantize_layer, layers))


def _runs_in_a_page(network: Any, kind: Any) -> bool:
    """Whether a network is one that the page computes, too."""
    return type(network) is kind and network.activation == "elu" and len(network.hidden) == 1


def gray_bytes(x: Any) -> Any:
    """Round images in [0, 1] to the 256 grays that MNIST has, same shape."""
    images = finite("x", x)
    if images.size and not 0 <= images.min() <= images.max() <= 1:
        raise ValueError(f"x held {images.min():.8g} to {images.max():.8g}; it may hold 0 to 1")
    return np.rint(255 * images).astype(np.uint8)


def base64_text(values: Array | bytes) -> str:
    """Write numbers, as they lie in memory, as text; on every machine with the small end first."""
    if isinstance(values, np.ndarray):
        values = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(values).decode()


def _elu(a: Array) -> Array:
    return np.where(a > 0, a, np.expm1(np.minimum(a, 0)))
