"""What a network of the reader's own takes and gives, found out before any work."""

from typing import Any

from vae_lib.tensorflow_quietly import keras, tf

Shape = tuple[int, ...]


def shape_of(network: Any, end: str) -> Shape | None:
    """The shape of one example at an end of a network, where Keras knows it before any call.

    Args:
        network: a Keras layer or model, or None.
        end: `"input_shape"` or `"output_shape"`.
    """
    try:
        shape = getattr(network, end, None)
    except (ValueError, RuntimeError):  # not built yet
        return None
    if not isinstance(shape, tuple) or len(shape) < 2 or None in shape[1:]:
        return None
    return shape[1:]


def z_dim_of(encoder: Any, x_shape: Shape) -> int:
    """Find how many dimensions an encoder's codes have, by a call with one image.

    Raises:
        ValueError: it does not take such an image, or does not give a mean and a log-variance.
    """
    form = "a mean and a log-variance, (batch, z_dim) each"
    made = _call("encoder", encoder, x_shape)
    if not isinstance(made, list | tuple) or len(made) != 2:
        kind = f"{len(made)} things" if isinstance(made, list | tuple) else _said(made)
        raise ValueError(f"encoder gave {kind}; it may give {form}")
    shapes = [tuple(part.shape) for part in made]
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][0] != 1:
        raise ValueError(
            f"encoder gave tensors of the shapes {shapes[0]} and {shapes[1]} for one image; it may "
            f"give {form}"
        )
    return int(shapes[0][1])


def check_decoder(decoder: Any, z_dim: int, shape: Shape) -> None:
    """Refuse a decoder that does not give what the likelihood needs, by a call with one z.

    Args:
        decoder: a Keras layer or model.
        z_dim: dimension of z.
        shape: of what it has to give for one z.

    Raises:
        ValueError: it does not take such a z, or gives another shape.
    """
    made = _call("decoder", decoder, (z_dim,))
    if isinstance(made, list | tuple | dict) or tuple(made.shape) != (1, *shape):
        raise ValueError(
            f"decoder gave {_said(made)} for one z; it may give "
            f"{shape}, with an axis for the batch before: {(1, *shape)}"
        )


def _said(made: Any) -> str:
    """Describe what a network gave."""
    return (
        f"the shape {tuple(made.shape)}" if hasattr(made, "shape") else f"a {type(made).__name__}"
    )


def _call(name: str, network: Any, shape: Shape) -> Any:
    """Call a network with one example of zeros, which creates its weights."""
    if not isinstance(network, keras.layers.Layer):
        raise ValueError(
            f"{name} was a {type(network).__name__}; it may be a Keras layer or model, an object "
            "and not its class"
        )
    try:
        return network(tf.zeros((1, *shape)))
    except Exception as error:  # whatever a network of another's raises
        said = str(error).strip() or type(error).__name__
        reason = said.splitlines()[0].partition(". ")[0].removesuffix(".")
        raise ValueError(
            f"{name} does not take one example of the shape {shape}: {reason}"
        ) from error
