"""Handwritten digits: all of MNIST, or 5,000 of them where there is no network.

Whatever the source, the arrays are compared with known SHA-256 digests before they are
used: the book's numbers and the reader's come from the same digits.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vae_lib.data.archive import Arrays, DataError, read_arrays
from vae_lib.data.download import OfflineError, download_file
from vae_lib.data.pictures import Images, load_images
from vae_lib.support.numbers import shown

__all__ = ["DataError", "Digits", "Images", "check_source", "load_images", "load_mnist"]

VARIABLE = "VAE_LIB_MNIST"
NAMES = ("auto", "keras", "small")
# 4,000 of MNIST's training digits to train on and 1,000 to test: 400 and 100 of each kind, drawn at
# random. Their license is beside them.
FILE_OF_FEWER = Path(__file__).with_name("mnist-5000.npz")

# The archive of `keras.datasets.mnist`.
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
URL_BYTES = 11_490_434
URL_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

# For each array its shape and the SHA-256 of its bytes.
ALL_DIGITS = {
    "x_train": (
        (60000, 28, 28),
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    "y_train": ((60000,), "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"),
    "x_test": ((10000, 28, 28), "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
    "y_test": ((10000,), "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"),
}
FEWER_DIGITS = {
    "x_train": ((4000, 28, 28), "4eef2c671af7a733a88ea2498955784902c549c10b1212466b2621a1f5e5175b"),
    "y_train": ((4000,), "c8357345828423d1352bd9549705e52d55865c6fb32db28d3d2466f54bda8cd1"),
    "x_test": ((1000, 28, 28), "3daff3213f0299fbdc32041bcf13b716270b47ffa085191f12bf51090d7d54ce"),
    "y_test": ((1000,), "425b796792fa6e4af3ef8f2501325b63bdf7b3bdb86678b45964fb13af87e545"),
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits, split into training and test data.

    Attributes:
        x_train: float32 images in [0, 1], 0 the background, `(n, 28, 28)` or `(n, 784)`.
        y_train: uint8 labels 0 to 9, `(n,)`.
        x_test: as `x_train`; no image of it is in `x_train`.
        y_test: as `y_train`.
        name: what the data are, "MNIST" or "5,000 digits of MNIST".
        source: where they were taken from, "file", "keras" or "small".
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.uint8]
    name: str
    source: str

    def __repr__(self) -> str:
        origin, meaning = _MEANING[self.source]
        sizes = f"{len(self.x_train):,} to train on, {len(self.x_test):,} to test"
        return f"{self.name}, {origin}: {sizes}.\n{meaning}"


_COMPARABLE = """All the digits, split as published.
Losses compare only where pixels are treated alike: see chapter 3."""
_MEANING = {
    "file": ("from the named file", _COMPARABLE),
    "keras": ("from Keras's copy", _COMPARABLE),
    "small": (
        "from this package",
        "A smaller set: expect overfitting sooner and a lower ELBO.\n"
        f"For all of MNIST, connect to a network once or set {VARIABLE} to its file.",
    ),
}


def load_mnist(source: str | os.PathLike[str] = "auto", *, flat: bool = False) -> Digits:
    """Load handwritten digits and verify that they are the ones the book was made with.

    Args:
        source: a copy of Keras's `mnist.npz`; "keras" for Keras's own copy, downloaded if
            need be; "small" for the 5,000 digits that are in this package; "auto" for what the
            environment variable `VAE_LIB_MNIST` says (any of these) or, where it is not set,
            Keras's copy, or the 5,000 when it cannot be downloaded.
        flat: whether images are `(n, 784)` rather than `(n, 28, 28)`.

    Returns:
        The digits; shown in a notebook, they say what they are and what that means.

    Raises:
        DataError: the source does not exist, or holds something else. Nothing is deleted.
    """
    if not isinstance(flat, bool):
        raise ValueError(f"flat was {shown(flat)}; it may be True or False")
    arrays, origin = _load(*_choose(source))
    shape = (-1, 784) if flat else (-1, 28, 28)
    return Digits(
        x_train=np.divide(arrays["x_train"], 255, dtype=np.float32).reshape(shape),
        y_train=arrays["y_train"],
        x_test=np.divide(arrays["x_test"], 255, dtype=np.float32).reshape(shape),
        y_test=arrays["y_test"],
        name="5,000 digits of MNIST" if origin == "small" else "MNIST",
        source=origin,
    )


def check_source(source: str | os.PathLike[str]) -> None:
    """Refuse what is no source for `load_mnist`, without reading anything.

    Raises:
        DataError: `source`, or `VAE_LIB_MNIST` where that decides, is neither a file nor a name.
    """
    _choose(source)


def _choose(source: str | os.PathLike[str]) -> tuple[str | Path, str]:
    """Return the name or file that decides, and the setting that it comes from."""
    setting = "source"
    is_path = isinstance(source, str | os.PathLike)
    if is_path and source == "auto" and os.environ.get(VARIABLE):
        source, setting = os.environ[VARIABLE], VARIABLE
    if isinstance(source, str) and source in NAMES:
        return source, setting
    if is_path:
        path = os.path.expanduser(source)  # noqa: PTH111 (pathlib's raises for "~nobody")
        if os.path.isfile(path):  # noqa: PTH113 (pathlib's raises in a locked folder)
            return Path(path), setting
    text = str(source) if is_path else shown(source)
    raise DataError(
        f"{setting} is {text!r}, which is not a file; "
        f"give the full path of a copy of mnist.npz, or one of {', '.join(NAMES)}."
    )


def _load(choice: str | Path, setting: str) -> tuple[Arrays, str]:
    """Read the chosen digits; return them and where they were taken from."""
    if isinstance(choice, Path):
        remedy = f"set {setting} to a copy of Keras's mnist.npz"
        return read_arrays(choice, ALL_DIGITS, remedy), "file"
    if choice != "small":
        try:
            return _keras_copy(), "keras"
        except OfflineError:
            if choice == "keras":
                raise
    return read_arrays(FILE_OF_FEWER, FEWER_DIGITS, "install vae-lib anew"), "small"


def _keras_copy() -> Arrays:
    """Read the archive in Keras's cache; download it, for Keras too, if it is not there."""
    home = os.environ.get("KERAS_HOME") or Path("~", ".keras")
    remedy = f'set {VARIABLE} to a copy of mnist.npz, or use source="small"'
    try:
        path = Path(home, "datasets", "mnist.npz").expanduser()
    except RuntimeError:
        raise OfflineError(
            f"{home}: there is no home folder to keep {URL} in; set KERAS_HOME to a folder, or "
            f"{remedy}."
        ) from None
    if not os.path.exists(path):  # noqa: PTH110 (as above)
        download_file(URL, URL_SHA256, URL_BYTES, path, remedy)
    return read_arrays(path, ALL_DIGITS, "delete it or move it away, and it is downloaded again")
