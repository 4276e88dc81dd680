"""What a run predicted for its test images, and its raw output as text."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse

from backend.analysis.confusion import confusion
from backend.analysis.raw_output import raw_output
from backend.api.deps import DatabaseDep, RunId
from backend.api.problems import RESPONSES
from backend.api.wire import LargestShareWire, PredictionsWire, whole_spec
from backend.errors import NoPredictions
from backend.store import points, predictions, runs

router = APIRouter(prefix="/api/runs", tags=["predictions"], responses=RESPONSES)


@router.get("/{run_id}/predictions")
def get_predictions(
    run_id: RunId, database: DatabaseDep, which: Annotated[predictions.Which, Query()] = "last"
) -> PredictionsWire:
    """Return which classes were taken for which, after the last epoch or the one of the best test accuracy."""
    with database.read() as session:
        runs.get(session, run_id)
        tested = predictions.read(session, run_id, which)
    if tested is None:
        raise NoPredictions(run_id)
    found = confusion(tested.labels, tested.predicted, len(tested.names))
    most = found.largest_share()
    return PredictionsWire(
        epoch=tested.epoch,
        count=found.total,
        classes=tested.names,
        confusion=found.counts,
        per_class_accuracy=found.accuracies(),
        largest_share=most and LargestShareWire(class_=tested.names[most[0]], share=most[1]),
    )


@router.get("/{run_id}/output", response_class=PlainTextResponse)
def get_output(run_id: RunId, database: DatabaseDep) -> str:
    """Return the raw output: what was trained, then loss and accuracies of each epoch, as in the published report."""
    with database.read() as session:
        row = runs.get(session, run_id)
        series = points.read(session, run_id)
    by_epoch = {name: found.by_epoch() for name, found in series.items()}
    return raw_output(row.run.name, row.recipe_hash, whole_spec(row.run.spec), by_epoch)
