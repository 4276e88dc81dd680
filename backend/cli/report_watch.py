"""Watching a report in a terminal: one line an experiment, until nothing of it is on its way."""

import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from backend.cli.tables import percent, state_text
from backend.cli.watching import ON_THE_WAY, RECONNECTS
from backend.client import Client, Unreachable
from backend.contract import RunState
from backend.durations import duration

LOOK_SECONDS = 1.0


def watch(client: Client, name: str, variant: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Show the experiments of a report as they train; return its view once nothing of it is on its way.

    Only the first look chooses what the variant leaves open: what comes to be there meanwhile, such as fetched
    weights, must not change which report is watched. A lost connection is taken up again. `quiet` prints nothing.
    """
    console = Console(quiet=quiet)
    view = client.report(name, **variant)
    variant = chosen_variant(view)
    with Live(console=console, auto_refresh=False) as live:
        live.update(_table(view), refresh=True)
        while _is_on_its_way(view):
            time.sleep(LOOK_SECONDS)
            view = _look_again(client, name, variant)
            live.update(_table(view), refresh=True)
    if not console.is_terminal:
        console.line()  # in a file rich ends its last table without one
    console.print(ending(view))
    return view


def ending(view: dict[str, Any]) -> str:
    """Return how a report ended, in a sentence."""
    standing = view["standing"]
    seconds = standing["seconds"]
    took = f" in {duration(seconds)}" if seconds is not None else ""
    return f"{_completed(view)} of {standing['runs']} runs completed{took}."


def is_complete(view: dict[str, Any]) -> bool:
    """Say whether all runs of a report completed."""
    return _completed(view) == view["standing"]["runs"]


def chosen_variant(view: dict[str, Any]) -> dict[str, Any]:
    """Return what a view was made for, so that the same is asked for again."""
    return {key: view["variant"][key] for key in ("size", "dataset", "pretraining", "seed")}


def _look_again(client: Client, name: str, variant: dict[str, Any]) -> dict[str, Any]:
    for _ in range(RECONNECTS):
        try:
            return client.report(name, **variant)
        except Unreachable:
            time.sleep(LOOK_SECONDS)
    return client.report(name, **variant)


def _is_on_its_way(view: dict[str, Any]) -> bool:
    return any(view["standing"]["states"].get(state) for state in ON_THE_WAY)


def _completed(view: dict[str, Any]) -> int:
    return view["standing"]["states"].get(RunState.COMPLETED, 0)


def experiments(view: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the experiments of a report in its order."""
    for section in view["sections"]:
        for block in section["blocks"]:
            if block["kind"] == "experiment":
                yield block


def _table(view: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, justify in (
        ("", "left"),
        ("experiment", "left"),
        ("state", "left"),
        ("epoch", "right"),
        ("train loss", "right"),
        ("test accuracy", "right"),
        ("published", "right"),
    ):
        table.add_column(column, justify=justify)  # pyright: ignore[reportArgumentType] - a literal, seen through a tuple
    for block in experiments(view):
        run = block["run"]
        told = [row for row in block["rows"] if row["measured"]]
        measured = told[-1]["measured"] if told else {}
        loss = measured.get("train_loss")
        table.add_row(
            block["id"],
            block["title"],
            state_text(run["state"]) if run else "missing",
            str(told[-1]["epoch"]) if told else "—",
            "—" if loss is None else f"{loss:.3f}",
            percent(measured.get("test_acc")),
            percent(block["rows"][-1]["published"]["test_acc"]),
        )
    return table
