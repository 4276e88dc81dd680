"""The commands and their options; what they print is made in `backend.cli.show`."""

import math
import subprocess
import sys
from typing import Annotated, Any, NoReturn

import typer

from backend.catalog.datasets import FETCHABLE
from backend.cli import show
from backend.cli.notebook_command import exports
from backend.cli.report_commands import report
from backend.cli.run_actions import actions
from backend.cli.seeds import parse_seeds
from backend.cli.service import Json, open_client
from backend.cli.weights_commands import weights
from backend.launching import LONGEST_NAME
from backend.settings import read_settings

app = typer.Typer(
    help="Launch, watch and compare deep-learning training runs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data = typer.Typer(
    help="Data sets: list them, import class folders or archives, fetch well-known ones.",
    no_args_is_help=True,
)
db = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(actions)
app.add_typer(exports)
app.add_typer(data, name="data")
app.add_typer(weights, name="weights")
app.add_typer(report, name="report")
app.add_typer(db, name="db")


@app.command()
def up(
    workers: Annotated[
        int | None, typer.Option(min=0, max=64, help="How many workers; one for each device where not given.")
    ] = None,
) -> None:
    """Start everything on this machine: broker, service and workers. Ctrl-C stops it."""
    from backend.up import run_up

    raise typer.Exit(run_up(read_settings(), workers=workers))


@app.command()
def launch(
    preset: Annotated[str, typer.Argument(help="Name of a preset, such as softmax-original.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="The quick size instead of the published one.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Change a field: --set optimizer.lr=0.1. Repeatable."
        ),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="One run for each seed: 0,1,2.")] = None,
    name: Annotated[
        str | None, typer.Option(help=f"Name of the runs, up to {LONGEST_NAME} characters.")
    ] = None,
    watch_: Annotated[bool, typer.Option("--watch", help="Follow the first run to its end.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Launch also what takes hours on the processors that are here.")
    ] = False,
    json_: Json = False,
) -> None:
    """Queue runs of a preset, and with them what they start from where it is not there yet."""
    with open_client() as client:
        answer = client.launch(
            preset=preset,
            size="quick" if quick else "published",
            overrides=_overrides(set_ or []),
            seeds=parse_seeds(seeds),
            name=name,
            confirm=confirm or None,
        )
        show.launched(answer, as_json=json_)
        if watch_:
            raise typer.Exit(show.watch(client, answer["runs"][0]))


@app.command()
def runs(
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    state: Annotated[str | None, typer.Option(help="Only runs in this state.")] = None,
    json_: Json = False,
) -> None:
    """List runs, the newest first."""
    with open_client() as client:
        show.runs(client.runs(limit=limit, state=state), as_json=json_)


@app.command()
def watch(run: Annotated[int, typer.Argument(help="Id of the run.")]) -> None:
    """Follow a run to its end. Exits with 0 where it completes, else with 1."""
    with open_client() as client:
        raise typer.Exit(show.watch(client, run))


@data.command("list")
def list_data(json_: Json = False) -> None:
    """List the data sets."""
    with open_client() as client:
        show.datasets(client.datasets(), as_json=json_)


@data.command("import")
def import_data(
    name: Annotated[str, typer.Argument(help="Name that specs will use.")],
    path: Annotated[str, typer.Argument(help="Folder or archive with train/<class>/* and test/<class>/*.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a name that is taken mean these images from now on.")
    ] = False,
) -> None:
    """Import class folders, or an archive of them, on this machine; the service need not run."""
    _run_data_command("import", *(["--replace"] if replace else []), "--", name, path)


@data.command("fetch")
def fetch_data(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(FETCHABLE)}.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a name that is taken mean these images from now on.")
    ] = False,
) -> None:
    """Download a well-known data set to this machine; the service need not run."""
    _run_data_command("fetch", *(["--replace"] if replace else []), "--", name)


@db.command("upgrade")
def upgrade() -> None:
    """Bring the database to this version's schema (SQLite does it by itself at start)."""
    from backend.store import migrate
    from backend.store.session import Database

    database = Database(read_settings().resolved_database_url)
    migrate.upgrade(database)
    print(f"The database is at revision {migrate.current_revision(database)}.")
    database.dispose()


def _run_data_command(*arguments: str) -> NoReturn:
    # The worker's code reads images; it runs in a process of its own, as this package loads no torch.
    ended = subprocess.run([sys.executable, "-m", "worker.data_command", *arguments], check=False)
    raise typer.Exit(ended.returncode)


def _overrides(pairs: list[str]) -> dict[str, Any] | None:
    """Turn FIELD=VALUE into nested tables; numbers become numbers, 'none' becomes null."""
    result: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            raise typer.BadParameter(f"--set is {pair!r}; it must be FIELD=VALUE, such as optimizer.lr=0.1.")
        *parents, last = path.split(".")
        table = result
        for parent in parents:
            below = table.setdefault(parent, {})
            if not isinstance(below, dict):
                raise typer.BadParameter(f"--set names {parent} both as a value and as a table.")
            table = below
        table[last] = _value(text)
    return result or None


def _value(text: str) -> int | float | str | None:
    if text.lower() in ("none", "null"):
        return None
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        # JSON has no word for what is no number: as text the service can say what is wrong with it.
        return number if math.isfinite(number) else text
    return text
