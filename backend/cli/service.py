"""What every command that speaks to the service needs: a client at its address, and the switch to JSON."""

from typing import Annotated

import typer

from backend.client import Client
from backend.settings import read_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def open_client() -> Client:
    """Return a client that finds its token by itself: in the environment, or in the home folder."""
    return Client(read_settings().address())


def is_alone(context: typer.Context, *, json_: bool) -> bool:
    """Return whether a group was called without a command of its own; --json must then not stand before that."""
    if context.invoked_subcommand is None:
        return True
    if json_:
        raise typer.BadParameter(
            f"--json stands behind the command: {context.command_path} {context.invoked_subcommand} --json."
        )
    return False
