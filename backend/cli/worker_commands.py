"""The commands of the workers: who is there, to let one take no more runs, to forget a lost one."""

from typing import Annotated, Any

import typer

from backend.cli.attempt_text import stale_text
from backend.cli.service import Json, is_alone, open_client
from backend.cli.tables import GAP, ago, instant, print_json, print_table
from backend.client import Client
from backend.errors import RunyardError

workers = typer.Typer(
    help="The workers: list them, let one take no more runs, forget a lost one. Without a command: list them.",
    invoke_without_command=True,
)

WorkerId = Annotated[
    str, typer.Argument(metavar="WORKER", help="Its id, or as much of its beginning as no other has.")
]


class NoSuchWorker(RunyardError):
    """A worker that is named so is not there, or there are several."""


@workers.callback()
def list_workers(context: typer.Context, json_: Json = False) -> None:
    """The workers: list them, let one take no more runs, forget a lost one. Without a command: list them."""
    if is_alone(context, json_=json_):
        with open_client() as client:
            _print(client.workers(), as_json=json_)


@workers.command()
def drain(worker: WorkerId, json_: Json = False) -> None:
    """Let a worker take no more runs. The one that it has goes on to its end."""
    with open_client() as client:
        _set(client, worker, json_, wanted=True)


@workers.command()
def undrain(worker: WorkerId, json_: Json = False) -> None:
    """Let a worker take runs again."""
    with open_client() as client:
        _set(client, worker, json_, wanted=False)


@workers.command()
def forget(worker: WorkerId, json_: Json = False) -> None:
    """Forget a lost worker. One that comes back is here again; one that stays lost goes after a day by itself."""
    with open_client() as client:
        worker_id = full_id(worker, [one["id"] for one in client.workers()])
        found = client.forget(worker_id)
    if json_:
        print_json(found)
    else:
        print(f"{worker_id} is forgotten.")


def full_id(begins: str, known: list[str]) -> str:
    """Return the one id that is this, or begins with it.

    Raises:
        NoSuchWorker: none does, or several do.
    """
    found = [one for one in known if one == begins] or [one for one in known if one.startswith(begins)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoSuchWorker(
            f"{len(found)} workers begin with {begins!r}: {', '.join(found[:3])}. Write more of the id."
        )
    raise NoSuchWorker(f"No worker begins with {begins!r}. There are: {', '.join(known[:5]) or 'none'}.")


def _set(client: Client, begins: str, as_json: bool, *, wanted: bool) -> None:
    worker_id = full_id(begins, [one["id"] for one in client.workers()])
    found = client.drain(worker_id, drain=wanted)
    if as_json:
        print_json(found)
        return
    now = next((one for one in found if one["id"] == worker_id), None)
    training = now and now["training"]
    then = f" once run {training['run']} is over" if training and wanted else ""
    print(f"{worker_id} takes {'no more runs' if wanted else 'runs again'}{then}.")


def _print(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif found:
        print_table(("id", "device", "state", "run", "epoch", "last heard of"), map(_row, found))
    else:
        print("No workers. `runyard up` starts one for each device of its machine.")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    training = one["training"]
    return (
        one["id"],
        one["device_name"] + (f", {one['devices']} devices" if one["devices"] > 1 else ""),
        f"{one['state']}, takes no more"
        if one["drain_requested"] and one["state"] != "draining"
        else one["state"],
        f"{training['run']} {training['name']}" if training else _had(one),
        f"{training['last_epoch'] or 0}/{training['epochs']}" if training else GAP,
        f"{ago(one['last_seen'])}, {instant(one['last_seen'])}{_stale(one)}",
    )


def _had(one: dict[str, Any]) -> str:
    """Return what was taken from a lost worker, and how that stands now."""
    had = one["had"]
    return f"had {had['run']} {had['name']}, now {had['state']}" if had else GAP


def _stale(one: dict[str, Any]) -> str:
    stale = one["training"] and one["training"]["stale"]
    return f"; its run {stale_text(stale)}" if stale else ""
