"""What the parameters of a training run may be, said once, checked before any work."""

import ast
import difflib
import operator
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from vae_lib import checks
from vae_lib.data import check_source
from vae_lib.support.numbers import shown
from vae_lib.support.printing import say

DRAWN_OR_WRITTEN = ("shapes", "digits")  # images that need no file of the reader's
SMALLEST_SIDE = 4  # pixels
DIGIT_SIDES = (0, 28, 14, 7, 4)  # of which blocks of pixels make one; 0 is as they are
INJECTED = "# Parameters\n"  # how the cell begins that papermill puts behind the chapter's own


def _source(value: Any) -> Any:
    check_source(value)
    return value


def _whole(value: Any) -> Any:
    """Take a whole number of any kind, NumPy's say; True and False are none."""
    if isinstance(value, bool):
        raise ValueError
    with suppress(TypeError):
        return operator.index(value)
    return value


def _real(value: Any) -> Any:
    """Take a real number of any kind, and what holds a single one."""
    if isinstance(value, bool | str | bytes):
        raise ValueError
    with suppress(TypeError, ValueError, OverflowError):
        return float(value)
    return value


def _one_or_several(most: int) -> Callable[[Any], int | tuple[int, ...]]:
    """Make what takes one whole number from 1, or a tuple or list of them."""

    def checked(value: Any) -> int | tuple[int, ...]:
        several = isinstance(value, tuple | list)
        numbers = tuple(map(_whole, value if several else [value]))
        if not numbers or not all(isinstance(n, int) and 1 <= n <= most for n in numbers):
            raise ValueError
        return numbers if several else numbers[0]

    return checked


def _switch(value: Any) -> Any:
    """Take a truth value of any kind, NumPy's say; numbers are none."""
    return bool(value) if isinstance(value, np.bool_) else value


@contextmanager
def _paths_refused() -> Iterator[None]:
    """Refuse what no file system takes: a name that is too long, the home of nobody."""
    try:
        yield
    except (OSError, RuntimeError):
        raise ValueError from None


@_paths_refused()
def _images(value: Any) -> Any:
    """Take a name of images, or what is there to be read."""
    if not isinstance(value, str):
        raise ValueError
    if value in DRAWN_OR_WRITTEN or (value and Path(value).expanduser().exists()):
        return value
    raise ValueError


def _side(value: Any) -> Any:
    """Take a number of pixels, or 0 for as many as there are."""
    number = _whole(value)
    if isinstance(number, int) and number != 0 and number < SMALLEST_SIDE:
        raise ValueError
    return number


@_paths_refused()
def _folder(value: Any) -> Any:
    """Take a folder, new or old, that is written in; or nothing."""
    if not isinstance(value, str):
        raise ValueError
    if value:
        nearest = Path(value).expanduser().absolute()
        while not nearest.exists():
            nearest = nearest.parent
        if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
            raise ValueError
    return value


@_paths_refused()
def _model_file(value: Any) -> Any:
    """Take a name for a model in a folder that is there; or nothing."""
    if not isinstance(value, str):
        raise ValueError
    if value:
        path = Path(value).expanduser()
        if path.suffix != ".keras" or path.is_dir() or not path.absolute().parent.is_dir():
            raise ValueError
        _folder(str(path.absolute().parent))
    return value


