"""`runyard watch`, and what --watch does after a launch: follow runs, then say how they ended."""

from typing import Annotated

import typer

from backend.cli.curves_text import print_curves
from backend.cli.exits import DONE, REFUSED
from backend.cli.service import Json, open_client
from backend.cli.tables import visible
from backend.cli.watch_views import print_final, view_for
from backend.cli.watching import Run, Watch
from backend.client import Client
from backend.contract import RunState

watches = typer.Typer()

SHOWN_AT_THE_END = ("train_loss", "train_acc", "test_acc")


@watches.command()
def watch(
    runs: Annotated[list[int], typer.Argument(metavar="RUN...", help="Ids of the runs.")],
    json_: Json = False,
) -> None:
    """Follow runs to their ends. Exits with 0 where all complete, else with 1. With --json one object a line."""
    with open_client() as client:
        raise typer.Exit(watch_runs(client, runs, as_json=json_))


def watch_runs(client: Client, ids: list[int], *, as_json: bool) -> int:
    """Follow runs to their ends, say how each ended, and return the exit code."""
    with view_for(as_json=as_json) as view:
        ended = Watch(client, view, ids).to_the_end()
    if not as_json:
        _print_ends(client, ended)
    return _exit_code(ended)


def watch_all(client: Client, *, as_json: bool) -> int:
    """Follow everything that is on its way, and what comes meanwhile, until nothing is; return the exit code."""
    with view_for(as_json=as_json) as view:
        ended = Watch(client, view).to_the_end()
    if not as_json and ended:
        print_final(ended)
    elif not as_json:
        print("No run is on its way.")
    return _exit_code(ended)


def _exit_code(ended: list[Run]) -> int:
    return DONE if all(run["state"] == RunState.COMPLETED for run in ended) else REFUSED


def _print_ends(client: Client, ended: list[Run]) -> None:
    if len(ended) > 1:
        print_final(ended)
        return
    (run,) = ended
    if run["state"] != "deleted":
        series = client.points(run["id"], list(SHOWN_AT_THE_END))["series"]
        if series:
            print_curves(series)
    print(visible(f"Run {run['id']} is {run['state']}. {run['detail'] or ''}".rstrip()))
