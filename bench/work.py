"""The floating-point work of a training step, and the matrix products that it consists of."""

from typing import Any, NamedTuple

X_DIM, H_DIM = 784, 128
CONVOLVED = 100  # steps of a convolutional network in one turn


def as_pictures(x: Any) -> Any:
    """From rows `(n, 784)` to pictures `(n, 28, 28, 1)`."""
    return x.reshape(-1, 28, 28, 1)


class Product(NamedTuple):
    """A product of two matrices.

    Attributes:
        left: shape of the first factor as it is stored.
        right: shape of the second factor as it is stored.
        left_transposed: whether the first factor is a transposed view.
        right_transposed: whether the second factor is one.
    """

    left: tuple[int, int]
    right: tuple[int, int]
    left_transposed: bool = False
    right_transposed: bool = False


def layers(z_dim: int) -> list[tuple[int, int]]:
    """The shapes of the weights; mean and log-variance are one matrix of twice the width."""
    return [(X_DIM, H_DIM), (H_DIM, 2 * z_dim), (z_dim, H_DIM), (H_DIM, X_DIM)]


def products(batch_size: int, z_dim: int) -> list[Product]:
    """The eleven products of a step: four forward, four for weights' gradients, three for inputs'.

    The images' own gradient is not needed: the first layer has one product fewer.
    """
    shapes = layers(z_dim)
    forward = [Product((batch_size, i), (i, o)) for i, o in shapes]
    weights = [Product((batch_size, i), (batch_size, o), left_transposed=True) for i, o in shapes]
    inputs = [Product((batch_size, o), (i, o), right_transposed=True) for i, o in shapes[1:]]
    return forward + weights + inputs


def step_flop(batch_size: int, z_dim: int) -> int:
    """Floating-point operations of one step: 2 for each multiply-add of the eleven products."""
    forward = [i * o for i, o in layers(z_dim)]
    return batch_size * (6 * sum(forward) - 2 * forward[0])
