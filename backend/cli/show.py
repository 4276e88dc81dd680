"""What the commands print: tables for people, JSON for scripts."""

import json
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from backend.client import Client, ServiceProblem
from backend.contract import FINAL, RunState

COLOURS = {
    "completed": "green",
    "running": "blue",
    "cancelling": "yellow",
    "failed": "red",
    "cancelled": "dim",
}
RECONNECTS = 20


def launched(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(answer)
        return
    ids, parents = answer["runs"], answer["parents"]
    named = _numbered(ids)
    if parents:
        named += f", and what {'it starts' if len(ids) == 1 else 'they start'} from: {_numbered(parents)}"
    print(f"Queued {named}. Follow with: runyard watch {ids[0]}")


def _numbered(ids: list[int]) -> str:
    """Return "run 3", "runs 3 to 5", or "runs 3, 5, 7": parents may stand between the runs of a launch."""
    if len(ids) == 1:
        return f"run {ids[0]}"
    gapless = ids == list(range(ids[0], ids[-1] + 1))
    return f"runs {ids[0]} to {ids[-1]}" if gapless else f"runs {', '.join(map(str, ids))}"


def runs(page: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(page)
        return
    if not page["runs"]:
        print("No runs yet. Try: runyard launch softmax-original --quick --set dataset.name=shapes")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("id", "name", "data", "size", "state", "epoch", "test acc", "best", "seed"):
        table.add_column(
            title, justify="right" if title in ("id", "epoch", "test acc", "best", "seed") else "left"
        )
    for run in page["runs"]:
        last = run["last"] or {"epoch": 0, "metrics": {}}
        table.add_row(
            str(run["id"]),
            escape(run["name"]),
            escape(run["spec"]["dataset"]["name"]),
            run["size"] or "",
            state_text(run["state"]),
            f"{last['epoch']}/{run['spec']['epochs']}",
            percent(last["metrics"].get("test_acc")),
            percent(run["best_test_acc"]),
            str(run["seed"]),
        )
    Console().print(table)


def moved(answer: dict[str, Any], *, as_json: bool) -> None:
    """Tell what became of a run that was moved: its new state, or that it is gone."""
    if as_json:
        _print_json(answer)
    elif "deleted" in answer:
        print(f"Run {answer['deleted']} is deleted.")
    else:
        print(f"Run {answer['id']} is {answer['state']}.")


def datasets(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(found)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("name", "classes", "train", "test", "pixels", "hash"):
        table.add_column(title, justify="left" if title in ("name", "hash") else "right")
    for dataset in found:
        table.add_row(
            escape(dataset["name"]),
            str(len(dataset["classes"])),
            f"{dataset['train_count']:,}",
            f"{dataset['test_count']:,}",
            str(dataset["pixels"]),
            (dataset["hash"] or "generated")[:12],
        )
    Console().print(table)


def weights(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(found)
        return
    if not found:
        print("No weights yet. Try: runyard weights fetch resnet18")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("model", "source", "name", "classes", "hash"):
        table.add_column(title, justify="right" if title == "classes" else "left")
    for one in found:
        table.add_row(
            one["arch"], one["source"], escape(one["name"]), f"{one['classes']:,}", one["sha256"][:12]
        )
    Console().print(table)


def watch(client: Client, run_id: int) -> int:
    """Follow a run to its end; return 0 where it completes, else 1. A lost connection is taken up again."""
    console, failures = Console(), 0
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            run = client.run(run_id)
            _show(live, run)
            if run["state"] in FINAL:
                break
            try:
                _follow(live, client, run)
                failures = 0
            except ServiceProblem:
                failures += 1
                if failures > RECONNECTS:
                    raise
    run = client.run(run_id)
    console.print(_table(client, run))
    console.print(f"Run {run_id} is {state_text(run['state'])}. {escape(run['detail'] or '')}".rstrip())
    return 0 if run["state"] == RunState.COMPLETED else 1


def _follow(live: Live, client: Client, run: dict[str, Any]) -> None:
    for kind, event in client.follow(run["id"], run["cursor"]):
        if kind == "progress":
            run["progress"] = event
        elif kind == "epoch":
            run["last"] = {"epoch": event["epoch"], "metrics": event["metrics"]}
        elif kind in ("state", "rewind", "reset"):
            return  # the run is read anew
        _show(live, run)


def _show(live: Live, run: dict[str, Any]) -> None:
    live.update(standing_line(run), refresh=True)


def standing_line(run: dict[str, Any]) -> str:
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
            parts.append(f"{progress['seconds_left']:.0f} s left")
    if last["epoch"]:
        parts.append(f"test accuracy {percent(last['metrics'].get('test_acc'))}")
    return " · ".join(parts)


def _preparation(progress: dict[str, Any]) -> str:
    """Return what is done before the first epoch; where its end is not known, without numbers."""
    doing, done, total = progress["doing"], progress["done"], progress["total"]
    return f"{doing} {done:,} of {total:,}" if total else doing


def _table(client: Client, run: dict[str, Any]) -> Table:
    series = client.points(run["id"])["series"]
    shown = [name for name in ("train_loss", "train_acc", "test_acc") if name in series]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("epoch", justify="right")
    for name in shown:
        table.add_column(name.replace("_", " "), justify="right")
    for position, epoch in enumerate(series[shown[0]]["epochs"] if shown else []):
        values = [series[name]["values"][position] for name in shown]
        cells = ["—" if value is None else f"{value:.3f}" for value in values]
        table.add_row(str(epoch), *cells)
    return table


def percent(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f} %"


def state_text(state: str) -> str:
    """Return a state in its colour, as rich's markup."""
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, allow_nan=False))
