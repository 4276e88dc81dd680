"""What of watched runs is shown: a live table on a terminal, a line for each change elsewhere, or JSON lines."""

import sys
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from backend.cli.exits import complain
from backend.cli.tables import GAP, number, percent, print_json, print_table, rich_table, state_text, visible
from backend.cli.watching import ON_THE_WAY, Run, View
from backend.client import Unreachable
from backend.durations import duration

COLUMNS = ("run>", "name", "seed>", "state", "epoch>", "images/s>", "left", "test acc>")
LINES_AROUND = 4
"""Of a terminal, that the table leaves free."""


class Shown(View):
    """A view that is entered and left."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class LiveView(Shown):
    """One line of a single run, or a table of several, that change in place. It leaves nothing behind."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, runs: list[Run]) -> None:
        alone = runs[0] if len(runs) == 1 else None
        self._live.update(standing_line(alone) if alone else self._table(runs), refresh=True)

    def tell(self, kind: str, run: Run, data: dict[str, Any]) -> None:
        return None

    def away(self, problem: Unreachable) -> None:
        self._live.update(Text(f"{problem} Trying again ...", style="yellow"), refresh=True)

    def _table(self, runs: list[Run]) -> Table:
        room = max(1, self._console.height - LINES_AROUND)
        first = sorted(
            runs, key=lambda run: ON_THE_WAY.index(run["state"]) if run["state"] in ON_THE_WAY else 9
        )
        table = rich_table(COLUMNS, [_row(run) for run in first[:room]])
        if len(runs) > room:
            table.caption = f"and {len(runs) - room} more"
        return table


class LineView(Shown):
    """One line for each state and each epoch: what a file or another program is given."""

    def show(self, runs: list[Run]) -> None:
        return None

    def tell(self, kind: str, run: Run, data: dict[str, Any]) -> None:
        if kind == "state":
            print(visible(_state_line(run)), flush=True)
        elif kind == "rewind":
            print(f"run {run['id']} · goes on from epoch {data.get('epoch', 0)}", flush=True)
        elif kind == "epoch":
            accuracy = percent(data["metrics"].get("test_acc"))
            of = run["spec"]["epochs"]
            print(f"run {run['id']} · epoch {data['epoch']} of {of} · test accuracy {accuracy}", flush=True)

    def away(self, problem: Unreachable) -> None:
        complain(f"{problem} Trying again ...")


class JsonView(Shown):
    """Everything, as one JSON object a line: `kind`, `run`, and what belongs to them."""

    def show(self, runs: list[Run]) -> None:
        return None

    def tell(self, kind: str, run: Run, data: dict[str, Any]) -> None:
        told = {key: run[key] for key in ("state", "reason", "detail")} if kind == "state" else {}
        print_json({"kind": kind, "run": run["id"], **told, **data}, as_line=True)
        if kind == "state" and run["state"] not in ON_THE_WAY:
            last = run["last"] or {"epoch": 0, "metrics": {}}
            ended = {"kind": "end", "run": run["id"], "state": run["state"], **last}
            print_json({**ended, "best_test_acc": run["best_test_acc"]}, as_line=True)

    def away(self, problem: Unreachable) -> None:
        complain(f"{problem} Trying again ...")


def view_for(*, as_json: bool) -> Shown:
    if as_json:
        return JsonView()
    return LiveView(Console()) if sys.stdout.isatty() else LineView()


def print_final(runs: list[Run]) -> None:
    """Print several runs as they ended."""
    print_table(COLUMNS, [_row(run) for run in runs])
    completed = sum(run["state"] == "completed" for run in runs)
    print(f"{completed} of {len(runs)} runs completed.")


def standing_line(run: Run) -> str:
    """Return where a run stands in one line, as rich's markup."""
    last = run["last"] or {"epoch": 0, "metrics": {}}
    parts = [f"run {run['id']}", state_text(run["state"])]
    if run["ahead"]:
        parts.append(f"{run['ahead']} ahead")
    progress = run["progress"]
    if progress and progress.get("doing"):
        parts.append(_preparation(progress))
    elif progress:
        parts.append(f"epoch {progress['epoch']} of {progress['epochs']}")
        if progress["images_per_second"]:
            parts.append(f"{progress['images_per_second']:,.0f} images/s")
        if progress["seconds_left"] is not None:
            parts.append(f"{duration(progress['seconds_left'])} left")
    if last["epoch"]:
        parts.append(f"test accuracy {percent(last['metrics'].get('test_acc'))}")
    return " · ".join(parts)


def _preparation(progress: dict[str, Any]) -> str:
    """Return what is done before the first epoch; where its end is not known, without numbers."""
    doing, done, total = progress["doing"], progress["done"], progress["total"]
    return f"{doing} {done:,} of {total:,}" if total else doing


def _state_line(run: Run) -> str:
    why = f" · {run['detail'] or run['reason']}" if run["detail"] or run["reason"] else ""
    return f"run {run['id']} · {run['name']}, seed {run['seed']} · {run['state']}{why}"


def _row(run: Run) -> tuple[str, ...]:
    last = run["last"] or {"epoch": 0, "metrics": {}}
    progress = (run["progress"] if run["state"] == "running" else None) or {}
    left = progress.get("seconds_left")
    return (
        str(run["id"]),
        run["name"],
        str(run["seed"]),
        run["state"],
        f"{last['epoch']}/{run['spec']['epochs']}",
        number(progress.get("images_per_second")),
        progress.get("doing") or (GAP if left is None else duration(left)),
        percent(last["metrics"].get("test_acc")),
    )
