"""Print what was measured, in tables."""

from typing import Any

from tabulate import tabulate

from bench.entrants import CONTESTANTS, PRODUCTS
from bench.protocol import Results
from bench.summary import Spread

STARTUP = {
    "tensorflow": "import of TensorFlow alone",
    "library": "import of vae_lib.training",
    "kernel": "start of a Jupyter kernel",
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
    "no_noise": "a constant for the noise",
    "no_report": "no value of the loss",
    "sgd": "gradient descent for Adam",
    "forward": "the loss only, no gradient",
    "threefry": "noise by stateless_normal, threefry",
    "philox": "noise by stateless_normal, philox",
    "one_call_each": "each step a call of its own",
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
        ("contest", contest),
        ("roofline", roofline),
        ("variants", variants),
        ("growth", growth),
        ("calls", calls),
        ("startup", startup),
        ("targets", targets),
    ):
        if summary.get(name):
            part(summary[name])


def text(values: Spread | None, scale: float = 1.0, digits: int = 0) -> str:
    """A median and its range, in other units: `126 (119–131)`."""
    if values is None:
        return ""
    median, low, high = (f"{values[key] * scale:,.{digits}f}" for key in ("median", "low", "high"))
    return f"{median} ({low}–{high})"


def table(title: str, headers: list[str], rows: list[list[Any]]) -> None:
    """Print a table under its title; numbers are formatted beforehand."""
    right = ["left"] + ["right"] * (len(headers) - 1)
    print(f"\n{title}\n")
    print(tabulate(rows, headers, disable_numparse=True, colalign=right))


def contest(summary: Results) -> None:
    """Print the comparison with other training loops."""
    rows = [
        [
            CONTESTANTS[name].title,
            text(each["images_per_second"]),
            text(each["train_ratio"], digits=2),
            f"{each['latency']:.1f}",
            f"{each['memory_mb']:,.0f}",
            f"{each['loss']:.2f}",
        ]
        for name, each in summary.items()
    ]
    headers = ["", "images a second", "train / this", "first epoch, s", "memory, MB", "loss"]
    table("An epoch of training: medians of all rounds (least–greatest)", headers, rows)


def roofline(summary: Results) -> None:
    """Print how near to the machine's peak a step of `train` is."""
    ratio = summary.get("step_to_products", {})
    rows = [
        [
            PRODUCTS[name].title,
            text(values, 1e6),
            text(ratio.get(name), digits=2),
            text(summary["peaks"][name], 1e-9),
        ]
        for name, values in summary["products"].items()
    ]
    headers = ["", "eleven products, µs", "step / products", "2048³ product, GFLOP/s"]
    table("The matrix products of a step, one by one", headers, rows)
    print(f"\nWork of a step: {summary['flop'] / 1e6:.2f} MFLOP.", end=" ")
    print(f"The machine's peak: {text(summary['peak'], 1e-9)} GFLOP/s.")
    if "step" in summary:
        share = text(summary["share"], 100, 1)
        print(f"A step of train: {text(summary['step'], 1e6)} µs, {share} % of the peak.")


def variants(summary: Results) -> None:
    """Print what a step takes with one part replaced."""
    rows = [
        [title, text(summary["steps"][name], 1e6), text(summary["ratio"][name], digits=2)]
        for name, title in VARIANTS.items()
    ]
    table("A step of train, with one part replaced", ["", "µs", "of the step"], rows)
    numpy, xla = (text(summary[f"shuffle_{by}"], 1e3, 1) for by in ("numpy", "xla"))
    print(f"\nShuffling an epoch: {numpy} ms in NumPy, {xla} ms by a sort in XLA.")


def growth(summary: Results) -> None:
    """Print how the cost of `train` grows."""
    rows = [
        [
            f"{title} {name}",
            text(case["per_image"], 1e6, 2),
            f"{case['flop_per_image'] / 1e6:.3f}",
            text(case["epoch"], digits=3),
        ]
        for group, title in GROUPS.items()
        for name, case in summary[group].items()
    ]
    headers = ["", "µs an image", "MFLOP an image", "epoch, s"]
    table("How the cost of train grows", headers, rows)
    print(f"\nBinarized / gray: {text(summary['binarized_ratio'], digits=2)}.")


def calls(summary: Results) -> None:
    """Print what calls cost."""
    first, later = summary["first"], summary["later"]
    rows = [[title, f"{first[name]:.3f}", ""] for name, title in FIRST_CALLS.items()]
    rows += [
        [
            f"evaluating the ELBO of {first['evaluated']:,} {title}",
            f"{first[name]:.3f}",
            text(later[name], digits=3),
        ]
        for name, title in EVALUATIONS.items()
    ]
    table("Calls", ["", "first call, s", "later calls, s"], rows)


def startup(summary: Results) -> None:
    """Print what a run pays before its first computation."""
    rows = [[title, text(summary[name], digits=2)] for name, title in STARTUP.items()]
    table("Start of a run, each in a fresh process", ["", "s"], rows)


def targets(summary: list[Any]) -> None:
    """Print what was aimed at, and whether it was reached."""
    print("\nTargets, which are meant for 60,000 images and a machine with nothing else to do\n")
    for each in summary:
        print(f"{'✓' if each['met'] else '✗'} {each['text']}: {each['value']:.2f}")
