"""Print what was measured, in tables."""

from typing import Any

from tabulate import tabulate

from bench.entrants import CONTESTANTS, CONVOLUTIONS, PRODUCTS
from bench.protocol import Results
from bench.summary import Spread
from vae_lib.support.printing import say

STARTUP = {
    "kernel": "start of a Jupyter kernel, which papermill needs",
    "tensorflow": "import of TensorFlow alone",
    "library": "import of vae_lib.training, TensorFlow included",
}
FIRST_CALLS = {
    "build": "building the model",
    "first_train": "first call of train, one iteration (compiles)",
    "second_train": "second call of train, one iteration",
}
EVALUATIONS = {
    "evaluate_1000": "images, minibatches of 1,000",
    "evaluate_default": "images, Keras's default minibatch",
}
VARIANTS = {
    "whole": "as it is",
    "no_noise": "a constant in place of noise",
    "no_report": "no value of the loss, only its gradient",
    "sgd": "plain gradient descent in place of Adam",
    "forward": "the loss only: no gradient, no optimizer",
    "threefry": "noise by stateless_normal, generator threefry",
    "philox": "noise by stateless_normal, generator philox",
    "one_call_each": "each step in a call of its own",
}
GROUPS = {
    "z_dim": "z_dim",
    "batch_size": "minibatch",
    "images": "images",
    "binarize": "pixels",
}


def show(results: Results) -> None:
    """Print all tables, and the targets last."""
    summary = results["summary"]
    for name, part in (
        ("contest", show_contest),
        ("roofline", show_roofline),
        ("convolutions", show_convolutions),
        ("variants", show_variants),
        ("growth", show_growth),
        ("calls", show_calls),
        ("startup", show_startup),
        ("targets", show_targets),
    ):
        if summary.get(name):
            part(summary[name])


def ranged(values: Spread | None, scale: float = 1.0, digits: int = 0) -> str:
    """A median and its range, in other units: `126 (119–131)`."""
    if values is None:
        return ""
    median, low, high = (f"{values[key] * scale:,.{digits}f}" for key in ("median", "low", "high"))
    return f"{median} ({low}–{high})"


def table(title: str, headers: list[str], rows: list[list[Any]]) -> None:
    """Print a table under its title; numbers are formatted beforehand."""
    right = ["left"] + ["right"] * (len(headers) - 1)
    say(f"\n{title}\n")
    say(tabulate(rows, headers, disable_numparse=True, colalign=right))


def show_contest(summary: Results) -> None:
    """Print the comparison with other training loops."""
    rows = [
        [
            CONTESTANTS[name].title,
            ranged(each["images_per_second"]),
            ranged(each["train_ratio"], digits=2),
            f"{each['latency']:.1f}",
            f"{each['memory_mb']:,.0f}",
            f"{each['loss']:.2f}",
        ]
        for name, each in summary.items()
    ]
    headers = ["", "images a second", "train / this", "first epoch, s", "memory, MB", "loss"]
    table("An epoch of training: medians of all rounds (least–greatest)", headers, rows)


def show_convolutions(summary: Results) -> None:
    """Print how fast a convolutional network is trained."""
    rows = [
        [
            CONVOLUTIONS[name].title,
            ranged(each["images_per_second"]),
            ranged(each["train_ratio"], digits=2),
            f"{each['loss']:.2f}",
        ]
        for name, each in summary.items()
    ]
    headers = ["", "images a second", "train / this", "loss"]
    table("A convolutional network: medians of all rounds (least–greatest)", headers, rows)


def show_roofline(summary: Results) -> None:
    """Print how near to the machine's peak a step of `train` is."""
    ratio = summary.get("step_to_products", {})
    rows = [
        [
            PRODUCTS[name].title,
            ranged(values, 1e6),
            ranged(ratio.get(name), digits=2),
            ranged(summary["peaks"][name], 1e-9),
        ]
        for name, values in summary["products"].items()
    ]
    headers = ["", "eleven products, µs", "step / products", "2048³ product, GFLOP/s"]
    table("The matrix products of a step, one by one", headers, rows)
    work = f"Work of a step: {summary['flop'] / 1e6:.2f} MFLOP."
    say(f"\n{work} The machine's peak: {ranged(summary['peak'], 1e-9)} GFLOP/s.")
    if "step" in summary:
        share = ranged(summary["share"], 100, 1)
        say(f"A step of train: {ranged(summary['step'], 1e6)} µs, {share} % of the peak.")


def show_variants(summary: Results) -> None:
    """Print what a step takes with one part replaced."""
    rows = [
        [title, ranged(summary["steps"][name], 1e6), ranged(summary["ratio"][name], digits=2)]
        for name, title in VARIANTS.items()
    ]
    table("A step of train, with one part replaced", ["", "µs", "of the step"], rows)
    numpy, xla = (ranged(summary[f"shuffle_{by}"], 1e3, 1) for by in ("numpy", "xla"))
    say(f"\nShuffling an epoch: {numpy} ms in NumPy, {xla} ms by a sort in XLA.")


def show_growth(summary: Results) -> None:
    """Print how the cost of `train` grows."""
    rows = [
        [
            f"{title} {name}",
            ranged(case["per_image"], 1e6, 2),
            f"{case['flop_per_image'] / 1e6:.3f}",
            ranged(case["epoch"], digits=3),
        ]
        for group, title in GROUPS.items()
        for name, case in summary[group].items()
    ]
    headers = ["", "µs an image", "MFLOP an image", "epoch, s"]
    table("How the cost of train grows", headers, rows)
    say(f"\nBinarized / gray: {ranged(summary['binarized_ratio'], digits=2)}.")


def show_calls(summary: Results) -> None:
    """Print what calls cost."""
    first, later = summary["first"], summary["later"]
    rows = [[title, f"{first[name]:.3f}", ""] for name, title in FIRST_CALLS.items()]
    rows += [
        [
            f"evaluating the ELBO of {first['evaluated']:,} {title}",
            f"{first[name]:.3f}",
            ranged(later[name], digits=3),
        ]
        for name, title in EVALUATIONS.items()
    ]
    table("Calls", ["", "first call, s", "later calls, s"], rows)


def show_startup(summary: Results) -> None:
    """Print what a run pays before its first computation."""
    rows = [[title, ranged(summary[name], digits=2)] for name, title in STARTUP.items()]
    table("Start of a run, each in a fresh process", ["", "s"], rows)


def show_targets(summary: list[Any]) -> None:
    """Print what was aimed at, and whether it was reached."""
    say("\nTargets, which are meant for 60,000 images and a machine with nothing else to do\n")
    for each in summary:
        say(f"{'✓' if each['met'] else '✗'} {each['text']}: {each['value']:.2f}")
