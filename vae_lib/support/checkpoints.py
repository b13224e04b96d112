"""Checkpoints of long work: files that are whole or not there, of one run in one folder."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_lib.support.alone import alone_in
from vae_lib.support.damage import FAULTS
from vae_lib.support.files import folder_of, naming

KEPT = 3  # checkpoints in a folder: the last, and what is left where a disk damages it
DIGEST = "sha256:"  # how a value begins that stands for arrays
CONTENTS = "contents"  # in it, what tells changed arrays
IDENTITY = "identity"  # the array that says which run a checkpoint is of

Arrays = Mapping[str, np.ndarray]


def digest(*arrays: Any) -> str:
    """Tell arrays apart, by a few letters."""
    told = hashlib.sha256()
    for array in map(np.asarray, arrays):
        told.update(f"{array.dtype} {array.shape}".encode())
        told.update(np.ascontiguousarray(array).data)
    return f"{DIGEST}{told.hexdigest()[:32]}"


class Checkpoints:
    """The checkpoints of a run, in a folder that no other run uses meanwhile.

    Use it in a `with` block, at whose end the folder is free for others; the end of the process
    frees it, too.

    Args:
        folder: made where it is not there.
        identity: what the run is made of, by name; plain data. A run that differs in it is another.
        work: what it is, a word for the sentences of errors.

    Raises:
        ValueError: nothing can be written there, or another run is using it.
    """

    def __init__(
        self, folder: str | Path, identity: Mapping[str, Any], work: str = "training"
    ) -> None:
        self._folder, self._work = folder_of("checkpoint", folder), work
        self._identity = in_plain_words(identity)
        another = ValueError(
            f"checkpoint was '{folder}', which another {work} is using; it may be a folder of its "
            "own for each"
        )
        self._alone = alone_in(self._folder, another)

    def __enter__(self) -> "Checkpoints":
        try:
            self._alone.__enter__()
        except OSError as error:
            raise ValueError(
                f"checkpoint was '{self._folder}', where nothing can be written "
                f"({error.strerror}); it may be a folder, new or old"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._alone.__exit__(None, None, None)

    def paths(self) -> list[Path]:
        """The checkpoints, the last first. A reader's own copies, of other names, are none."""
        return sorted(self._folder.glob(f"checkpoint-{'[0-9]' * 9}.npz"), reverse=True)

    def last(self) -> str:
        """Say which checkpoint is the last."""
        paths = self.paths()
        return f"the last good checkpoint is '{paths[0]}'" if paths else "no checkpoint was written"

    def save(self, iteration: int, arrays: Arrays) -> None:
        """Write a checkpoint, and delete those that are too old.

        Raises:
            OSError: the disk is full, say; the checkpoints before are as they were.
        """
        path = self._folder / f"checkpoint-{iteration:09d}.npz"
        part = self._folder / "checkpoint.part"  # one name: what a kill leaves is written over
        try:
            with naming(path), part.open("wb") as file:
                told = json.dumps({**self._identity, CONTENTS: _contents(arrays)})
                named: dict[str, Any] = {**arrays, IDENTITY: np.array(told)}
                np.savez(file, **named)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        for old in self.paths()[KEPT:]:
            old.unlink()

    def newest(self) -> dict[str, np.ndarray] | None:
        """Read the last checkpoint; None where there is none.

        Raises:
            ValueError: it is damaged, or of another run.
        """
        paths = self.paths()
        if not paths:
            return None
        try:
            # Opened here, since NumPy leaves a damaged archive open.
            with paths[0].open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            identity = json.loads(str(arrays.pop(IDENTITY)))
            # Without one it was written before there were any.
            if identity.pop(CONTENTS, None) not in (None, _contents(arrays)):
                raise ValueError("other arrays than were saved")
        except (*FAULTS, AttributeError, TypeError):  # the last two of an identity that is none
            before = f"{self._work} goes on from {paths[1].name}" if paths[1:] else "it starts anew"
            raise ValueError(
                f"the checkpoint '{paths[0]}' is damaged; delete it, and {before}"
            ) from None
        if others := _differences(identity, self._identity):
            raise ValueError(
                f"the checkpoint '{paths[0]}' is of another {self._work}: {others}; take another "
                "folder, or give what was given then"
            )
        return arrays


def _contents(arrays: Arrays) -> str:
    """Tell apart what checkpoints hold: archives notice changed bits, not members that are lost."""
    names = sorted(arrays)
    return digest(np.frombuffer("\0".join(names).encode(), np.uint8), *map(arrays.get, names))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Find what nested plain data holds, by where it stands."""
    if isinstance(value, Mapping):
        parts = [*value.items()]
    elif isinstance(value, list | tuple):
        parts = [*enumerate(value)]
    else:
        yield path, value if isinstance(value, str | int | float | bool | None) else str(value)
        return
    for name, part in parts:
        yield from _leaves(part, f"{path} {name}".strip())


def starts_by_chance(config: Mapping[str, Any]) -> bool:
    """Tell whether a configuration of Keras's has weights that start by no seed."""
    return any(
        leaf is None and "initializer" in path and path.endswith(" seed")
        for path, leaf in _leaves(config)
    )


def in_plain_words(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten nested data, such as configurations of Keras's, so that they can be compared.

    The names that Keras gives to objects are numbered: it counts on, so that no two are alike.
    """
    leaves = dict(_leaves(identity))
    names = [value for path, value in leaves.items() if path.split()[-1] == "name"]
    numbers = {name: f"name {i}" for i, name in enumerate(dict.fromkeys(names))}
    return {path: numbers.get(str(value), value) for path, value in leaves.items()}


def _differences(then: dict[str, Any], now: dict[str, Any]) -> str:
    """Say in what two identities differ; of much, the first."""
    names = [name for name in {**now, **then} if then.get(name) != now.get(name)]
    said = [
        f"other {name}"
        if str(now.get(name)).startswith(DIGEST)
        else f"{name} was {then.get(name)!r}, now {now.get(name)!r}"
        for name in names[:3]
    ]
    return ", ".join(said) + ", …" * (len(names) > 3)
