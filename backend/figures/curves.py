"""The curves of one run by epoch. Colours and fonts are the page's: it knows light from dark."""

from typing import Any

from backend.contract import METRICS
from backend.store.points import Series

FIGURES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "accuracy": (("train_acc", "test_acc"), "Accuracy", "Accuracy"),
    "loss": (("train_loss", "test_loss"), "Loss", "Loss, nats"),
    "lr": (("lr",), "Learning rate", "Learning rate"),
    "speed": (("images_per_second",), "Training speed", "Images/s"),
}
"""Figure: its metrics, its title, and the title of its vertical axis with the unit."""


VALIDATED: dict[str, str] = {"accuracy": "val_acc", "loss": "val_loss"}
"""Figure: what is drawn in it as well of a run that keeps images back."""


def run_figures(series: dict[str, Series], *, validated: bool = False) -> dict[str, dict[str, Any]]:
    """Return the figures of one run; a value that is no number is a gap."""
    more = VALIDATED if validated else {}
    return {
        figure: _figure(series, (*names, more[figure]) if figure in more else names, title, axis)
        for figure, (names, title, axis) in FIGURES.items()
    }


def _figure(series: dict[str, Series], names: tuple[str, ...], title: str, axis: str) -> dict[str, Any]:
    return {
        "data": [_trace(name, series.get(name, Series())) for name in names],
        "layout": {
            "title": {"text": title},
            "xaxis": {"title": {"text": "Epoch"}, "rangemode": "tozero", "tickformat": "d"},
            "yaxis": {"title": {"text": axis}, "tickformat": ".2~%" if "acc" in names[0] else "~g"},
            "hovermode": "x unified",
            "uirevision": "keep",
        },
    }


def _trace(name: str, series: Series) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": METRICS[name].title,
        "meta": {"metric": name},
        "x": series.epochs,
        "y": series.values,
        "connectgaps": False,
    }
