"""Two trained models on the same test images: GET /api/compare/models."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from backend.analysis.confusion import Confusion, confusion, decoded
from backend.analysis.paired_classes import class_differences, confusion_difference
from backend.analysis.paired_models import paired_models, smallest_difference
from backend.api.deps import LARGEST_INTEGER, DatabaseDep
from backend.api.predictions import Which, picture_address
from backend.api.problems import RESPONSES
from backend.api.wire import Wire
from backend.errors import InvalidSpec, NoPredictions, NotOneTestSet
from backend.store import paired_predictions, runs
from backend.store.paired_predictions import Answers
from backend.store.tables import Run

POWER = 0.8
MOST_CLASSES = 100
"""Of more no matrix of differences is sent: it would have a million cells for ImageNet's."""
MOST_IMAGES = 1_000

RunQuery = Annotated[int, Query(ge=1, le=LARGEST_INTEGER)]

router = APIRouter(prefix="/api/compare", tags=["compare"], responses=RESPONSES)


class ModelWire(Wire):
    """One of the two: the epoch that its predictions are of, and its accuracy on these images."""

    run: int
    name: str
    seed: int
    epoch: int
    accuracy: float


class TableWire(Wire):
    """The 2 x 2 table, in images."""

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int


class ClassWire(Wire):
    """The share of the images of one class that each recognises; null where it has none."""

    name: str
    images: int
    first: float | None
    second: float | None
    difference: float | None


class OneGotWire(Wire):
    """An image that one model got, and what the other took it for. `href` is null where no picture of it is kept."""

    number: int
    true: str
    taken_for: str
    href: str | None


class GotWire(Wire):
    """Of `count` images those with a picture first, then by number: as many as were asked for."""

    count: int
    images: list[OneGotWire]


class ModelsWire(Wire):
    """The exact McNemar test of two trained models. Differences are the first minus the second, as shares.

    `smallest` is the smallest difference that these images can show at 5%, `smallest_with_power` the one that is found in 80%
    of cases; null where they disagree on too few to show any. `confusion_difference` counts, for a true class (row), how many
    more images the first took for a class (column); null above 100 classes.
    """

    first: ModelWire
    second: ModelWire
    images: int
    table: TableWire
    p: float
    separated: bool
    difference: float
    low: float
    high: float
    smallest: float | None
    smallest_with_power: float | None
    power: float
    text: str
    classes: list[ClassWire]
    confusion_difference: list[list[int]] | None
    only_first: GotWire
    only_second: GotWire


@router.get("/models")
def compare_models(
    database: DatabaseDep,
    a: RunQuery,
    b: RunQuery,
    which: Which = "last",
    images: Annotated[
        int, Query(ge=0, le=MOST_IMAGES, description="At most so many images that only one got, of each.")
    ] = 60,
) -> ModelsWire:
    """Compare two trained models by their answers for the same test images, after the last or the best epoch.

    It says nothing of the recipes that they came from: that takes several seeds.
    """
    if a == b:
        raise InvalidSpec(f"a and b are both run {a}: two different runs are compared.")
    with database.read() as session:
        rows = [runs.get(session, run_id).run for run_id in (a, b)]
        found = paired_predictions.answers(session, (a, b), which)
        for run_id in (a, b):
            if run_id not in found:
                raise NoPredictions(run_id)
        first, second = found[a], found[b]
        if first.test_set != second.test_set:
            raise NotOneTestSet(a, _count(first), b, _count(second))
        pictured = paired_predictions.pictured(session, first.test_set)
    return _wire(rows, (first, second), pictured, images)


def _wire(rows: Sequence[Run], answers: tuple[Answers, Answers], pictured: set[int], most: int) -> ModelsWire:
    """Return what the answers of two models for one test set say; at most `most` of the images that only one got, of each."""
    first, second = answers
    names = first.names
    labels, guesses, others = (
        decoded(one, len(names)) for one in (first.labels, first.predicted, second.predicted)
    )
    paired = paired_models(labels, guesses, others)
    matrices = [confusion(first.labels, one.predicted, len(names)) for one in answers]
    models = [
        ModelWire(run=row.id, name=row.name, seed=row.seed, epoch=one.epoch, accuracy=accuracy)
        for row, one, accuracy in zip(rows, answers, paired.accuracies, strict=True)
    ]
    return ModelsWire(
        first=models[0],
        second=models[1],
        images=paired.images,
        table=TableWire(
            both_right=paired.both_right,
            only_first=len(paired.only_first),
            only_second=len(paired.only_second),
            both_wrong=paired.both_wrong,
        ),
        p=paired.p,
        separated=paired.is_separated,
        difference=paired.difference,
        low=paired.interval.low,
        high=paired.interval.high,
        smallest=smallest_difference(paired.disagreements, paired.images),
        smallest_with_power=smallest_difference(paired.disagreements, paired.images, POWER),
        power=POWER,
        text=paired.told(f"run {rows[0].id}", f"run {rows[1].id}"),
        classes=_classes(names, *matrices),
        confusion_difference=confusion_difference(*matrices) if len(names) <= MOST_CLASSES else None,
        only_first=_got(paired.only_first, labels, others, first, pictured, most),
        only_second=_got(paired.only_second, labels, guesses, first, pictured, most),
    )


def _classes(names: Sequence[str], first: Confusion, second: Confusion) -> list[ClassWire]:
    return [
        ClassWire(
            name=name,
            images=one.images,
            first=one.accuracies[0],
            second=one.accuracies[1],
            difference=one.difference,
        )
        for name, one in zip(names, class_differences(first, second), strict=True)
    ]


def _count(one: Answers) -> int:
    return len(decoded(one.labels, len(one.names)))


def _got(
    numbers: Sequence[int],
    labels: Sequence[int],
    taken_for: Sequence[int],
    one: Answers,
    pictured: set[int],
    most: int,
) -> GotWire:
    """Return the images that one model got: pictures are kept only of those that a run was surest of, and wrong."""
    ordered = sorted(numbers, key=lambda number: (number not in pictured, number))
    return GotWire(
        count=len(numbers),
        images=[
            OneGotWire(
                number=number,
                true=one.names[labels[number]],
                taken_for=one.names[taken_for[number]],
                href=picture_address(one.test_set, number) if number in pictured else None,
            )
            for number in ordered[:most]
        ],
    )
