"""The figure of one experiment: what was measured beside what was published. Colours are the page's."""

from collections.abc import Mapping, Sequence
from typing import Any

from backend.analysis.replication import Measured
from backend.catalog.references import PublishedTable
from backend.contract import METRICS
from backend.references.tables import PUBLISHED, ReferenceTable
from backend.store.points import Series

METRICS_SHOWN = ("test_acc", "train_acc")
WIDTHS = {"test_acc": 2.2, "train_acc": 1.0}
"""Pixels. Test accuracy is what the report compares; training accuracy goes along, thin."""


DASHES = ("dash", "dot", "dashdot", "longdash")
"""Of the references in their order, so that two of one colour are told apart."""

Means = Mapping[str, Sequence[tuple[int, Measured]]]
"""What several seeds have, by metric, epoch by epoch."""


def beside_figure(
    table: PublishedTable,
    series: Mapping[str, Series],
    epochs: int,
    *,
    means: Means | None = None,
    dashed: Sequence[tuple[str, str, ReferenceTable]] = (),
) -> dict[str, Any]:
    """Return accuracies by epoch, measured solid with markers, published dashed; what is missing is a gap.

    With `means` the measured line is the mean over seeds, with a band where it has an interval; else it is the run of
    `series`. `dashed` are the references: name, title, table.
    """
    return {
        "data": [
            trace
            for metric in METRICS_SHOWN
            for trace in (
                *_measured(metric, series.get(metric, Series()), means),
                *_published(metric, dashed),
            )
        ],
        "layout": {
            "title": {"text": f"Accuracy, Table {table.table}"},
            "xaxis": {
                "title": {"text": "Epoch"},
                "tickformat": "d",
                "range": [0.5, max(epochs, table.epochs) + 0.5],
            },
            "yaxis": {"title": {"text": "Accuracy"}, "tickformat": ".2~%"},
            "hovermode": "x unified",
            "uirevision": "keep",
        },
    }


def _measured(metric: str, series: Series, means: Means | None) -> list[dict[str, Any]]:
    shape = {"mode": "lines+markers", "line": {"dash": "solid", "width": WIDTHS[metric]}}
    if means is None:
        return [_trace(metric, "measured", series.epochs, series.values) | shape]
    line = [(epoch, one.mean) for epoch, one in means[metric] if one.n]
    n = max((one.n for _, one in means[metric]), default=0)
    mean = _trace(metric, "measured", [epoch for epoch, _ in line], [value for _, value in line]) | shape
    mean["name"] = f"{METRICS[metric].title}, mean of {n} seeds"
    band = _band(metric, means)
    return [*([band] if band else []), mean]


def _band(metric: str, means: Means) -> dict[str, Any] | None:
    """Return the 95% interval of the mean as one closed shape; None where no epoch has one."""
    edges = [
        (epoch, one.interval.low, one.interval.high)
        for epoch, one in means[metric]
        if one.kind == "t" and one.interval
    ]
    if not edges:
        return None
    epochs = [epoch for epoch, _, _ in edges]
    around = [high for _, _, high in edges] + [low for _, low, _ in reversed(edges)]
    made = _trace(metric, "band", epochs + epochs[::-1], [*around])
    return made | {
        "name": f"{METRICS[metric].title}, 95% interval of the mean",
        "mode": "lines",
        "fill": "toself",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _published(metric: str, dashed: Sequence[tuple[str, str, ReferenceTable]]) -> list[dict[str, Any]]:
    found = []
    for place, (name, title, table) in enumerate(dashed):
        epochs, values = table.series(metric)
        if not epochs:
            continue
        trace = _trace(metric, "published", epochs, values)
        trace["meta"] |= {"reference": name, "place": place}
        if name != PUBLISHED:
            trace["name"] = f"{METRICS[metric].title}, {title}"
        dash = DASHES[place % len(DASHES)]
        found.append(trace | {"mode": "lines", "line": {"dash": dash, "width": WIDTHS[metric]}})
    return found


def _trace(metric: str, source: str, epochs: list[int], values: list[float | None]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": f"{METRICS[metric].title}, {source}",
        "meta": {"metric": metric, "source": source},
        "x": epochs,
        "y": values,
        "connectgaps": False,
    }
