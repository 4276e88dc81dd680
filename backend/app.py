"""The application: routes, errors and guards, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from backend.api import (
    catalog,
    checkpoints,
    compare,
    compare_curves,
    compare_models,
    compare_pair,
    events,
    exports,
    findings,
    launch_preview,
    launches,
    login,
    notebook,
    own_reports,
    pages,
    predictions,
    problems,
    queue,
    recipes,
    references,
    report_launch,
    reports,
    runs,
    series,
    status,
    workers,
)
from backend.api.description import DescribedApp
from backend.api.gate import Gate
from backend.api.safety import Safety
from backend.api.stream import Stream
from backend.examiner import Examiner
from backend.gate.codes import LoginCodes
from backend.gate.keys import Keys
from backend.gate.operator_token import operator_token
from backend.queue import Bell
from backend.reconciler import Reconciler
from backend.settings import Settings
from backend.store.leases import LeaseWatch
from backend.store.session import Database
from backend.version import VERSION
from backend.vital_signs import Part, VitalSigns

ROUTED = (
    launches,
    launch_preview,
    report_launch,
    reports,
    references,
    own_reports,
    runs,
    series,
    recipes,
    compare,
    compare_curves,
    compare_models,
    compare_pair,
    exports,
    predictions,
    findings,
    checkpoints,
    notebook,
    events,
    catalog,
    status,
    queue,
    workers,
    login,
)
"""In the order in which a path is looked for."""


def create_app(settings: Settings, database: Database, bell: Bell) -> FastAPI:
    """Return the service over a migrated database. Its threads run from start-up to shutdown.

    The operator's token is read, or made where the home folder has none yet.

    Raises:
        InvalidSetting: there is a token that cannot be one, or the address needs one that is given.
    """
    stream = Stream(database)
    interval = min(1.0, settings.lease_seconds / 4)
    leases = LeaseWatch(settings.lease_seconds, settings.backoff_seconds, interval)
    reconciler = Reconciler(database, bell, leases, interval)
    examiner = Examiner(database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stream.start()
        reconciler.start()
        examiner.start()
        yield
        stream.close()
        examiner.close()
        reconciler.close()
        stream.join()
        bell.close()

    app = DescribedApp(
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
    app.state.vital_signs = VitalSigns(
        reconciler.proof,
        Part("takes lost runs back", reconciler.thread, reconciler.pulse),
        Part("tells pages what is new", stream.thread, stream.pulse),
        Part("examines runs", examiner.thread, examiner.pulse),
    )
    problems.install(app)
    app.state.keys = Keys(operator_token(settings), database)
    app.state.login_codes = LoginCodes()
    app.add_middleware(Gate, keys=app.state.keys)
    app.add_middleware(Safety, hosts=settings.accepted_hosts)  # the last one added is the first one asked
    for module in ROUTED:
        app.include_router(module.router)
    pages.mount(app)
    return app
