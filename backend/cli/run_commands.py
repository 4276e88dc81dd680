"""The commands that read runs: lists, all about one, its log, its curves, its checkpoint."""

import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli import show
from backend.cli.curves_text import by_step, csv_lines, print_curves
from backend.cli.download_bar import download_bar
from backend.cli.run_text import print_run
from backend.cli.service import Json, open_client
from backend.cli.tables import print_json, visible
from backend.cli.watch_commands import watch_all
from backend.client import Client
from backend.contract import DENSE_SERIES, FINAL, METRICS, RunState

readers = typer.Typer()

RunId = Annotated[int, typer.Argument(metavar="RUN", min=1, help="Id of the run.")]
LOOK_SECONDS = 0.5


@readers.command()
def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
    state: Annotated[RunState | None, typer.Option(help="Only runs in this state.")] = None,
    preset: Annotated[str | None, typer.Option(help="Only runs of this preset.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    name: Annotated[str | None, typer.Option(help="Only runs with this in their names.")] = None,
    finding: Annotated[
        str | None,
        typer.Option(help="Only runs of which this was found: a rule, such as collapsed; sick, note or any."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow all that is on its way instead, until nothing is.")
    ] = False,
    json_: Json = False,
) -> None:
    """List runs, the newest first. With --watch exits with 0 where all that it followed complete, else with 1."""
    if watch:
        _refuse_filters(context)
    with open_client() as client:
        if watch:
            raise typer.Exit(watch_all(client, as_json=json_))
        page = _page(client, limit, state, finding, {"preset": preset, "experiment": experiment}, name)
        stale = [] if json_ else [one["run"] for one in client.status()["stale"]]
    if json_:
        print_json(page)
    elif page["runs"]:
        show.runs(page["runs"], stale)
    elif state or preset or experiment or name or finding:
        print("No such runs.")
    else:
        print("No runs yet. Try: runyard launch softmax-original --quick --set dataset.name=shapes")


def _refuse_filters(context: typer.Context) -> None:
    for name in ("limit", "state", "preset", "experiment", "name", "finding"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"--watch follows all that is on its way; it cannot go with --{name}.")


def _page(
    client: Client,
    limit: int,
    state: RunState | None,
    finding: str | None,
    fields: dict[str, str | None],
    name: str | None,
) -> dict[str, Any]:
    """Return a page as the service makes it; where it must be filtered here, of all runs."""
    wanted = {field: value for field, value in fields.items() if value is not None}
    if not wanted and name is None:
        return client.runs(limit=limit, state=state, finding=finding)
    part = (name or "").lower()
    fit = (
        run
        for run in client.each_run(state=state, finding=finding)
        if all(run[field] == value for field, value in wanted.items()) and part in run["name"].lower()
    )
    return {"runs": list(islice(fit, limit))}


@readers.command()
def run(run: RunId, json_: Json = False) -> None:
    """Show all about a run: how it stands, what is wrong with it or worth a note, its spec, its attempts."""
    with open_client() as client:
        found = client.run(run)
        findings = client.findings(run)
        energy = {} if json_ else client.points(run, ["energy_wh"])["series"]
    if json_:
        print_json({**found, "findings": findings})
    else:
        print_run(found, findings, energy["energy_wh"]["values"] if energy else ())


@readers.command()
def log(
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run is over.")] = False,
    json_: Json = False,
) -> None:
    """Print the log of a run. With --json one object a line."""
    with open_client() as client:
        line = _print_log(client, run, 0, as_json=json_)
        while follow:
            is_over = client.run(run)["state"] in FINAL  # read before the lines: none may come after
            line = _print_log(client, run, line, as_json=json_)
            if is_over:
                return
            time.sleep(LOOK_SECONDS)


def _print_log(client: Client, run_id: int, after: int, *, as_json: bool) -> int:
    """Print the lines past `after`; return the number of the last."""
    for found in client.each_log_line(run_id, after):
        after = found["line"]
        if as_json:
            print_json(found, as_line=True)
        else:
            print(visible(found["text"]), flush=True)
    return after


@readers.command()
def curves(
    run: RunId,
    metric: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this one, such as {', '.join(list(METRICS)[:4])}. Repeatable."),
    ] = None,
    steps: Annotated[
        bool,
        typer.Option(
            "--steps", help="What was kept of each step instead: step_loss, step_lr, step_gradient_norm."
        ),
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, with empty cells for gaps.")] = False,
    json_: Json = False,
) -> None:
    """Print what was measured at each epoch of a run; with --steps at each step."""
    if steps:
        _refuse_other_series(metric or [])
    with open_client() as client:
        found = _steps(client, run, metric) if steps else client.points(run, metric)
    if json_:
        print_json(found)
        return
    series = by_step(found["series"]) if steps else found["series"]
    if csv:
        for line in csv_lines(series, "step" if steps else "epoch"):
            print(line)
    else:
        print_curves(series, "step" if steps else "epoch")


def _refuse_other_series(names: list[str]) -> None:
    known = [one.name for one in DENSE_SERIES.values() if one.by == "step"]
    for name in names:
        if name not in known:
            raise typer.BadParameter(
                f"--metric {name} is nothing that is kept of each step: {', '.join(known)}."
            )


def _steps(client: Client, run_id: int, names: list[str] | None) -> dict[str, Any]:
    """Return the series of steps that a run has, or those of `names`, whole."""
    names = names or [one["name"] for one in client.series(run_id) if one["by"] == "step"]
    return {"run": run_id, "series": {name: client.series_values(run_id, name) for name in names}}


@readers.command()
def checkpoint(
    run: RunId,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write; run-ID.safetensors where not given."),
    ] = None,
    json_: Json = False,
) -> None:
    """Download the weights of the last checkpoint of a run, and check that they came whole."""
    path = output or Path(f"run-{run}.safetensors")
    with open_client() as client, download_bar() as tell:
        made = client.checkpoint(run, path, tell)
    if json_:
        facts = {"epoch": made.epoch, "step": made.step, "bytes": made.bytes, "sha256": made.sha256}
        print_json({"run": run, "file": str(made.path), **facts})
    else:
        size = f"{made.bytes:,} bytes, SHA-256 {made.sha256[:12]}"
        after = f"step {made.step} of epoch {made.epoch + 1}" if made.step else f"epoch {made.epoch}"
        print(f"{made.path} has the weights of run {run} after {after}: {size}.")
