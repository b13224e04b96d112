"""What the parameters of a training run may be, said once, checked before any work."""

import ast
import difflib
import operator
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from vae_lib import checks
from vae_lib.data import check_source
from vae_lib.support.printing import say

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


def _switch(value: Any) -> Any:
    """Take a truth value of any kind, NumPy's say; numbers are none."""
    return bool(value) if isinstance(value, np.bool_) else value


class ParameterError(ValueError):
    """A parameter has an unknown name or a value that it may not have.

    In a notebook it shows as its own one line, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


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


class _Parameters(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class ChapterParameters(_Parameters):
    """The parameters of chapter 6, with the book's defaults."""

    z_dim: Size = 100
    h_dim: Size = 128
    batch_size: Batch = 64
    iterations: Count = 20_000
    learning_rate: Rate = 1e-3
    likelihood: Likelihood = "bernoulli"
    seed: Seed = 0
    data: Source = "auto"


class ModelParameters(_Parameters):
    """The arguments of `VAE`."""

    z_dim: Size
    h_dim: Size
    x_dim: Count
    likelihood: Likelihood
    variance: Variance
    seed: Seed


class TrainingParameters(_Parameters):
    """The arguments of `train`, but for the model, the images and the folder."""

    iterations: Count
    batch_size: Count
    report_every: Count
    binarize: Switch
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
    return f"{name} was {error['input']!r}; it may be {fields[name].description}"


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


def check_parameters(names: MutableMapping[str, Any]) -> None:
    """Refuse unknown parameters and bad values of a notebook, in one line.

    Where papermill passed a number as text, it becomes a number. Under other parameters than the
    book's, a check of the text is reported where it does not hold, and ends nothing.

    Args:
        names: a notebook's `globals()`, right after its parameters. A name counts as a parameter
            if chapter 6 has it, or if it came in with the parameters: was set in the cells
            before this one, as papermill and a reader do it. Outside of a notebook, each name does
            that holds a value.

    Raises:
        ParameterError: names each parameter at fault, what it was, what it may be.
    """
    fields = ChapterParameters.model_fields
    came_in = _set_before(names["In"]) if "In" in names else _values(names)
    judged = dict.fromkeys([*fields, *came_in])
    given = {name: number_in(names[name], name) for name in judged if name in names}
    parameters = validated(given, ChapterParameters)
    names.update(parameters)
    books = ChapterParameters(data=parameters.get("data", "auto")).model_dump()
    checks.report_only(books | parameters != books)


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


def number_in(value: Any, name: str) -> Any:
    """Read a number that was passed as text, where the parameter is a number.

    What is no text, or no number, stays as it was.
    """
    field = ChapterParameters.model_fields.get(name)
    if isinstance(value, str) and field and field.annotation in {int, float}:
        with suppress(ValueError):
            return field.annotation(value)
    return value


def _set_before(history: Sequence[str]) -> Iterator[str]:
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
        if set(plain) >= set(ChapterParameters.model_fields):
            return
