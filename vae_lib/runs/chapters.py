"""The chapters that are programs, too: what a sweep has to know of each."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from vae_lib.data import NAMES
from vae_lib.parameters import DRAWN_OR_WRITTEN, ChapterParameters, ImagesParameters
from vae_lib.runs.freshness import ROOT, FoundDigits, FoundImages, find_digits, find_images


class Chapter(NamedTuple):
    """A chapter of which there can be many runs.

    Attributes:
        number: of the chapter.
        notebook: its file.
        parameters: what its parameters may be, and what they are in the book.
        data: the parameters that say which data a run has, the source first.
        names: values of the source that are names; all others are paths.
        find: finds the data, given the parameters of `data` in their order.
        of_one_run: parameters that no sweep takes, for its runs have folders of their own.
        scales: the parameters between whose values ELBOs do not compare.
        thing: what an image is called.
        held_out: what the images are called that a run is judged by.
        picture: the name of the figure with generated images.
        shows: what that figure shows.
    """

    number: int
    notebook: Path
    parameters: type[BaseModel]
    data: tuple[str, ...]
    names: tuple[str, ...]
    find: Callable[..., FoundDigits | FoundImages]
    of_one_run: frozenset[str]
    scales: tuple[str, ...]
    thing: str
    held_out: str
    picture: str
    shows: str

    @property
    def fields(self) -> dict[str, FieldInfo]:
        """The parameters that a sweep may vary, those of the data last."""
        every = self.parameters.model_fields
        order = [*(name for name in every if name not in self.data), *self.data]
        return {name: every[name] for name in order if name not in self.of_one_run}

    def placed(self, name: str, value: Any) -> Any:
        """Write a path of data in full: a run is in another folder than who asks for it."""
        if name != self.data[0] or value in self.names:
            return value
        return os.path.abspath(os.path.expanduser(value))  # noqa: PTH100, PTH111 (keep symlinks)


TRAINING = Chapter(
    number=6,
    notebook=ROOT / "chapters/06-training.ipynb",
    parameters=ChapterParameters,
    data=("data",),
    names=NAMES,
    find=find_digits,
    of_one_run=frozenset(),
    scales=("likelihood",),
    thing="digit",
    held_out="test digits",
    picture="fig-generated",
    shows="Means of p(x|z) for z drawn from the prior",
)
IMAGES = Chapter(
    number=10,
    notebook=ROOT / "chapters/10-images.ipynb",
    parameters=ImagesParameters,
    data=("data", "size", "color"),
    names=DRAWN_OR_WRITTEN,
    find=find_images,
    of_one_run=frozenset({"checkpoint", "model_file"}),
    scales=("likelihood", "data", "size", "color"),
    thing="image",
    held_out="held-out images",
    picture="fig-own-samples",
    shows="Images decoded from z drawn from the prior, above the training image nearest to each",
)
CHAPTERS = {chapter.number: chapter for chapter in (TRAINING, IMAGES)}
