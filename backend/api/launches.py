"""POST /api/launches: the one way in."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.api.deps import LARGEST_INTEGER, BellDep, DatabaseDep, SettingsDep
from backend.api.once import IdempotencyKey, check_told, conclude, digest_of
from backend.api.problems import RESPONSES
from backend.api.shelf import read_shelf
from backend.api.wire import LaunchWire
from backend.launching import LONGEST_NAME, checked_text, plan
from backend.settings import Settings
from backend.store import launches
from backend.store.launches import NewRun
from backend.wishes import Wish

router = APIRouter(tags=["launches"])


class LaunchRequest(BaseModel):
    """A preset in a size, or the clone of a run, with single fields overridden; or a whole spec.

    One run for each combination of the grid (a list of values by dotted path) and each seed.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    preset: str | None = Field(None, max_length=100)
    size: Literal["published", "quick"] = "published"
    clone: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None = None
    overrides: dict[str, Any] | None = None
    spec: dict[str, Any] | None = None
    grid: dict[str, list[Any]] | None = None
    seeds: list[int] | None = None
    name: str | None = None
    experiment: str | None = None
    confirm: bool = False
    """Launch also what takes hours on the processors that are there."""

    def wish(self) -> Wish:
        return Wish(**self.model_dump(exclude={"experiment", "confirm"}))

    def checked_experiment(self) -> str | None:
        """Return the name of the experiment that the runs belong to; None for none.

        Raises:
            InvalidSpec: it is too long, or holds characters that nobody sees.
        """
        return checked_text(self.experiment, "experiment", LONGEST_NAME) if self.experiment else None


REPEATED = "It was done before, with this key and body."


@router.post(
    "/api/launches",
    status_code=201,
    responses={200: {"model": LaunchWire, "description": REPEATED}, **RESPONSES},
)
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
    experiment = request.checked_experiment()
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
    wanted = plan(request.wish(), shelf)
    if not request.confirm:
        check_told(session, wanted, shelf, settings)
    return wanted
