"""What the endpoints are given: the database, the bell, the stream, put into the app's state at start."""

from typing import Annotated

from fastapi import Depends, Path, Request

from backend.api.stream import Stream
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database

LARGEST_INTEGER = 2**53
"""JavaScript counts no further without error."""


def _database(request: Request) -> Database:
    return request.app.state.database


def _bell(request: Request) -> Bell:
    return request.app.state.bell


def _stream(request: Request) -> Stream:
    return request.app.state.stream


def _settings(request: Request) -> Settings:
    return request.app.state.settings


DatabaseDep = Annotated[Database, Depends(_database)]
BellDep = Annotated[Bell, Depends(_bell)]
StreamDep = Annotated[Stream, Depends(_stream)]
SettingsDep = Annotated[Settings, Depends(_settings)]
RunId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
