"""A process that opens one mutated file after another, and says what came of each.

Its arguments: a kind of file, a folder of its own, the first number and the last.
"""

import hashlib
import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from tests.promises.mutator import mutated
from vae_lib.data import load_images
from vae_lib.data.archive import read_arrays
from vae_lib.data.pictures import _from_cache
from vae_lib.support.checkpoints import Checkpoints

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (4, 16, 16), np.uint8)
Y = np.array([0, 1, 0, 1], np.uint8)
IDENTITY = {"seed": 0}
ARRAYS = {"variable 0": X, "variable 1": X[::-1].copy(), "numbers": np.arange(4.0)}


def content_of(save, *args, **kwargs):
    """What is written to a file."""
    made = io.BytesIO()
    save(made, *args, **kwargs)
    return made.getvalue()


class Kind:
    """How a kind of file is made, and what it holds when it is opened; None for nothing."""

    def __init__(self, folder):
        self.path = folder / "file"

    def put(self, content):
        """Write a file to be opened."""
        self.path.write_bytes(content)


class Npz(Kind):
    """Images and their classes."""

    def whole(self):
        return content_of(np.savez, x=X, y=Y)

    def held(self):
        return images_held(load_images(self.path))


class Npy(Npz):
    """Images."""

    def whole(self):
        return content_of(np.save, X)


class Digits(Kind):
    """Arrays with known digests."""

    def whole(self):
        return content_of(np.savez_compressed, x=X, y=Y)

    def held(self):
        known = {n: (a.shape, hashlib.sha256(a).hexdigest()) for n, a in (("x", X), ("y", Y))}
        return read_arrays(self.path, known, "take another")["x"]


class Png(Kind):
    """A folder with a picture."""

    format = "PNG"

    def __init__(self, folder):
        (folder / "pictures").mkdir(exist_ok=True)
        self.path = folder / "pictures" / f"b.{self.format.lower()}"
        Image.fromarray(X[0]).save(folder / "pictures" / "a.png")

    def whole(self):
        return content_of(Image.fromarray(X[1]).save, self.format)

    def held(self):
        return images_held(load_images(self.path.parent, size=16))


class Jpg(Png):
    """The same, with a lossy one."""

    format = "JPEG"


class Cache(Kind):
    """Pictures that are kept decoded."""

    def whole(self):
        return content_of(np.savez, key=np.array("key"), images=X[..., None], done=np.array(["a"]))

    def held(self):
        found = _from_cache(self.path, "key")
        return None if found is None else found[0]


class Checkpoint(Kind):
    """Where a training stood."""

    def __init__(self, folder):
        self.folder, self.path = folder, folder / "checkpoint-000000001.npz"

    def whole(self):
        with Checkpoints(self.folder, IDENTITY) as saved:
            saved.save(1, ARRAYS)
        return self.path.read_bytes()

    def held(self):
        with Checkpoints(self.folder, IDENTITY) as saved:
            arrays = saved.newest()
        return np.concatenate([np.ravel(arrays[name]) for name in ARRAYS])


class Keras(Kind):
    """A model."""

    def __init__(self, folder):
        self.path = folder / "model.keras"

    def whole(self):
        from vae_lib.model import VAE
        from vae_lib.tensorflow_quietly import keras

        model = VAE(2, 3, 4)
        model.compile(keras.optimizers.Adam())
        model.save(self.path)
        return self.path.read_bytes()

    def held(self):
        from vae_lib.model import load_model

        return np.concatenate([w.ravel() for w in load_model(self.path).get_weights()])


def images_held(images):
    """The pixels of a set of images, which are what images may be."""
    assert images.x_train.dtype == np.float32, "other numbers"
    pixels = np.concatenate([images.x_train, images.x_test])
    assert pixels.ndim == 4, "another shape"
    assert 0 <= pixels.min() <= pixels.max() <= 1, "numbers beyond 0 and 1"
    return pixels


def outcome(opened, original, strict):
    """Right, refused in one sentence, or what is wrong."""
    try:
        found = opened.held()
    except ValueError as refusal:
        sentence = str(refusal)
        named = opened.path.name in sentence or opened.path.parent.name in sentence
        return "refused" if named and "\n" not in sentence else f"unclear: {sentence}"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    if strict and found is not None and not np.array_equal(found, original):
        return "believed: other numbers than were saved"
    return "right" if found is not None else "refused"


def main(kind, folder, first, last):
    """Open files, and print a line before each and after it."""
    warnings.simplefilter("ignore")
    folder, canary = Path(folder), Path(folder, "canary")
    kinds = (Npz, Npy, Digits, Png, Jpg, Cache, Checkpoint, Keras)
    opened = {each.__name__.lower(): each for each in kinds}[kind](folder)
    whole = opened.whole()
    opened.put(whole)
    original = opened.held()
    for number in range(int(first), int(last)):
        content, how = mutated(kind, whole, number, canary)
        opened.put(content)
        print(json.dumps([number, "opening"]), flush=True)
        # Made up, a file can hold other numbers rightly; a digest is known all the same.
        sure = kind in {"digits", "checkpoint"} or (
            how != "made up" and kind in {"npz", "cache", "keras"}
        )
        said = outcome(opened, original, sure)
        if canary.exists():
            said = "executed what it held"
        print(
            json.dumps([number, f"{said}" if said in {"right", "refused"} else f"{how}: {said}"]),
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
