"""The sizes at which the cost of `train` is measured."""

from typing import NamedTuple


class Case(NamedTuple):
    """One way to call `train` for an epoch."""

    z_dim: int
    batch_size: int
    images: int
    binarize: bool = False

    @property
    def steps(self) -> int:
        """Minibatches of an epoch."""
        return max(1, self.images // self.batch_size)


def groups(images: int, batch_size: int, z_dim: int) -> dict[str, dict[str, Case]]:
    """The cases to be compared: in each group one thing varies.

    A group is small enough for `train` to keep all its cases compiled.
    """
    base = Case(z_dim, batch_size, images)
    numbers = [images // 12, images // 4, images // 2, images]
    return {
        "z_dim": {str(z): base._replace(z_dim=z) for z in (2, 10, 100, 500)},
        "batch_size": {str(b): base._replace(batch_size=b) for b in (64, 128, 256, 512, 1024)},
        "images": {str(n): base._replace(images=n) for n in numbers},
        "binarize": {"gray": base, "binarized": base._replace(binarize=True)},
    }
