"""The commands put together, and those that start what the others speak to."""

from typing import Annotated

import typer

from backend.cli.backup_commands import backups
from backend.cli.catalog_commands import catalog
from backend.cli.compare_commands import comparisons
from backend.cli.data_commands import data
from backend.cli.doctor_command import doctors
from backend.cli.exits import CODES, Commands
from backend.cli.launch_command import launches
from backend.cli.notebook_command import exports
from backend.cli.queue_commands import queue
from backend.cli.reference_commands import reference
from backend.cli.report_commands import report
from backend.cli.run_actions import actions
from backend.cli.run_commands import readers
from backend.cli.token_commands import logins, token
from backend.cli.watch_commands import watches
from backend.cli.weights_commands import weights
from backend.cli.worker_commands import workers
from backend.errors import Unavailable
from backend.settings import read_settings

app = typer.Typer(
    cls=Commands,
    help="Launch, watch and compare deep-learning training runs.",
    epilog=CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
db = typer.Typer(help="The database.", no_args_is_help=True)


@app.command()
def up(
    workers: Annotated[
        int | None, typer.Option(min=0, max=64, help="How many workers; one for each device where not given.")
    ] = None,
    devices_per_worker: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Devices that each worker holds: a run with `devices` as many trains on all of them.",
        ),
    ] = None,
) -> None:
    """Start everything on this machine: broker, service and workers. Ctrl-C stops it."""
    from backend.up import run_up

    settings = read_settings()
    if devices_per_worker is not None:
        settings = settings.model_copy(update={"devices_per_worker": devices_per_worker})
    raise typer.Exit(run_up(settings, workers=workers))


@db.command("upgrade")
def upgrade() -> None:
    """Bring the database to this version's schema (SQLite does it by itself at start)."""
    from backend.store import migrate
    from backend.store.session import STORE_AWAY, Database

    database = Database(read_settings().resolved_database_url)
    try:
        migrate.upgrade(database)
        print(f"The database is at revision {migrate.current_revision(database)}.")
    except STORE_AWAY as problem:
        reason = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
        raise Unavailable(f"The database of RUNYARD_DATABASE_URL does not answer: {reason}.") from None
    finally:
        database.dispose()


for commands in (
    launches,
    readers,
    watches,
    comparisons,
    actions,
    exports,
    catalog,
    logins,
    backups,
    doctors,
):
    app.add_typer(commands)
for name, group in (
    ("queue", queue),
    ("workers", workers),
    ("report", report),
    ("reference", reference),
    ("data", data),
    ("weights", weights),
    ("token", token),
    ("db", db),
):
    app.add_typer(group, name=name)
