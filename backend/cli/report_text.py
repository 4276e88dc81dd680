"""A report as plain text: its tables, published beside measured, its comparisons and its sweep."""

from collections.abc import Iterator
from typing import Any

from backend.cli.tables import percent

GAP = "—"
NOT_FINITE = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
TITLES = {"train_loss": "train loss", "train_acc": "train acc", "test_acc": "test acc"}


def report_text(view: dict[str, Any]) -> str:
    """Return a report as text. "—" is a number that was not measured, or cannot be read in the published copy."""
    variant = view["variant"]
    lines = [
        view["title"],
        f"{variant['size']} on {variant['dataset']}, pretrained on {variant['pretraining']}, seed {variant['seed']}",
        view["standing"]["summary"],
    ]
    for section in view["sections"]:
        for block in section["blocks"]:
            lines += [*_block(block)]
    return "\n".join(lines)


def _block(block: dict[str, Any]) -> Iterator[str]:
    if block["kind"] == "experiment":
        yield from _experiment(block)
    elif block["kind"] == "comparison":
        yield from ("", f"{block['id']}  {block['title']}")
        for item in block["items"]:
            yield from _comparison(item)
    elif block["kind"] == "sweep":
        yield from ("", block["title"])
        yield from (f"  {row['node']}: {row['reason']}" for row in block["rows"])


def _experiment(block: dict[str, Any]) -> Iterator[str]:
    run = block["run"]
    standing = f"run {run['id']}, {run['state']}" if run else "not launched"
    yield from ("", f"{block['id']}  {block['title']} ({standing})", f"  {block['start']}")
    yield "  " + ", ".join(f"{one['name'].lower()} {_both(one)}" for one in block["hyper"])
    differing = ", ".join(one["field"] for one in block["protocol"])
    if differing:
        yield f"  protocol differs: {differing}"
    yield f"  {_seeds(block)}"
    yield from (f"  {_held(one)}" for one in block["references"])
    yield "  " + "".join(
        ["epoch", *(f"{TITLES[name]:>20}" for name in block["columns"]), f"{'Δ points':>10}"]
    )
    yield "       " + "".join(f"{'published':>11}{'here':>9}" for _ in block["columns"])
    yield from (_row(row, block["columns"]) for row in block["rows"])
    if block["twin"] and block["twin"]["last"]:
        yield f"  {block['twin']['title']}: test accuracy {percent(block['twin']['last']['test_acc'])}"
    yield from (f"  {note['text']}" for note in block["notes"])


def _seeds(block: dict[str, Any]) -> str:
    """Return how many seeds count, and the mean of their last test accuracies."""
    n, last = block["seeds"]["n"], block["interval"]
    seeds = f"{n} seed{'' if n == 1 else 's'}"
    if not n or last is None or last["mean"] is None:
        return seeds
    half = "" if last["half"] is None else f" ± {100 * last['half']:.1f}"
    return f"{seeds}: test accuracy {100 * last['mean']:.1f}{half} %"


def _held(one: dict[str, Any]) -> str:
    """Return what a reference says of the last epoch."""
    if not one["there"]:
        return f"{one['title']}: no table of this experiment."
    told = one["verdict"]["text"] if one["verdict"] else "no test accuracy for the last epoch."
    return f"{one['title']}: {told}"


def _row(row: dict[str, Any], columns: list[str]) -> str:
    cells = [f"{row['epoch']:>5}"]
    for name in columns:
        measured = NOT_FINITE.get(row["nonfinite"].get(name)) or _number((row["measured"] or {}).get(name))
        cells.append(f"{_number(row['published'][name]):>11}{measured:>9}")
    delta = row["delta_points"]
    cells.append(f"{GAP if delta is None else f'{delta:+.1f}':>10}")
    return "  " + "".join(cells)


def _comparison(item: dict[str, Any]) -> Iterator[str]:
    yield f"  {item['stated']}"
    yield f"    published: {item['published']}"
    if item["remark"]:
        yield f"    {item['remark']}"
    yield f"    measured:  {item['measured']}"
    if item["otherwise"]:
        yield f"    {item['otherwise']}"
    yield f"    models:    {item['tests']['models']['text']}"
    yield f"    recipes:   {item['tests']['recipes']['text']}"
    if item["note"]:
        yield f"    {item['note']}"


def _both(one: dict[str, str]) -> str:
    same = one["published"] == one["here"]
    return one["here"] if same else f"{one['here']} (published: {one['published']})"


def _number(value: float | None) -> str:
    return GAP if value is None else f"{value:.3f}"
