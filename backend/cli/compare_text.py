"""Recipes as rows, and several of them beside each other: what differs first, then how good they are."""

from typing import Any

from backend.analysis.differences import short
from backend.cli.tables import GAP, number, percent, print_table, visible
from backend.contract import METRICS
from backend.durations import duration
from backend.grid import value_at

SHOWN_IDS = 6


def recipe_row(one: dict[str, Any]) -> tuple[str, ...]:
    accuracy = one["accuracy"]
    return (
        one["recipe"],
        one["name"],
        _spec_in_short(one),
        ", ".join(f"{count} {state}" for state, count in one["counts"].items()),
        _ids(one),
        percent(accuracy["mean"]),
        _interval(accuracy),
        str(accuracy["n"]),
        percent(one["best"] and one["best"]["value"]),
    )


def _spec_in_short(one: dict[str, Any]) -> str:
    """Return what rows are told apart by: how they learn, the images, and what else is not as in the preset."""
    spec = one["runs"][0]["spec"]
    words = [f"lr {spec['optimizer']['lr']:g}", *_chosen(spec), spec["dataset"]["name"], *one["differs"]]
    return ", ".join(dict.fromkeys(words))


def _chosen(spec: dict[str, Any]) -> list[str]:
    """Return optimizer and schedule where they are not the plain ones; a spec of an older version has no schedule."""
    values = {path: value_at(spec, path) for path in ("optimizer.name", "schedule.name")}
    return [short(path, value) for path, value in values.items() if value not in (None, "sgd", "constant")]


def _ids(one: dict[str, Any]) -> str:
    """Return the ids of a recipe's newest runs, as `compare` takes them."""
    ids = [str(run["id"]) for run in one["runs"][:SHOWN_IDS]]
    return " ".join([*ids, "…"] if one["total"] > len(ids) else ids)


def print_comparison(found: dict[str, Any]) -> None:
    """Print one column a recipe; below it the verdict, and what to be careful about."""
    items = found["items"]
    rows = [
        *_differences(found["differs"], items),
        ("recipe", *(one["recipe"] for one in items)),
        ("runs", *(", ".join(map(str, one["runs"])) for one in items)),
        ("test accuracy", *(percent(one["accuracy"]["mean"]) for one in items)),
        ("95 % interval", *(_interval(one["accuracy"]) for one in items)),
        ("seeds that count", *(_seeds(one["accuracy"]) for one in items)),
        ("best epoch", *(_best(one["best"]) for one in items)),
        *_final(items),
        ("training time", *(GAP if one["seconds"] is None else duration(one["seconds"]) for one in items)),
    ]
    print_table(("", *(_title(one) for one in items)), rows)
    print()
    print(visible(found["verdict"]["text"]))
    for warning in found["warnings"]:
        print(visible(warning))


def _title(one: dict[str, Any]) -> str:
    return f"{one['label']} (so far)" if one["so_far"] else one["label"]


def _differences(differs: list[dict[str, Any]], items: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [(one["title"], *(one["values"].get(item["recipe"], GAP) for item in items)) for one in differs]


def _final(items: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the last values of the other metrics, in the order in which these are known."""
    names = [name for name in METRICS if name != "test_acc" and any(name in one["final"] for one in items)]
    return [
        (METRICS[name].title.lower(), *(_last(name, one["final"].get(name)) for one in items))
        for name in names
    ]


def _last(name: str, value: dict[str, Any] | None) -> str:
    if value is None:
        return GAP
    if value["nonfinite"]:
        return value["nonfinite"]
    return percent(value["value"]) if name.endswith("_acc") else number(value["value"])


def _interval(accuracy: dict[str, Any]) -> str:
    """Return the interval; of two seeds, which have none, both values."""
    if accuracy["kind"] == "two":
        return " and ".join(f"{100 * value:.1f}" for value in accuracy["values"]) + " %"
    if accuracy["low"] is None:
        return GAP
    return f"{100 * accuracy['low']:.1f} to {100 * accuracy['high']:.1f} %"


def _seeds(accuracy: dict[str, Any]) -> str:
    return ", ".join(map(str, accuracy["seeds"])) or GAP


def _best(best: dict[str, Any] | None) -> str:
    return GAP if best is None else f"{percent(best['value'])} at {best['epoch']}"
