"""Bad input by the thousand: right, or refused in a sentence that names the argument."""

import os
import traceback
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers import mentions
from tests.promises.calls import CALLS
from tests.promises.odd_values import FORMS, arrays, numbers, things

CASES = int(os.environ.get("VAE_LIB_CASES", "1000"))
ALSO = {"classes": ("y", "labels"), "start": ("stop",)}  # what a number, else right, is wrong for
SHAPED = ("zeros of", "one column", "one row", "one axis", "transposed", "without", "a single")
tried = []
PAIRS = [(name, argument) for name, (_, good) in CALLS.items() for argument in good]


def numbers_in(made):
    """All numbers of a result, one after the other."""
    if isinstance(made, dict):
        made = [*made.values()]
    if isinstance(made, list | tuple):
        return np.concatenate([np.empty(0), *map(numbers_in, made)])
    made = getattr(made, "x_train", made)
    try:
        return np.asarray(made, np.float64).ravel()
    except (TypeError, ValueError):
        return np.empty(0)


def holds_nan(value):
    """Whether a value holds a NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if value is None or (isinstance(value, list | np.ndarray) and None in np.ravel(value)):
            return False
        try:
            return bool(np.isnan(np.asarray(value, np.float64)).any())
        except Exception:
            return False


def outcome(function, given):
    """What a call gives: numbers, or the sentence of a refusal; other errors are raised."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            return numbers_in(function(**given)), None
    except (TypeError, ValueError) as refusal:
        frames = traceback.extract_tb(refusal.__traceback__)
        assert "vae_lib" in frames[-1].filename, f"raised deep below: {refusal!r}"
        return None, str(refusal)


@pytest.mark.parametrize(("name", "argument"), PAIRS, ids=map(" of ".join, PAIRS))
def test_bad_input_is_right_or_refused_by_name(name, argument):
    function, good = CALLS[name]
    plain, _ = outcome(function, good)
    value = good[argument]
    kinds = arrays(value) if isinstance(value, np.ndarray) else st.one_of(numbers(), things())

    @settings(
        max_examples=max(5, CASES // len(PAIRS)),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(kinds)
    def holds(drawn):
        kind, odd = drawn
        tried.append(kind)
        made, said = outcome(function, {**good, argument: odd})
        if said is not None:
            # Of two shapes that do not fit, either may be the wrong one.
            named = [argument, *ALSO.get(argument, good if kind.startswith(SHAPED) else ())]
            assert any(mentions(said, each) for each in named), (kind, said)
            assert "\n" not in said.strip(), (kind, said)
        elif kind in FORMS:
            np.testing.assert_allclose(made, plain, rtol=1e-4, atol=1e-5, err_msg=kind)
        elif holds_nan(odd):
            assert np.isnan(made).any(), f"{kind}: NaN went in, and {made} came out"

    holds()
