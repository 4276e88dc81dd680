"""The recipes of a comparison as a table: what differs, how good each is and how sure that is, what the verdict says."""

from typing import Any

from backend.contract import METRICS
from backend.export import page_numbers as page
from backend.export.table import Head, Table, Value

LOSSES = (("test_loss", "Test loss"), ("train_loss", "Training loss"))

EPOCHS = {
    "last": "after the last epoch",
    "best": "at the best epoch",
    "validation": "at the epoch that is best on validation",
}
"""Which epoch stands for a run, in words."""

COSTS = ("seconds", "gpu_hours", "per_gpu_hour", "energy_wh", "per_wh")
TARGET = ("runs", "of", "epoch", "seconds")
ACCURACY_FIELDS = ["test_acc_mean", "test_acc_half_width", "test_acc_low", "test_acc_high", "interval", "n"]


def comparison_table(found: dict[str, Any]) -> Table:
    """Return the table of what GET /api/compare answers, a recipe a row, in its order."""
    differs, items = found["differs"], found["items"]
    return Table(
        name="recipes",
        caption=f"Test accuracy in percent {EPOCHS[found['value']]}, mean and 95% interval over completed seeds",
        fields=[
            *("recipe", "label", "name"),
            *(field["path"] for field in differs),
            *ACCURACY_FIELDS,
            *("seeds", "runs", "so_far"),
            *(f"final_{name}" for name in _metrics(items)),
            *("best_test_acc", "best_epoch", "best_run", "epochs", *COSTS),
            *(f"target_{name}" for name in TARGET if found["target"] is not None),
            *("is_highest", "decided_by", "p", "family", "verdict"),
        ],
        records=[_record(item, found) for item in items],
        heads=[
            Head("Recipe", numeric=False),
            *(Head(field["title"], numeric=False) for field in differs),
            *(Head("Test accuracy, %"), Head("n"), Head("Seeds")),
            *(Head(title) for _, title in LOSSES),
            *(Head("Best, %"), Head("Epochs"), Head("Time")),
            *(Head(head) for head in _target_heads(found)),
        ],
        rows=[_row(item, found) for item in items],
        notes=[found["verdict"]["text"], *found["warnings"]],
    )


def _metrics(items: list[dict[str, Any]]) -> list[str]:
    return [name for name in METRICS if any(name in item["final"] for item in items)]


def _record(item: dict[str, Any], found: dict[str, Any]) -> list[Value]:
    accuracy, best, verdict = item["accuracy"], item["best"] or {}, found["verdict"]
    return [
        *(item["recipe"], item["label"], item["name"]),
        *(field["values"].get(item["recipe"]) for field in found["differs"]),
        *(accuracy["mean"], accuracy["half_width"], accuracy["low"], accuracy["high"]),
        *(accuracy["kind"], accuracy["n"]),
        " ".join(str(seed) for seed in accuracy["seeds"]),
        " ".join(str(run) for run in item["runs"]),
        item["so_far"],
        *(_exact(item["final"].get(name)) for name in _metrics(found["items"])),
        *(best.get("value"), best.get("epoch"), best.get("run")),
        item["epochs"],
        *(item[cost] for cost in COSTS),
        *((item["reached"] or {}).get(name) for name in TARGET if found["target"] is not None),
        item["recipe"] == verdict["best"],
        *(verdict["decided_by"], verdict["p"], verdict["family"], verdict["text"]),
    ]


def _exact(last: dict[str, Any] | None) -> Value:
    return None if last is None else last["nonfinite"] or last["value"]


def _row(item: dict[str, Any], found: dict[str, Any]) -> list[str]:
    accuracy, best = item["accuracy"], item["best"]
    return [
        item["label"],
        *(field["values"].get(item["recipe"], page.MISSING) for field in found["differs"]),
        _accuracy(item),
        str(accuracy["n"]),
        ", ".join(str(seed) for seed in accuracy["seeds"]) or page.MISSING,
        *(_last(item["final"].get(name), name) for name, _ in LOSSES),
        f"{page.percent(best['value'])} at {best['epoch']}" if best else page.MISSING,
        _epochs(item, found["runs"]),
        page.duration(item["seconds"]),
        *(_reached(item) for _ in _target_heads(found)),
    ]


def _target_heads(found: dict[str, Any]) -> list[str]:
    return [] if found["target"] is None else [f"Time to {page.percent(found['target'])}%"]


def _reached(item: dict[str, Any]) -> str:
    """Return how long it took to reach the target: a mean, only where all runs did."""
    reached = item["reached"] or {}
    if not reached.get("of"):
        return page.MISSING
    if reached["epoch"] is None:
        left = f" by {reached['of'] - reached['runs']} of {reached['of']}" if reached["of"] > 1 else ""
        return f"not reached{left}"
    epoch = f"epoch {float(page.fixed(reached['epoch'], 1)):g}"
    return epoch if reached["seconds"] is None else f"{page.duration(reached['seconds'])}, {epoch}"


def _accuracy(item: dict[str, Any]) -> str:
    """Return the accuracy of what has completed, else the last one of what is on its way."""
    if item["accuracy"]["mean"] is not None:
        return page.accuracy(item["accuracy"])
    last = _last(item["final"].get("test_acc"), "test_acc")
    return f"{last} so far" if item["so_far"] and last != page.MISSING else last


def _last(last: dict[str, Any] | None, metric: str) -> str:
    if last is None:
        return page.MISSING
    word = last["nonfinite"]
    return page.word(word) if word else page.shown(metric, last["value"])


def _epochs(item: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    """Return "10", or "3 of 10" while none has come to the end."""
    furthest = max((run["epoch"] for run in runs if run["recipe"] == item["recipe"]), default=0)
    whole = page.count(item["epochs"])
    return whole if furthest >= item["epochs"] else f"{page.count(furthest)} of {whole}"
