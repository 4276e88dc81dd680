"""The commands of the queue: what waits and why, in which order, and whether it flows."""

from typing import Annotated, Any

import typer

from backend.cli.service import Json, is_alone, open_client
from backend.cli.tables import GAP, instant, print_json, print_table
from backend.durations import duration

queue = typer.Typer(
    help="The queue: list it, pause and resume it, move runs in it. Without a command: list it.",
    invoke_without_command=True,
)

RunId = Annotated[int, typer.Argument(metavar="RUN", min=1, help="Id of a run that waits.")]


@queue.callback()
def list_queue(context: typer.Context, json_: Json = False) -> None:
    """The queue: list it, pause and resume it, move runs in it. Without a command: list it."""
    if is_alone(context, json_=json_):
        with open_client() as client:
            _print(client.queue(), as_json=json_)


@queue.command()
def pause(json_: Json = False) -> None:
    """Let no run start until the queue is resumed. What is in training goes on."""
    with open_client() as client:
        _say(client.pause(), as_json=json_)


@queue.command()
def resume(json_: Json = False) -> None:
    """Let runs start again."""
    with open_client() as client:
        _say(client.unpause(), as_json=json_)


@queue.command()
def move(
    run: RunId,
    before: Annotated[
        int | None, typer.Option(metavar="RUN", min=1, help="Directly before this run.")
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="To the end of the queue.")] = False,
    json_: Json = False,
) -> None:
    """Put a run that waits before another one, or at the end. Takes over the priority that is needed there."""
    if (before is None) != last:
        raise typer.BadParameter("Name the place: --before RUN or --last, one of the two.")
    with open_client() as client:
        _print(client.move(run, before), as_json=json_)


# So that a negative number is no option.
@queue.command(context_settings={"ignore_unknown_options": True})
def priority(
    run: RunId,
    number: Annotated[int, typer.Argument(metavar="N", help="The highest is trained first.")],
    json_: Json = False,
) -> None:
    """Give a run that waits another priority."""
    with open_client() as client:
        run_ = client.prioritize(run, number)
    if json_:
        print_json(run_)
    else:
        print(f"Run {run_['id']} has priority {run_['priority']}.")


def _say(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif found["paused_at"]:
        print(f"The queue is paused; {_runs(found['total'])} in it.")
    else:
        print(f"The queue flows; {_runs(found['total'])} in it.")


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if found["paused_at"]:
        print(f"Paused since {instant(found['paused_at'])}: `runyard queue resume` lets it flow.")
    if not found["runs"]:
        print("Nothing waits.")
        return
    print_table(
        ("place>", "run>", "name", "seed>", "priority>", "starts in", "why"), map(_row, found["runs"])
    )
    if found["total"] > len(found["runs"]):
        print(f"and {found['total'] - len(found['runs'])} more")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    seconds = one["starts_in_seconds"]
    return (
        str(one["position"]),
        str(one["run"]),
        one["name"],
        str(one["seed"]),
        str(one["priority"]),
        GAP if seconds is None else duration(seconds),
        one["why"],
    )


def _runs(count: int) -> str:
    return "1 run is" if count == 1 else f"{count} runs are"
