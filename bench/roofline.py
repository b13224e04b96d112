"""Time a library's matrix products: those of a step one by one, and one large one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.clock import seconds
from bench.protocol import Settings, Turn
from bench.work import Product, products

LARGE = 2048  # large enough for every library to reach its best
REPEATS = 400  # of the eleven products, in one turn

Issue = Callable[[], Any]
Prepare = Callable[[Any, Any, bool, bool], Issue]
Wait = Callable[[Any], object]


def as_used(left: Any, right: Any, left_transposed: bool, right_transposed: bool) -> list[Any]:
    """The factors of a product from what is stored: in every library `.T` is a view."""
    return [left.T if left_transposed else left, right.T if right_transposed else right]


def issue_all(issues: list[Issue], wait: Wait, repeats: int) -> None:
    """Issue each product once, one after the other, and wait for all results; again and again."""
    for _ in range(repeats):
        wait([issue() for issue in issues])


def measure(turn: Turn, settings: Settings, prepare: Prepare, wait: Wait) -> None:
    """Measure one library in every turn.

    Args:
        turn: as in all workers.
        settings: as in all workers.
        prepare: makes from two float32 arrays, and whether to transpose each, a function
            that multiplies them.
        wait: waits until results are there.
    """
    rng = np.random.default_rng(0)

    def issue(product: Product) -> Issue:
        left, right = (
            rng.standard_normal(shape, dtype=np.float32) for shape in (product.left, product.right)
        )
        return prepare(left, right, product.left_transposed, product.right_transposed)

    eleven = [issue(each) for each in products(settings["batch_size"], settings["z_dim"])]
    large = issue(Product((LARGE, LARGE), (LARGE, LARGE)))
    while True:
        with turn() as result:
            result["products"] = seconds(lambda: issue_all(eleven, wait, REPEATS)) / REPEATS
            fastest = min(seconds(lambda: issue_all([large], wait, 1)) for _ in range(5))
            result["flop_per_second"] = 2 * LARGE**3 / fastest
