"""From what is stored of a run to what the rules of findings may read of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from backend.analysis.confusion import decoded
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
    truth = tested[0] if tested else None
    shares = _shares(truth) if truth else None
    return Evidence(
        classes=len(truth.names) if truth else 0,
        epochs_planned=spec["epochs"],
        series={name: _by_epoch(one) for name, one in series.items() if name not in TIMING_METRICS},
        predicted={one.epoch: _counts(one) for one in tested},
        test_images=sum(shares) if shares else None,
        largest_class=max(shares) / sum(shares) if shares and sum(shares) else None,
        ended=state in FINAL,
        spec=spec,
        name=name,
        facts=facts or {},
    )


def _by_epoch(series: Series) -> list[float | None]:
    """Return the values of epochs 1, 2, ...: None where none was told, NaN and infinities as they were."""
    told = series.by_epoch()
    return [told.get(epoch) for epoch in range(1, max(told, default=0) + 1)]


def _counts(tested: Tested) -> list[int]:
    found = Counter(decoded(tested.predicted, len(tested.names)))
    return [found[place] for place in range(len(tested.names))]


def _shares(tested: Tested) -> list[int]:
    found = Counter(decoded(tested.labels, len(tested.names)))
    return [found[place] for place in range(len(tested.names))]
