"""What the endpoints are given: the database, the bell, the stream, put into the app's state at start."""

from typing import Annotated

from fastapi import Depends, Path, Request

from backend.api.stream import Stream
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from backend.vital_signs import VitalSigns

LARGEST_INTEGER = 2**53
"""JavaScript counts no further without error."""


# These are no plain functions: for such each request would wait for a thread, and all threads may wait for a database.
async def _database(request: Request) -> Database:
    return request.app.state.database


async def _bell(request: Request) -> Bell:
    return request.app.state.bell


async def _stream(request: Request) -> Stream:
    return request.app.state.stream


async def _settings(request: Request) -> Settings:
    return request.app.state.settings


async def _vital_signs(request: Request) -> VitalSigns:
    return request.app.state.vital_signs


DatabaseDep = Annotated[Database, Depends(_database)]
BellDep = Annotated[Bell, Depends(_bell)]
StreamDep = Annotated[Stream, Depends(_stream)]
SettingsDep = Annotated[Settings, Depends(_settings)]
VitalSignsDep = Annotated[VitalSigns, Depends(_vital_signs)]
RunId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