class ParameterError(ValueError):
    """A parameter has an unknown name or a value that it may not have.

    In a notebook it shows as its own one line, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class _RestrictedError(ValueError):
    """Says what a value may be beside the others, where that is less than it may be alone."""


class EndOfProgram(Exception):  # noqa: N818 (no error)
    """A notebook ends here, and well: in it, one line says so."""

    def _render_traceback_(self) -> list[str]:
        return ["The program ends here."]


EndOfProgram.__name__ = "SystemExit"  # by which papermill knows a good end


Whole = Annotated[int, BeforeValidator(_whole)]
Real = Annotated[float, BeforeValidator(_real)]
Size = Annotated[Whole, Field(ge=1, le=10_000, description="a whole number from 1 to 10,000")]
# As many as the smaller set of digits has for training: every choice runs on either set.
Batch = Annotated[Whole, Field(ge=1, le=4_000, description="a whole number from 1 to 4,000")]
Count = Annotated[
    Whole, Field(ge=1, le=10_000_000, description="a whole number from 1 to 10,000,000")
]
CountOrNone = Annotated[
    Whole, Field(ge=0, le=10_000_000, description="a whole number from 0 to 10,000,000")
]
Weight = Annotated[Real, Field(ge=0, description="a finite number, at least 0")]
Seed = Annotated[
    Whole, Field(ge=0, le=2**31 - 1, description="a whole number from 0 to 2,147,483,647")
]
Rate = Annotated[Real, Field(gt=0, le=1, description="a number above 0, at most 1")]
Switch = Annotated[bool, BeforeValidator(_switch), Field(description="True or False")]
Variance = Annotated[Real, Field(gt=0, description="a finite number above 0")]
Likelihood = Annotated[
    Literal["bernoulli", "gaussian"], Field(description="'bernoulli' or 'gaussian'")
]
Source = Annotated[
    str,
    BeforeValidator(_source),
    Field(description="'auto', 'keras', 'small' or the path of an existing mnist.npz"),
]


Widths = Annotated[
    Any,
    BeforeValidator(_one_or_several(10_000)),
    Field(description="a whole number from 1 to 10,000, or several, as (256, 128)"),
]
Shape = Annotated[
    Any,
    BeforeValidator(_one_or_several(10_000_000)),
    Field(description="a whole number from 1 to 10,000,000, or a shape, as (28, 28, 1)"),
]
Activation = Annotated[
    Literal["elu", "relu", "gelu", "selu", "silu", "leaky_relu", "softplus", "sigmoid", "tanh"],
    Field(description="the name of one of Keras's, such as 'elu', 'relu', 'gelu' or 'tanh'"),
]
LikelihoodName = Literal[
    "bernoulli",
    "gaussian",
    "learned_gaussian",
    "pixel_gaussian",
    "continuous_bernoulli",
    "discretized_logistic",
]
_NAMES = ", ".join(map(repr, get_args(LikelihoodName)))
AnyLikelihood = Annotated[
    LikelihoodName, Field(description=f"{_NAMES}, or an object of the class Likelihood")
]
NamedLikelihood = Annotated[LikelihoodName, Field(description=f"one of {_NAMES}")]
AnyImages = Annotated[
    str,
    BeforeValidator(_images),
    Field(description="'shapes', 'digits', or the path of an existing folder, .npz or .npy"),
]
Side = Annotated[
    Whole,
    BeforeValidator(_side),
    Field(ge=0, le=4096, description="0, for as they are, or a whole number from 4 to 4096"),
]
Width = Annotated[
    Whole,
    Field(ge=0, le=10_000, description="0, for the usual, or a whole number from 1 to 10,000"),
]
CheckpointFolder = Annotated[
    str,
    BeforeValidator(_folder),
    Field(description="'' for none, or the path of a folder, new or old, that can be written"),
]
ModelFile = Annotated[
    str,
    BeforeValidator(_model_file),
    Field(description="'' for none, or a path ending in .keras, in an existing folder"),
]


class _Parameters(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    # Those of a chapter that may be others without its statements becoming false.
    free: ClassVar[frozenset[str]] = frozenset()


class ChapterParameters(_Parameters):
    """The parameters of chapter 6, with the book's defaults."""

    free = frozenset({"data"})

    z_dim: Size = 100
    h_dim: Size = 128
    batch_size: Batch = 64
    iterations: Count = 15_000
    learning_rate: Rate = 1e-3
    likelihood: Likelihood = "bernoulli"
    seed: Seed = 0
    data: Source = "auto"


class ImagesParameters(_Parameters):
    """The parameters of chapter 10, with the book's defaults."""

    free = frozenset({"checkpoint", "model_file"})

    data: AnyImages = "shapes"
    size: Side = 0
    color: Literal["auto", "gray", "color"] = Field("auto", description="'auto', 'gray' or 'color'")
    z_dim: Size = 16
    network: Literal["conv", "dense"] = Field("conv", description="'conv' or 'dense'")
    width: Width = 0
    likelihood: NamedLikelihood = "learned_gaussian"
    beta: Weight = 1.0
    iterations: Count = 600
    batch_size: Batch = 64
    learning_rate: Rate = 3e-3
    checkpoint: CheckpointFolder = ""
    model_file: ModelFile = ""
    seed: Seed = 0

    @field_validator("size")
    @classmethod
    def _size_of_digits(cls, size: int, info: ValidationInfo) -> int:
        if info.data.get("data") == "digits" and size not in DIGIT_SIDES:
            raise _RestrictedError("28, 14, 7 or 4 for digits, or 0, for as they are")
        return size


class ModelParameters(_Parameters):
    """The arguments of `VAE`."""

    z_dim: Size = 100
    h_dim: Widths = 128
    x_dim: Shape = 784
    likelihood: AnyLikelihood = "bernoulli"
    variance: Variance = 1.0
    seed: Seed = 0
    activation: Activation = "elu"


class TrainingParameters(_Parameters):
    """The arguments of `train`, but for the model, the images and the folder."""

    iterations: Count
    batch_size: Count
    report_every: Count
    binarize: Switch
    seed: Seed
    every: Count = 1000
    patience: Count = 10_000_000  # reports: never


class ObjectiveParameters(_Parameters):
    """The arguments of `Objective`."""

    beta: Weight = 1.0
    warm_up: CountOrNone = 0
    free_bits: Weight = 0.0
    n_samples: Size = 1
    importance_weighted: Switch = False


class SampleParameters(_Parameters):
    """The arguments of what draws examples of a model."""

    n: Count
    seed: Seed


