"""Values that a reader may pass by mistake, and the many forms in which numbers come."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from ml_dtypes import bfloat16

from vae_lib.tensorflow_quietly import tf


class OnlyArray:
    """An array of another library, as PyTorch and JAX show theirs to NumPy."""

    def __init__(self, array):
        self._array, self.shape, self.ndim = array, array.shape, array.ndim
        self.dtype = f"other.{array.dtype}"

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._array, dtype)

    def __len__(self):
        return len(self._array)


class Watched(OnlyArray):
    """One that refuses, as a tensor of PyTorch's does that takes part in a gradient."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Brain(OnlyArray):
    """One whose numbers NumPy does not have, as a tensor of PyTorch's in bfloat16."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Got unsupported ScalarType BFloat16")


def _strided(a):
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def _mapped(a):
    with tempfile.TemporaryDirectory() as folder:
        np.save(path := Path(folder, "a.npy"), a)
        return np.load(path, mmap_mode="r")


def _locked(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def _frame(a):
    return pd.Series(a) if a.ndim == 1 else pd.DataFrame(a) if a.ndim == 2 else a


# The same numbers in another form.
FORMS = {
    "Fortran order": np.asfortranarray,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "not contiguous": _strided,
    "backward": lambda a: a[::-1].copy()[::-1],
    "memory map": _mapped,
    "read-only": _locked,
    "list": lambda a: a.tolist(),
    "tuple of arrays": tuple,
    "pandas": _frame,
    "another library's": OnlyArray,
    "TensorFlow's": tf.constant,
    "a variable": lambda a: tf.Variable(a),
    "double precision": lambda a: a.astype(np.float64 if a.dtype.kind == "f" else np.int64),
    "objects": lambda a: a.astype(object),
    "masked nowhere": np.ma.masked_array,
}


def _planted(value):
    def plant(a):
        a = a.astype(np.float64)
        a.flat[a.size // 2] = value
        return a

    return plant


# Numbers of another size, rank or kind.
CHANGES = {
    "NaN": _planted(np.nan),
    "all NaN": lambda a: np.full(a.shape, np.nan),
    "float16 NaN": lambda a: _planted(np.nan)(a).astype(np.float16),
    "pandas, one missing": lambda a: _frame(_planted(np.nan)(a)),
    "TensorFlow's NaN": lambda a: tf.constant(_planted(np.nan)(a), tf.float32),
    "infinity": _planted(np.inf),
    "minus infinity": _planted(-np.inf),
    "huge": _planted(1e300),
    "negative": lambda a: -a.astype(np.float64) - 1,
    "denormal": lambda a: np.full(a.shape, 5e-324),
    "one axis more": lambda a: a[None],
    "one axis more at the end": lambda a: a[..., None],
    "one row less": lambda a: a[:-1],
    "one column less": lambda a: a[..., :-1],
    "one row": lambda a: a[0],
    "transposed": lambda a: a.T,
    "empty": lambda a: a[:0],
    "without columns": lambda a: a[..., :0],
    "a single number": lambda a: a.flat[0],
    "complex": lambda a: a + 1j,
    "dates": lambda a: np.zeros(a.shape, "datetime64[s]"),
    "spans of time": lambda a: np.ones(a.shape, "timedelta64[s]"),
    "words": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S8"),
    "records": lambda a: np.zeros(a.shape, [("a", "f4"), ("b", "f4")]),
    "objects, one None": lambda a: _with_none(a),
    "masked": lambda a: np.ma.masked_array(a, np.arange(a.size).reshape(a.shape) % 2),
    "ragged": lambda a: [*a.tolist(), [1.0, 2.0, 3.0, 4.0, 5.0]],
    "a ragged tensor": lambda a: tf.ragged.constant([[1.0], [1.0, 2.0]]),
    "a sparse tensor": lambda a: tf.sparse.from_dense(np.ones((2, 2))),
    "a tensor of words": lambda a: tf.fill(a.shape, "a"),
    "a watched tensor": Watched,
    "a tensor of bfloat16": Brain,
    "bfloat16": lambda a: a.astype(bfloat16),
    "bfloat16 NaN": lambda a: _planted(np.nan)(a).astype(bfloat16),
    "a list of masked": lambda a: [*np.ma.masked_array(a[None], a[None] == a[None])],
    "integers beyond 64 bits": lambda a: np.full(a.shape, 10**30).tolist(),
    "booleans": lambda a: a > 0,
    "small integers": lambda a: a.astype(np.int8),
    "half precision": lambda a: a.astype(np.float16),
}


def _with_none(a):
    a = a.astype(object)
    a.flat[0] = None
    return a


# What is no array at all, and no number.
THINGS = [
    None,
    "",
    "a" * 5000,
    "~nobody",
    "\0",
    "2",
    "nan",
    b"2",
    object(),
    {},
    {"a": 1},
    {1.0},
    (),
    [],
    [[]],
    [None],
    int,
    len,
]
THINGS += [Path("x"), slice(2), Ellipsis, NotImplemented, np.array(None), [[1], [1, 2]]]
THINGS += [np.datetime64("2020-01-01"), pd.NaT, pd.NA, float("nan"), np.nan, complex(1, 1)]

NUMBERS = [0, -1, 1, 2, 3, True, False, np.True_, 2.0, 2.5, -0.0, 1e300, 5e-324, 1e-300, -1e-9]
NUMBERS += [float("inf"), float("-inf"), 10**30, -(10**30), 10**400, 10**5000, 2**63]
NUMBERS += [
    np.int8(2),
    np.uint64(2),
    np.float16(0.5),
    np.float32(0.5),
    np.longdouble(2),
    np.array(2),
]
NUMBERS += [np.array([2]), np.array(0.5), [2], np.float64("nan"), np.float64("inf"), 1e308]


# No number is in them, whatever NumPy would make of them.
NO_NUMBERS = {"complex", "dates", "spans of time", "words", "bytes", "records", "objects, one None"}
NO_NUMBERS |= {"masked", "a list of masked", "ragged", "a ragged tensor", "a sparse tensor"}
NO_NUMBERS |= {"a tensor of words", "a watched tensor", "a tensor of bfloat16"}
# What is tried in every place, whatever is drawn besides.
SURE = ["NaN", "infinity", "one row less", "one row", "transposed", "empty", "huge"]
SURE += ["bfloat16 NaN", "complex", "dates", "words", "masked", "a watched tensor"]
SURE_FORMS = ["not contiguous", "list", "another library's"]
SURE_THINGS = [None, "2", float("nan"), -1, 2.5, 10**400, 10**5000, True, np.array([2]), [None]]


def surely(good):
    """What is always tried in the place of an argument: pairs of a kind and a value."""
    for value in SURE_THINGS:
        yield "thing", value
    if isinstance(good, np.ndarray):
        yield from ((kind, CHANGES[kind](good)) for kind in SURE)
        yield from ((kind, FORMS[kind](good)) for kind in SURE_FORMS)


def arrays(good):
    """What to put in the place of an array: pairs of a kind and a value."""
    forms = st.sampled_from(sorted(FORMS)).map(lambda k: (k, FORMS[k](good)))
    changes = st.sampled_from(sorted(CHANGES)).map(lambda k: (k, CHANGES[k](good)))
    shapes = st.lists(st.integers(0, 5), max_size=4).map(
        lambda s: (f"zeros of the shape {s}", np.zeros(s, good.dtype))
    )
    kinds = [forms, changes, changes, shapes, things(), numbers()]
    if good.size <= 100:  # Hypothesis draws no longer lists
        floats = st.lists(st.floats(), min_size=good.size, max_size=good.size)
        kinds.append(floats.map(lambda v: ("floats", np.reshape(np.array(v), good.shape))))
    return st.one_of(kinds)


def is_quick(n):
    """Whether a number is small or beyond all limits: what is between may take long."""
    return not 8 < n <= 2**31


def numbers():
    """What to put in the place of a number."""
    drawn = st.one_of(st.sampled_from(NUMBERS), st.floats(), st.integers().filter(is_quick))
    return drawn.map(lambda v: ("number", v))


def things():
    """What to put in the place of anything."""
    return st.sampled_from(THINGS).map(lambda v: ("thing", v))
