"""What the parameters of a training run may be, said once, checked before any work."""

import difflib
from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from vae_lib.data import check_source


def _source(value: Any) -> Any:
    check_source(value)
    return value


class ParameterError(ValueError):
    """A parameter has an unknown name or a value that it may not have.

    In a notebook it shows as its own one line, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


Size = Annotated[int, Field(ge=1, le=10_000, description="a whole number from 1 to 10,000")]
# As many as the smaller set of digits has for training: every choice runs on either set.
Batch = Annotated[int, Field(ge=1, le=4_000, description="a whole number from 1 to 4,000")]
Count = Annotated[
    int, Field(ge=1, le=10_000_000, description="a whole number from 1 to 10,000,000")
]
Seed = Annotated[
    int, Field(ge=0, le=2**31 - 1, description="a whole number from 0 to 2,147,483,647")
]
Rate = Annotated[float, Field(gt=0, le=1, description="a number above 0, at most 1")]
Switch = Annotated[bool, Field(description="True or False")]
Variance = Annotated[float, Field(gt=0, description="a finite number above 0")]
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
    batch_size: Batch
    report_every: Count
    binarize: Switch
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


def check_parameters(
    values: Mapping[str, Any], allowed: type[BaseModel] = ChapterParameters
) -> None:
    """Refuse unknown parameters and bad values, in one line.

    Args:
        values: parameters by name. A notebook passes `globals()` right after its
            parameters: names that Jupyter, imports and functions put there are passed over.
        allowed: what they may be.

    Raises:
        ParameterError: names each parameter at fault, what it was, what it may be.
    """
    fields = allowed.model_fields
    given = {
        name: value
        for name, value in values.items()
        if name in fields
        or not (
            name.startswith("_")
            or name in {"In", "Out"}
            or callable(value)
            or isinstance(value, ModuleType)
        )
    }
    try:
        allowed.model_validate(given)
    except ValidationError as faults:
        raise _in_one_line(faults, fields) from None


def read_parameter(name: str, text: str) -> Any:
    """Read the value of a parameter of chapter 6 from a word of a command line.

    Raises:
        ParameterError: names the parameter, what it was, what it may be.
    """
    try:
        return getattr(ChapterParameters.model_validate_strings({name: text}), name)
    except ValidationError as faults:
        raise _in_one_line(faults, ChapterParameters.model_fields) from None