class BoundParameters(_Parameters):
    """The arguments of `importance_weighted_bound`, but for the model and the images."""

    n_samples: Count
    seed: Seed


def _sentence(error: Any, fields: Mapping[str, FieldInfo]) -> str:
    """One pydantic error as: the parameter, what it was, what it may be."""
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(fields)}"
        return f"unknown parameter {name!r}; {hint}"
    fault = error.get("ctx", {}).get("error")
    allowed = fault if isinstance(fault, _RestrictedError) else fields[name].description
    return f"{name} was {shown(error['input'])}; it may be {allowed}"


def _in_one_line(faults: ValidationError, fields: Mapping[str, FieldInfo]) -> ParameterError:
    return ParameterError("; ".join(_sentence(fault, fields) for fault in faults.errors()))


def validated(values: Mapping[str, Any], allowed: type[BaseModel]) -> dict[str, Any]:
    """Refuse unknown parameters and bad values, in one line.

    Args:
        values: parameters by name.
        allowed: what they may be.

    Returns:
        Those given, in their order, with numbers of any kind as Python's own.

    Raises:
        ParameterError: names each parameter at fault, what it was, what it may be.
    """
    try:
        parameters = allowed.model_validate(dict(values)).model_dump()
    except ValidationError as faults:
        raise _in_one_line(faults, allowed.model_fields) from None
    return {name: parameters[name] for name in values}


def check_parameters(
    names: MutableMapping[str, Any], allowed: type[_Parameters] = ChapterParameters
) -> None:
    """Refuse unknown parameters and bad values of a notebook, in one line.

    Where papermill passed a number as text, it becomes a number. Under other parameters than the
    book's, a check of the text is reported where it does not hold, and ends nothing.

    Args:
        names: a notebook's `globals()`, right after its parameters. A name counts as a parameter
            if the chapter has it, or if it came in with the parameters: was set in the cells
            before this one, as papermill and a reader do it. Outside of a notebook, each name does
            that holds a value.
        allowed: what the chapter's parameters may be, and what they are in the book.

    Raises:
        ParameterError: names each parameter at fault, what it was, what it may be.
    """
    fields = allowed.model_fields
    came_in = _set_before(names["In"], fields) if "In" in names else _values(names)
    judged = dict.fromkeys([*fields, *came_in])
    given = {name: number_in(names[name], name, allowed) for name in judged if name in names}
    parameters = validated(given, allowed)
    names.update(parameters)
    books = allowed().model_dump()
    checks.report_only(any(parameters[n] != books[n] for n in {*parameters} - allowed.free))


@contextmanager
def refused_in_one_line() -> Iterator[None]:
    """Show as its one line, without a traceback, what the library refuses inside the block.

    Raises:
        ParameterError: what a ValueError or a FloatingPointError said.
    """
    try:
        yield
    except (ValueError, FloatingPointError) as refusal:
        raise ParameterError(str(refusal)) from None


def end_of_program(names: Mapping[str, Any], skipped: str) -> None:
    """End a notebook here where papermill runs it with parameters, and say what it leaves out.

    What is below is for the book's readers: it runs when the book is built, when a reader runs
    the notebook, and when papermill is given no parameter, for then nothing tells it from these.

    Args:
        names: a notebook's `globals()`.
        skipped: what is below.

    Raises:
        EndOfProgram: which papermill takes for a good end.
    """
    if any(source.startswith(INJECTED) for source in names.get("In", [])):
        say(f"○ skipped: {skipped} (it runs when the book is built)")
        raise EndOfProgram


def _values(names: Mapping[str, Any]) -> Iterator[str]:
    """Find the names that hold a value: no function, no module, nothing of Python's own."""
    for name, value in names.items():
        if not (name.startswith("_") or callable(value) or isinstance(value, ModuleType)):
            yield name


def number_in(value: Any, name: str, allowed: type[BaseModel] = ChapterParameters) -> Any:
    """Read a number that was passed as text, where the parameter is a number.

    What is no text, or no number, stays as it was.
    """
    field = allowed.model_fields.get(name)
    if isinstance(value, str) and field and field.annotation in {int, float}:
        with suppress(ValueError):
            return field.annotation(value)
    return value


def _set_before(history: Sequence[str], fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """Find the names set in the cells before the last that do nothing but set names.

    The search ends with the chapter's own cell of parameters, which sets them all.
    """
    if not isinstance(history, list):  # a parameter of that name has taken its place
        yield "In"
        return
    for source in reversed(history[:-1]):
        try:
            statements = ast.parse(source).body
        except SyntaxError:  # a cell with magic commands
            return
        targets = [t for s in statements for t in getattr(s, "targets", [getattr(s, "target", s)])]
        plain = [t.id for t in targets if isinstance(t, ast.Name)]
        if not statements or len(plain) != len(statements):
            return
        yield from plain
        if set(plain) >= set(fields):
            return
