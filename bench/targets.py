"""What this book aims at, and whether it was reached."""

from typing import TypedDict

from bench.entrants import CONTESTANTS, PRODUCTS
from bench.protocol import Results


class Target(TypedDict):
    """What was aimed at, the number that decides, and whether it was reached."""

    text: str
    value: float
    met: bool


def targets(summary: Results) -> list[Target]:
    """Compare with what this book aims at, as far as it was measured."""
    return [
        *contest_targets(summary),
        *convolution_targets(summary),
        *roofline_targets(summary),
        *other_targets(summary),
    ]


def at_least(text: str, value: float, bound: float) -> Target:
    """A target that is reached from `bound` upwards."""
    return {"text": text, "value": value, "met": value >= bound}


def at_most(text: str, value: float, bound: float) -> Target:
    """A target that is reached up to `bound`."""
    return {"text": text, "value": value, "met": value <= bound}


def contest_targets(summary: Results) -> list[Target]:
    """How many times as fast as others `train` is to be."""
    bounds = {"keras": 5.0, "tf1": 3.0, "torch": 3.0, "jax": 1.25}
    table = summary.get("contest", {})
    return [
        at_least(
            f"train ≥ {bound:g} × {CONTESTANTS[name].title}",
            table[name]["train_ratio"]["median"],
            bound,
        )
        for name, bound in bounds.items()
        if name in table and "train" in table
    ]


def convolution_targets(summary: Results) -> list[Target]:
    """`train` is to be no slower than `fit` with any network."""
    table = summary.get("convolutions", {})
    if not {"train", "keras"} <= table.keys():
        return []
    ratio = table["keras"]["train_ratio"]["median"]
    return [at_least("train ≥ 1 × fit, a convolutional network", ratio, 1.0)]


def roofline_targets(summary: Results) -> list[Target]:
    """How near to the machine's peak a step is to be."""
    found = summary.get("roofline", {})
    if "share" not in found:
        return []
    compared = {n: r for n, r in found["step_to_products"].items() if n in {"tensorflow", "jax"}}
    # The hardest of the two: the library whose products take less time.
    name = max(compared, key=lambda n: compared[n]["median"])
    text = f"a step ≤ its eleven products one by one, as a ratio ({PRODUCTS[name].title})"
    return [
        at_most(text, compared[name]["median"], 1.0),
        at_least("a step ≥ 38 % of the machine's peak", 100 * found["share"]["median"], 38.0),
    ]


def other_targets(summary: Results) -> list[Target]:
    """What else is to be fast."""
    reached = []
    if "growth" in summary:
        ratio = summary["growth"]["binarized_ratio"]["median"]
        reached.append(at_most("binarized ≤ 1.2 × gray", ratio, 1.2))
    if "calls" in summary:
        seconds = summary["calls"]["later"]["evaluate_1000"]["median"]
        number = summary["calls"]["first"]["evaluated"]
        text = f"evaluation of {number:,} images ≤ 0.3 s, later calls, minibatches of 1,000"
        reached.append(at_most(text, seconds, 0.3))
        first = summary["calls"]["first"]["first_train"]
        reached.append(at_most("first call of train, which compiles, ≤ 2 s", first, 2.0))
    return reached
