"""From what was measured to the numbers that are shown: medians, ratios, shares, targets."""

import statistics
from collections.abc import Iterable
from typing import TypedDict

from bench.cases import groups
from bench.protocol import Results
from bench.targets import targets
from bench.work import step_flop


class Spread(TypedDict):
    """The median of all rounds, the least and the greatest."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """Summarize one number of each round."""
    values = list(values)
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def ratios(above: Iterable[float], below: Iterable[float]) -> Spread:
    """Divide round by round: what slows the machine for a while slows both."""
    return spread(a / b for a, b in zip(above, below, strict=True))


def speeds(contestant: Results) -> list[float]:
    """Images a second in each round."""
    return [each["images"] / each["seconds"] for each in contestant["rounds"]]


def contest(contestants: Results) -> Results:
    """Compare the contestants with each other, and all with `train`."""
    summary = {}
    train = contestants.get("train")
    for name, each in contestants.items():
        summary[name] = {
            "images_per_second": spread(speeds(each)),
            "train_ratio": ratios(speeds(train), speeds(each)) if train else None,
            "latency": each["latency"],
            "memory_mb": each["memory_mb"],
            "loss": each["rounds"][-1]["loss"],
        }
    return summary


def roofline(products: Results, train: Results | None, settings: Results) -> Results:
    """Compare a step of `train` with the machine's peak and with bare matrix products."""
    of_rounds = [each["rounds"] for each in products.values()]
    peaks = [
        max(e["flop_per_second"] for e in together) for together in zip(*of_rounds, strict=True)
    ]
    summary: Results = {
        "flop": step_flop(settings["batch_size"], settings["z_dim"]),
        "peak": spread(peaks),
        "products": {n: spread(r["products"] for r in p["rounds"]) for n, p in products.items()},
        "peaks": {
            n: spread(r["flop_per_second"] for r in p["rounds"]) for n, p in products.items()
        },
    }
    if train:
        steps = [settings["batch_size"] / speed for speed in speeds(train)]
        summary["step"] = spread(steps)
        summary["share"] = ratios([summary["flop"] / s for s in steps], peaks)
        summary["step_to_products"] = {
            name: ratios(steps, [r["products"] for r in each["rounds"]])
            for name, each in products.items()
        }
    return summary


def variants(study: Results) -> Results:
    """Compare the variants of the loop with the loop as it is."""
    rounds = [each["steps"] for each in study["rounds"]]
    whole = [each["whole"] for each in rounds]
    return {
        "steps": {name: spread(each[name] for each in rounds) for name in rounds[0]},
        "ratio": {name: ratios([each[name] for each in rounds], whole) for name in rounds[0]},
        "shuffle_numpy": spread(each["shuffle_numpy"] for each in study["rounds"]),
        "shuffle_xla": spread(each["shuffle_xla"] for each in study["rounds"]),
    }


def growth(study: Results, settings: Results) -> Results:
    """Order the epochs of `train` by what was varied: time an image against work an image."""
    summary: Results = {}
    turns = [study["first"], *study["rounds"]]  # the study compiles before its first turn
    cases = groups(settings["images"], settings["batch_size"], settings["z_dim"])
    for group, members in cases.items():
        rounds = [turn["cases"] for turn in turns if turn["group"] == group]
        summary[group] = {
            name: {
                "epoch": spread(each[name] for each in rounds),
                "per_image": spread(each[name] / case.steps / case.batch_size for each in rounds),
                "flop_per_image": step_flop(1, case.z_dim),
            }
            for name, case in members.items()
        }
    coins = [turn["cases"] for turn in turns if turn["group"] == "binarize"]
    summary["binarized_ratio"] = ratios(
        (each["binarized"] for each in coins), (each["gray"] for each in coins)
    )
    return summary


def calls(study: Results) -> Results:
    """First calls as they were, later ones summarized."""
    first = {name: value for name, value in study["first"].items() if name != "seconds"}
    later = {name: spread(e[name] for e in study["rounds"]) for name in study["rounds"][0]}
    del later["seconds"]
    return {"first": first, "later": later}


def summarize(results: Results) -> Results:
    """Summarize all that was measured; what was not measured is left out."""
    settings, contestants = results["settings"], results["contestants"]
    summary: Results = {}
    if contestants:
        summary["contest"] = contest(contestants)
    if results["products"]:
        train = contestants.get("train")
        summary["roofline"] = roofline(results["products"], train, settings)
    if results["convolutions"]:
        summary["convolutions"] = contest(results["convolutions"])
    if results["variants"]:
        summary["variants"] = variants(results["variants"])
    if results["growth"]:
        summary["growth"] = growth(results["growth"], settings)
    if results["calls"]:
        summary["calls"] = calls(results["calls"])
    if results["startup"]:
        summary["startup"] = {n: spread(values) for n, values in results["startup"].items()}
    summary["targets"] = targets(summary)
    return summary
