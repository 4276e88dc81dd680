"""From what is stored of a run to what the rules of findings may read of it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Any

from pydantic import ValidationError

from backend.analysis.confusion import decoded, largest_share
from backend.analysis.findings.evidence import Evidence
from backend.contract import FINAL, TIMING_METRICS, RunState
from backend.devices import CPU
from backend.estimates.speeds import speeds_of
from backend.estimates.time import epoch_seconds_on
from backend.readiness import Images
from backend.spec import Spec
from backend.store.points import Series
from backend.store.predictions import Tested

FEWEST_TIMED = 2
"""Epochs of an attempt before their time is said to be that of one: the first may compile, and warm up."""


def evidence_of(
    *,
    name: str,
    state: RunState,
    spec: Mapping[str, Any],
    series: Mapping[str, Series],
    tested: Sequence[Tested],
    facts: Mapping[str, Any] | None,
    begun_after: int = 0,
    expected_seconds: float | None = None,
) -> Evidence:
    """Return the evidence of a run. `tested` are its predictions of some epochs, `facts` what its newest attempt told.

    `begun_after` is the last epoch before that attempt, `expected_seconds` what an epoch of it should take. How many
    classes there are follows from the predictions: without any, rules that need it keep silent.
    """
    classes = len(tested[0].names) if tested else 0
    truth = _counted(tested[0].labels, classes) if tested else Counter[int]()
    most = largest_share(truth)
    return Evidence(
        classes=classes,
        epochs_planned=spec["epochs"],
        series={name: _by_epoch(one) for name, one in series.items() if name not in TIMING_METRICS},
        predicted={one.epoch: _by_class(one) for one in tested},
        test_images=truth.total() if tested else None,
        largest_class=most and most[1],
        ended=state in FINAL,
        spec=spec,
        seconds_per_epoch=_seconds_per_epoch(series.get("epoch_seconds", Series()), begun_after),
        expected_seconds_per_epoch=expected_seconds,
        name=name,
        facts=facts or {},
    )


def expected_seconds(
    spec: Mapping[str, Any],
    images: Images | None,
    facts: Mapping[str, Any],
    calibration: Mapping[str, Any] | None,
) -> float | None:
    """Return what an epoch should take on a device of the kind that `calibration` measured; None where nobody can say.

    `facts` are what the attempt told. Features that found no room and are made anew in each epoch are no part of an
    estimate, and constants that were measured on another machine say nothing of this one.
    """
    speeds = speeds_of(calibration, "cpu" if facts.get("device") == CPU else "cuda")
    remade = (facts.get("features") or {}).get("origin") == "remade each epoch"
    if images is None or not speeds.measured or remade:
        return None
    try:
        return epoch_seconds_on(Spec.model_validate(spec), images, speeds)
    except (ValidationError, KeyError):  # stored under rules, or with a model, that are no more
        return None


def _seconds_per_epoch(series: Series, begun_after: int) -> float | None:
    """Return the time of an epoch in the middle of those of the newest attempt: one of them may be out of the way."""
    timed = [
        seconds
        for epoch, seconds in series.by_epoch().items()
        if epoch > begun_after and math.isfinite(seconds)
    ]
    return median_low(timed) if len(timed) >= FEWEST_TIMED else None


def _by_epoch(series: Series) -> list[float | None]:
    """Return the values of epochs 1, 2, ...: None where none was told, NaN and infinities as they were."""
    told = series.by_epoch()
    return [told.get(epoch) for epoch in range(1, max(told, default=0) + 1)]


def _by_class(tested: Tested) -> list[int]:
    found = _counted(tested.predicted, len(tested.names))
    return [found[place] for place in range(len(tested.names))]


def _counted(encoded: bytes, classes: int) -> Counter[int]:
    return Counter(decoded(encoded, classes))
