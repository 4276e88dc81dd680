"""POST /api/reports/{name}/launch: queue what is missing of a report."""

import hashlib
import json
from typing import Annotated, Literal

from fastapi import APIRouter, BackgroundTasks, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import LARGEST_INTEGER, BellDep, DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.shelf import read_shelf
from backend.api.wire import ReportLaunchWire
from backend.confirming import check_confirmed
from backend.errors import NotFound
from backend.launching import MAX_RUNS, checked_seeds
from backend.reporting import REPORT, Variant, default_variant, plan_report, report_runs
from backend.store import launches, workers

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


@router.post("/api/reports/{name}/launch", status_code=201, responses=RESPONSES)
def launch_report(
    name: ReportName,
    request: ReportLaunchRequest,
    response: Response,
    background: BackgroundTasks,
    database: DatabaseDep,
    bell: BellDep,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255, pattern="^[ -~]+$")] = None,
) -> ReportLaunchWire:
    """Queue the runs of a report that are neither completed nor on their way; 200 where none is missing."""
    if name != REPORT:
        raise NotFound("report", name)
    seeds = checked_seeds(request.seeds if request.seeds is not None else [0])
    body = {"report": name, **request.model_dump(exclude={"confirm"})}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    with database.read() as session:
        shelf = read_shelf(session)
        variant = default_variant(shelf, request.size, request.dataset, request.pretraining)
        wanted = report_runs(plan_report(variant), shelf, seeds)
        if not request.confirm:
            check_confirmed(launches.missing(session, wanted), shelf, workers.devices(session))
    with database.write() as session:
        missing = launches.missing(session, wanted)
        known = launches.known(session, idempotency_key, digest)
        if not missing and known is None:
            response.status_code = 200
            return ReportLaunchWire(launch=None, experiment=None, runs=[], reused=len(wanted))
        accepted = launches.accept(
            session, missing, body_sha256=digest, idempotency_key=idempotency_key, experiment=title(variant)
        )
    if accepted.repeated:
        response.status_code = 200
    else:
        background.add_task(bell.ring, len(accepted.run_ids))
    return ReportLaunchWire(
        launch=accepted.id,
        experiment=accepted.experiment_id,
        runs=accepted.run_ids,
        reused=len(wanted) - len(missing),
    )


def title(variant: Variant) -> str:
    """Return what the experiment of a launched report is called."""
    size = "quick" if variant.size == "quick" else "as published"
    return f"Report, {size}, on {variant.dataset}, pretrained on {variant.pretraining}"
