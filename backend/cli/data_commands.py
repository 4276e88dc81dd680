"""The commands for data sets: list them, import one's own, fetch well-known ones."""

import subprocess
import sys
from typing import Annotated, NoReturn

import typer

from backend.catalog.datasets import FETCHABLE
from backend.cli import show
from backend.cli.service import Json, open_client

data = typer.Typer(
    help="Data sets: list them, import class folders or archives, fetch well-known ones.",
    no_args_is_help=True,
)

Replace = Annotated[
    bool, typer.Option("--replace", help="Let a name that is taken mean these images from now on.")
]


@data.command("list")
def list_data(json_: Json = False) -> None:
    """List the data sets."""
    with open_client() as client:
        show.datasets(client.datasets(), as_json=json_)


@data.command("import")
def import_data(
    name: Annotated[str, typer.Argument(help="Name that specs will use.")],
    path: Annotated[str, typer.Argument(help="Folder or archive with train/<class>/* and test/<class>/*.")],
    replace: Replace = False,
) -> None:
    """Import class folders, or an archive of them, on this machine; the service need not run."""
    _run_worker_command("import", *(["--replace"] if replace else []), "--", name, path)


@data.command("fetch")
def fetch_data(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(FETCHABLE)}.")], replace: Replace = False
) -> None:
    """Download a well-known data set to this machine; the service need not run."""
    _run_worker_command("fetch", *(["--replace"] if replace else []), "--", name)


def _run_worker_command(*arguments: str) -> NoReturn:
    # The worker's code reads images; it runs in a process of its own, as this package loads no torch.
    ended = subprocess.run([sys.executable, "-m", "worker.data_command", *arguments], check=False)
    raise typer.Exit(ended.returncode)
