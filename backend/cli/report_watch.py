"""Watching a report in a terminal: one line an experiment, until nothing of it is on its way."""

import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from backend.cli.show import percent, state_text
from backend.client import Client
from backend.contract import RunState

LOOK_SECONDS = 1.0
ON_THE_WAY = (RunState.WAITING, RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)


def watch(client: Client, name: str, variant: dict[str, Any]) -> int:
    """Show the experiments of a report as they train; return 0 where all of its runs completed, else 1."""
    console = Console()
    with Live(console=console, auto_refresh=False) as live:
        while True:
            view = client.report(name, **variant)
            live.update(_table(view), refresh=True)
            states = view["standing"]["states"]
            if not any(states.get(state) for state in ON_THE_WAY):
                break
            time.sleep(LOOK_SECONDS)
    standing = view["standing"]
    done = states.get(RunState.COMPLETED, 0)
    seconds = standing["seconds"]
    took = f" in {seconds:.0f} s" if seconds is not None else ""
    console.print(f"{done} of {standing['runs']} runs completed{took}.")
    return 0 if done == standing["runs"] else 1


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
