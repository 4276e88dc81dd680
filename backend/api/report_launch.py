"""POST /api/reports/{name}/launch: queue what is missing of a report."""

from typing import Annotated, Literal

from fastapi import APIRouter, BackgroundTasks, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.api.deps import LARGEST_INTEGER, BellDep, DatabaseDep, SettingsDep
from backend.api.once import IdempotencyKey, check_told, conclude, digest_of
from backend.api.problems import RESPONSES
from backend.api.shelf import read_shelf
from backend.api.wire import ReportLaunchWire
from backend.catalog.reports import REPORT
from backend.errors import NotFound
from backend.launching import MAX_RUNS, checked_seeds
from backend.reporting import Variant, default_variant, plan_report, report_runs
from backend.settings import Settings
from backend.store import launches
from backend.store.launches import AcceptedLaunch, NewRun

router = APIRouter(tags=["reports"])

ReportName = Annotated[str, Path(max_length=100)]


class ReportLaunchRequest(BaseModel):
    """What is not chosen follows from what is there: the quick size, images and weights on this machine."""

    model_config = ConfigDict(extra="forbid", strict=True)
    size: Literal["published", "quick"] | None = None
    dataset: str | None = Field(None, max_length=100)
    pretraining: str | None = Field(None, max_length=100)
    seeds: list[Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]] | None = Field(None, max_length=MAX_RUNS)
    confirm: bool = False
    """Launch also what takes hours on the processors that are there."""


NOTHING_NEW = "It was done before with this key and body, or nothing is missing."


@router.post(
    "/api/reports/{name}/launch",
    status_code=201,
    responses={200: {"model": ReportLaunchWire, "description": NOTHING_NEW}, **RESPONSES},
)
def launch_report(
    name: ReportName,
    request: ReportLaunchRequest,
    response: Response,
    background: BackgroundTasks,
    database: DatabaseDep,
    bell: BellDep,
    settings: SettingsDep,
    idempotency_key: IdempotencyKey = None,
) -> ReportLaunchWire:
    """Queue the runs of a report that are neither completed nor on their way; 200 where none is missing."""
    if name != REPORT:
        raise NotFound("report", name)
    seeds = checked_seeds(request.seeds if request.seeds is not None else [0])
    digest = digest_of(request, report=name)
    with database.read() as session:
        # Before all else: what the first request found here may be gone by now.
        accepted = launches.known(session, idempotency_key, digest)
        if accepted is not None:
            response.status_code = 200
            return _wire(accepted)
        variant, wanted = _planned(session, request, seeds, settings)
    with database.write() as session:
        launches.take_turn(session)
        missing = launches.missing(session, wanted)
        reused = len(wanted) - len(missing)
        if not missing and launches.known(session, idempotency_key, digest) is None:
            response.status_code = 200
            return ReportLaunchWire(launch=None, experiment=None, runs=[], reused=reused)
        accepted = launches.accept(
            session,
            missing,
            body_sha256=digest,
            idempotency_key=idempotency_key,
            experiment=title(variant),
            reused=reused,
        )
    conclude(accepted, response, background, bell)
    return _wire(accepted)


def _planned(
    session: Session, request: ReportLaunchRequest, seeds: list[int], settings: Settings
) -> tuple[Variant, list[NewRun]]:
    """Return the runs of a report, once a person has said yes to what is missing of it where that is needed."""
    shelf = read_shelf(session)
    variant = default_variant(shelf, request.size, request.dataset, request.pretraining)
    wanted = report_runs(plan_report(variant), shelf, seeds)
    if not request.confirm:
        check_told(session, launches.missing(session, wanted), shelf, settings)
    return variant, wanted


def _wire(accepted: AcceptedLaunch) -> ReportLaunchWire:
    return ReportLaunchWire(
        launch=accepted.id,
        experiment=accepted.experiment_id,
        # A parent that came to nothing since the look at what is missing came along.
        runs=sorted(accepted.run_ids + accepted.parent_ids),
        reused=accepted.reused,
    )


def title(variant: Variant) -> str:
    """Return what the experiment of a launched report is called."""
    size = "quick" if variant.size == "quick" else "as published"
    return f"Report, {size}, on {variant.dataset}, pretrained on {variant.pretraining}"
