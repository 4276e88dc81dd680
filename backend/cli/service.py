"""What every command that speaks to the service needs: a client at its address, and the switch to JSON."""

from typing import Annotated

import typer

from backend.client import Client
from backend.settings import read_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def open_client() -> Client:
    settings = read_settings()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return Client(f"http://{host}:{settings.port}")
