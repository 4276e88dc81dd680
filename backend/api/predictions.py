"""What a run predicted for its test images, which of them it took for another class, and its raw output as text."""

import re
from operator import ne
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, Response

from backend.analysis.confusion import confusion, decoded
from backend.analysis.raw_output import raw_output
from backend.api.deps import DatabaseDep, RunId
from backend.api.problems import RESPONSES
from backend.api.wire import LargestShareWire, PredictionsWire, Wire, whole_spec
from backend.errors import NoPredictions, NotFound
from backend.store import points, predictions, runs

# They never change, and only who is logged in may have them.
FOREVER = "private, max-age=31536000, immutable"
TEST_SET = re.compile(r"[0-9a-f]{64}")
NUMBER = re.compile(r"[0-9]{1,9}")

Which = Annotated[predictions.Which, Query()]

router = APIRouter(prefix="/api", tags=["predictions"], responses=RESPONSES)


class Png(Response):
    media_type = "image/png"


class MistakeWire(Wire):
    """`number` is the place of the image in its test set; `href` is null where no picture of it could be made."""

    number: int
    true: str
    predicted: str
    probability: float
    href: str | None


class MistakesWire(Wire):
    """`wrong` of `count` test images were taken for another class; `images` are those the network was surest of."""

    epoch: int
    wrong: int
    count: int
    images: list[MistakeWire]


@router.get("/runs/{run_id}/predictions")
def get_predictions(run_id: RunId, database: DatabaseDep, which: Which = "last") -> PredictionsWire:
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


@router.get("/runs/{run_id}/mistakes")
def get_mistakes(run_id: RunId, database: DatabaseDep, which: Which = "last") -> MistakesWire:
    """Return the wrongly classified test images that the network was surest of, the surest first.

    After the last epoch, or the one of the best test accuracy. A network whose output is no number is sure of none.
    """
    with database.read() as session:
        runs.get(session, run_id)
        found = predictions.read_mistakes(session, run_id, which)
    if found is None:
        raise NoPredictions(run_id)
    names = found.tested.names
    labels, predicted = (
        decoded(classes, len(names)) for classes in (found.tested.labels, found.tested.predicted)
    )
    images = [
        MistakeWire(
            number=number,
            true=names[labels[number]],
            predicted=names[predicted[number]],
            probability=probability,
            href=picture_address(found.test_set, number) if number in found.pictured else None,
        )
        for number, probability in zip(found.images, found.probabilities, strict=True)
    ]
    wrong = sum(map(ne, labels, predicted))
    return MistakesWire(epoch=found.tested.epoch, wrong=wrong, count=len(labels), images=images)


@router.get("/test-images/{test_set}/{number}.png", response_class=Png)
def get_test_image(test_set: str, number: str, database: DatabaseDep) -> Png:
    """Return one test image, of 96 pixels at most on a side; there are only those that a run took for another class."""
    if TEST_SET.fullmatch(test_set) and NUMBER.fullmatch(number):
        with database.read() as session:
            png = predictions.picture(session, test_set, int(number))
        if png is not None:
            return Png(png, headers={"Cache-Control": FOREVER})
    raise NotFound("test image", f"{test_set}/{number}")


def picture_address(test_set: str, number: int) -> str:
    """Return where the picture of a test image is served, if one is kept."""
    return f"/api/test-images/{test_set}/{number}.png"


@router.get("/runs/{run_id}/output", response_class=PlainTextResponse)
def get_output(run_id: RunId, database: DatabaseDep) -> str:
    """Return the raw output: what was trained, then loss and accuracies of each epoch, as in the published report."""
    with database.read() as session:
        row = runs.get(session, run_id)
        series = points.read(session, run_id)
    by_epoch = {name: found.by_epoch() for name, found in series.items()}
    return raw_output(row.run.name, row.recipe_hash, whole_spec(row.run.spec), by_epoch)
