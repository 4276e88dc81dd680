"""The figure of one experiment: what was measured beside what was published. Colours are the page's."""

from collections.abc import Mapping
from typing import Any

from backend.catalog.references import PublishedTable
from backend.contract import METRICS
from backend.store.points import Series

METRICS_SHOWN = ("test_acc", "train_acc")
WIDTHS = {"test_acc": 2.2, "train_acc": 1.0}
"""Pixels. Test accuracy is what the report compares; training accuracy goes along, thin."""


def beside_figure(table: PublishedTable, series: Mapping[str, Series], epochs: int) -> dict[str, Any]:
    """Return accuracies by epoch, measured solid with markers, published dashed; what is missing is a gap."""
    return {
        "data": [
            trace
            for metric in METRICS_SHOWN
            for trace in (_measured(metric, series.get(metric, Series())), _published(metric, table))
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


def _measured(metric: str, series: Series) -> dict[str, Any]:
    shape = {"mode": "lines+markers", "line": {"dash": "solid", "width": WIDTHS[metric]}}
    return _trace(metric, "measured", series.epochs, series.values) | shape


def _published(metric: str, table: PublishedTable) -> dict[str, Any]:
    shape = {"mode": "lines", "line": {"dash": "dash", "width": WIDTHS[metric]}}
    return _trace(metric, "published", sorted(table.rows), table.series(metric)) | shape


def _trace(metric: str, source: str, epochs: list[int], values: list[float | None]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": f"{METRICS[metric].title}, {source}",
        "meta": {"metric": metric, "source": source},
        "x": epochs,
        "y": values,
        "connectgaps": False,
    }
