"""The application: routes, errors and guards, put together. Opens nothing by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from backend.api import (
    catalog,
    events,
    launches,
    notebook,
    pages,
    predictions,
    problems,
    report_launch,
    reports,
    runs,
    status,
)
from backend.api.safety import Safety
from backend.api.stream import Stream
from backend.queue import Bell
from backend.reconciler import Reconciler
from backend.settings import LOOPBACK, Settings
from backend.store.leases import LeaseWatch
from backend.store.session import Database
from backend.version import VERSION


def create_app(settings: Settings, database: Database, bell: Bell) -> FastAPI:
    """Return the service over a migrated database. Its threads run from start-up to shutdown."""
    stream = Stream(database)
    interval = min(1.0, settings.lease_seconds / 4)
    leases = LeaseWatch(settings.lease_seconds, settings.backoff_seconds, interval)
    reconciler = Reconciler(database, bell, leases, interval)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stream.start()
        reconciler.start()
        yield
        stream.close()
        reconciler.close()
        stream.join()
        bell.close()

    app = FastAPI(
        title="Runyard",
        version=VERSION,
        description="Launch, watch and compare deep-learning training runs.",
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.settings = settings
    app.state.database = database
    app.state.bell = bell
    app.state.stream = stream
    problems.install(app)
    app.add_middleware(Safety, hosts={*LOOPBACK, settings.host})
    for module in (launches, report_launch, reports, runs, predictions, notebook, events, catalog, status):
        app.include_router(module.router)
    pages.mount(app)
    return app
