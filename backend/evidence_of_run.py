"""From what is stored of a run to what the rules of findings may read of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from backend.analysis.confusion import decoded, largest_share
from backend.analysis.findings.evidence import Evidence
from backend.contract import FINAL, TIMING_METRICS, RunState
from backend.store.points import Series
from backend.store.predictions import Tested


def evidence_of(
    *,
    name: str,
    state: RunState,
    spec: Mapping[str, Any],
    series: Mapping[str, Series],
    tested: Sequence[Tested],
    facts: Mapping[str, Any] | None,
) -> Evidence:
    """Return the evidence of a run. `tested` are its predictions of some epochs, `facts` what its newest attempt told.

    How many classes there are follows from the predictions: without any, rules that need it keep silent.
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
        name=name,
        facts=facts or {},
    )


def _by_epoch(series: Series) -> list[float | None]:
    """Return the values of epochs 1, 2, ...: None where none was told, NaN and infinities as they were."""
    told = series.by_epoch()
    return [told.get(epoch) for epoch in range(1, max(told, default=0) + 1)]


def _by_class(tested: Tested) -> list[int]:
    found = _counted(tested.predicted, len(tested.names))
    return [found[place] for place in range(len(tested.names))]


def _counted(encoded: bytes, classes: int) -> Counter[int]:
    return Counter(decoded(encoded, classes))
