"""The commands that move runs: cancel, retry, resume, delete. Each goes on with the other runs where one is refused."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from backend.cli import show
from backend.cli.exits import DONE, REFUSED, complain
from backend.cli.service import Json, open_client
from backend.client import Client, NotLoggedIn, ServiceProblem, Unreachable

actions = typer.Typer()

Runs = Annotated[list[int], typer.Argument(help="Ids of the runs.")]


@actions.command()
def cancel(runs: Runs, json_: Json = False) -> None:
    """Cancel runs."""
    _each(runs, Client.cancel, json_)


@actions.command()
def retry(runs: Runs, json_: Json = False) -> None:
    """Train failed or cancelled runs again, from the start."""
    _each(runs, Client.retry, json_)


@actions.command()
def resume(runs: Runs, json_: Json = False) -> None:
    """Let failed or cancelled runs go on from their last checkpoint."""
    _each(runs, Client.resume, json_)


@actions.command()
def delete(runs: Runs, json_: Json = False) -> None:
    """Delete runs that are over, for good."""
    _each(runs, Client.delete, json_)


def _each(runs: list[int], act: Callable[[Client, int], dict[str, Any]], as_json: bool) -> None:
    problems = 0
    with open_client() as client:
        for run_id in runs:
            try:
                show.moved(act(client, run_id), as_json=as_json)
            except (Unreachable, NotLoggedIn):
                raise  # the others would end the same
            except ServiceProblem as problem:
                problems += 1
                complain(str(problem))
    raise typer.Exit(REFUSED if problems else DONE)
