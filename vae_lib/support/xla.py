"""XLA, the compiler that TensorFlow brings, and a sentence where it brings none.

An import compiles nothing: threads and devices are what they are from the first compilation on,
and a user may want to set them before it.
"""

import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, TypeVar, cast

from vae_lib.support.numbers import shown
from vae_lib.tensorflow_quietly import tf

Made = TypeVar("Made")
GRAPHS = "_compiled_graphs"


@contextmanager
def _unwatched() -> Iterator[None]:
    """Leave out what `tf.debugging.enable_check_numerics` puts behind each operation.

    XLA does not know these checks.
    """
    # Imported here, for it is not TensorFlow's public face, which has no word for this.
    from tensorflow.python.eager.context import context

    watching = context().op_callbacks
    held, watching[:] = watching[:], []
    try:
        yield
    finally:
        watching[:] = held


@cache
def has_xla() -> bool:
    """Whether this TensorFlow can compile with XLA; warns, once, where it cannot."""
    try:
        with _unwatched(), tf.init_scope():  # not in the graph that is being traced, where one is
            tf.function(lambda: tf.constant(1.0) + 1.0, jit_compile=True).get_concrete_function()()
    except tf.errors.OpError:
        warnings.warn(
            "this TensorFlow has no XLA compiler: training works, but takes several times as "
            "long, and draws other random numbers than the book",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


def generator() -> str:
    """Name the generator of random bits that a compiled function draws with."""
    # Of XLA's generators threefry is the fastest on a CPU. TensorFlow's own kernels lack it.
    return "threefry" if has_xla() else "auto_select"


def as_seed(seed: Any) -> Any:
    """Check the seed of a draw, two integers, and return it as TensorFlow's generators take it.

    Raises:
        ValueError: if it is anything else.
    """
    numbers = None
    with suppress(Exception):  # whatever is in place of them
        numbers = tf.convert_to_tensor(seed)
    if numbers is None or numbers.shape != (2,) or not numbers.dtype.is_integer:
        raise ValueError(f"seed was {shown(seed)}; it may be two integers, such as (0, 1)")
    return tf.cast(numbers, tf.int64)


def _convolves(function: Any) -> bool:
    """Whether a graph, or a function that it calls, holds a convolution."""
    graph = function.graph.as_graph_def()
    called = [each.node_def for each in graph.library.function]
    return any("Conv" in node.op for nodes in (graph.node, *called) for node in nodes)


def compiler_of(function: Any) -> str:
    """Name what computes a function that `compiled` has compiled."""
    return "XLA" if _is_for_xla(function) else "TensorFlow's kernels"


def _is_for_xla(function: Any) -> bool:
    """Whether XLA is there, and is the faster.

    On a CPU, XLA computes convolutions 2 to 80 times as slowly as TensorFlow's kernels do, and all
    else as fast or faster: so convolutions decide, and no clock, which would not always decide
    alike.
    """
    return has_xla() and (bool(tf.config.list_physical_devices("GPU")) or not _convolves(function))


class compiled:  # noqa: N801 (a decorator)
    """Compile a function of tensors: by XLA, or to a graph of TensorFlow's kernels.

    Which of the two is decided at the first call, by what the function computes.

    Args:
        function: takes and returns tensors.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._graphs: Any = None

    def _decided(self, tensors: Iterable[Any]) -> Any:
        """The function as a `tf.function`, of the kind that is faster for it."""
        if self._graphs is None:
            graphs = tf.function(self._function, jit_compile=has_xla())
            if has_xla() and not _is_for_xla(graphs.get_concrete_function(*tensors)):
                graphs = tf.function(self._function)
            self._graphs = graphs
        return self._graphs

    @_unwatched()
    def get_concrete_function(self, *specs: Any) -> Any:
        """Compile the function for tensors like these, as `tf.function` does."""
        return self._decided(specs).get_concrete_function(*specs)

    @_unwatched()
    def __call__(self, *tensors: Any) -> Any:
        """Compute; in a graph even where functions run eagerly, for that draws other numbers."""
        if tf.config.functions_run_eagerly():
            return self.get_concrete_function(*tensors)(*tensors)
        return self._decided(tensors)(*tensors)


def kept(owner: Any, key: Hashable, depends_on: Iterable[Any], make: Callable[[], Made]) -> Made:
    """Return what was made for an object before, or make it and keep it on the object.

    It goes when the object goes.

    Args:
        owner: an object with attributes, such as a model.
        key: tells apart what is kept on it.
        depends_on: objects that are compiled into it, such as variables: for others it is
            made anew.
        make: makes it.
    """
    graphs = vars(owner).setdefault(GRAPHS, {})  # not by `setattr`, where Keras would track it
    depends_on = tuple(depends_on)
    before, made = graphs.get(key, ((), None))
    if key not in graphs or [*map(id, before)] != [*map(id, depends_on)]:
        made = make()
        graphs[key] = depends_on, made
    return cast("Made", made)


def drop_graphs(owner: Any) -> None:
    """Forget all that is kept on an object."""
    vars(owner).pop(GRAPHS, None)
