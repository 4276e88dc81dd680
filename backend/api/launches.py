"""POST /api/launches: the one way in."""

from typing import Any, Literal

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.api.deps import BellDep, DatabaseDep, SettingsDep
from backend.api.once import IdempotencyKey, check_told, conclude, digest_of
from backend.api.problems import RESPONSES
from backend.api.shelf import read_shelf
from backend.api.wire import LaunchWire
from backend.launching import Wish, checked_text, plan
from backend.settings import Settings
from backend.store import launches
from backend.store.launches import NewRun

router = APIRouter(tags=["launches"])


class LaunchRequest(BaseModel):
    """A preset in a size, with single fields overridden; or a whole spec. One run for each seed."""

    model_config = ConfigDict(extra="forbid", strict=True)
    preset: str | None = Field(None, max_length=100)
    size: Literal["published", "quick"] = "published"
    overrides: dict[str, Any] | None = None
    spec: dict[str, Any] | None = None
    seeds: list[int] | None = None
    name: str | None = None
    experiment: str | None = None
    confirm: bool = False
    """Launch also what takes hours on the processors that are there."""


@router.post("/api/launches", status_code=201, responses=RESPONSES)
def launch(
    request: LaunchRequest,
    response: Response,
    background: BackgroundTasks,
    database: DatabaseDep,
    bell: BellDep,
    settings: SettingsDep,
    idempotency_key: IdempotencyKey = None,
) -> LaunchWire:
    """Store a launch and queue its runs. With the same Idempotency-Key and body it is done once only."""
    experiment = checked_text(request.experiment, "experiment", 200) if request.experiment else None
    digest = digest_of(request)
    with database.read() as session:
        # Before all else: what the first request found here may be gone by now.
        accepted = launches.known(session, idempotency_key, digest)
        wanted = [] if accepted else _planned(session, request, settings)
    if accepted is None:
        with database.write() as session:
            accepted = launches.accept(
                session,
                wanted,
                body_sha256=digest,
                idempotency_key=idempotency_key,
                experiment=experiment,
            )
    conclude(accepted, response, background, bell)
    return LaunchWire(
        launch=accepted.id,
        experiment=accepted.experiment_id,
        runs=accepted.run_ids,
        parents=accepted.parent_ids,
    )


def _planned(session: Session, request: LaunchRequest, settings: Settings) -> list[NewRun]:
    """Return the runs of a request, once a person has said yes to them where that is needed."""
    shelf = read_shelf(session)
    wanted = plan(Wish(**request.model_dump(exclude={"experiment", "confirm"})), shelf)
    if not request.confirm:
        check_told(session, wanted, shelf, settings)
    return wanted
