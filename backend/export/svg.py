"""Curves as SVG without a browser: light, and told apart in black and white by dash, width and mark.

Takes a figure as backend/figures makes it, a plain dictionary, and knows of it what our figures of curves hold.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from backend.export.svg_axes import Axis, label_of, whole_ticks

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 34, 44
"""Pixels around the curves: numbers and title of an axis, and the legend above."""

BAND_OPACITY = 0.18
INK, MUTED, GRID = "#1c1c1a", "#62605b", "#dddcd7"

COLOURS = {"test_acc": "#b34700", "test_loss": "#b34700", "train_acc": "#0072b2", "train_loss": "#0072b2"}
"""Of metrics; all at least 4.5:1 on white, and as dark as one another, so that dash and mark tell them apart in print."""
DASHES = {"solid": None, "dash": "6 4", "dot": "2 3", "dashdot": "8 3 2 3", "longdash": "11 4"}
"""Of our figures' dashes, what SVG calls them."""
OTHERS = ("#333333", "#00674b", "#8a3d73", "#1d3f8a")

Point = tuple[float, float | None]


@dataclass(frozen=True)
class Curve:
    """One line. Consecutive values that are numbers are joined; None is a gap."""

    name: str
    metric: str
    published: bool
    points: list[Point]
    colour: str
    dash: str | None

    @property
    def is_main(self) -> bool:
        return not self.metric.startswith("train_")

    @property
    def stroke(self) -> str:
        dash = f' stroke-dasharray="{self.dash}"' if self.dash else ""
        return f'stroke="{self.colour}" stroke-width="{2.2 if self.is_main else 1.2}"{dash}'


@dataclass(frozen=True)
class Band:
    """What lies between two lines, as the corners of one closed shape."""

    name: str
    colour: str
    corners: list[tuple[float, float]]


def figure_svg(figure: dict[str, Any], name: str, title: str) -> str:
    """Return a figure as one `svg` element. `name` is for its ids, `title` for who cannot see it."""
    curves = [_curve(trace, place) for place, trace in enumerate(figure["data"]) if not trace.get("fill")]
    bands = [
        _band(trace, place) for place, trace in enumerate(figure["data"]) if trace.get("fill") == "toself"
    ]
    layout = figure["layout"]
    x, y = _axes(curves, bands, layout)
    shown = [*curves, *bands]
    above = 14 * max(0, math.ceil(len(shown) / _columns(shown)) - 2)  # two lines of the legend have room
    described = f"{title}: {', '.join(one.name.lower() for one in shown)}."
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {-above} {WIDTH} {HEIGHT + above}" '
        f'width="{WIDTH}" height="{HEIGHT + above}" '
        f'role="img" aria-labelledby={quoteattr(f"figure-{name}")} font-family="sans-serif" font-size="12">',
        f"<title id={quoteattr(f'figure-{name}')}>{escape(described)}</title>",
        f'<rect y="{-above}" width="{WIDTH}" height="{HEIGHT + above}" fill="#ffffff"/>',
        *_grid(x, y, _title(layout, "xaxis"), _title(layout, "yaxis")),
        *(_area(band, x, y) for band in bands),
        *(_line(curve, x, y) for curve in curves),
        *_legend(shown, 10 - above),
        "</svg>",
    ]
    return "\n".join(parts)


def _curve(trace: dict[str, Any], place: int) -> Curve:
    meta = trace.get("meta") or {}
    metric, published = meta.get("metric", ""), meta.get("source") == "published"
    points = [(float(at), value) for at, value in zip(trace["x"], trace["y"], strict=True) if at is not None]
    dash = DASHES.get((trace.get("line") or {}).get("dash", "dash" if published else "solid"))
    return Curve(str(trace.get("name") or metric), metric, published, points, _colour(metric, place), dash)


def _band(trace: dict[str, Any], place: int) -> Band:
    metric = (trace.get("meta") or {}).get("metric", "")
    corners = zip(trace["x"], trace["y"], strict=True)
    return Band(
        str(trace.get("name") or metric),
        _colour(metric, place),
        [(float(at), value) for at, value in corners if at is not None and value is not None],
    )


def _colour(metric: str, place: int) -> str:
    return COLOURS.get(metric, OTHERS[place % len(OTHERS)])


def _axes(curves: Sequence[Curve], bands: Sequence[Band], layout: dict[str, Any]) -> tuple[Axis, Axis]:
    points = [point for curve in curves for point in curve.points] + [
        corner for band in bands for corner in band.corners
    ]
    at = [place for place, _ in points]
    low, high = (layout.get("xaxis") or {}).get("range") or (min(at, default=0.5), max(at, default=1.5))
    x = Axis(low, max(high, low + 1), LEFT, WIDTH - RIGHT, whole_ticks(low, high))
    return x, Axis.over([value for _, value in points if value is not None], HEIGHT - BOTTOM, TOP)


def _title(layout: dict[str, Any], axis: str) -> str:
    return ((layout.get(axis) or {}).get("title") or {}).get("text", "")


def _grid(x: Axis, y: Axis, x_title: str, y_title: str) -> Iterator[str]:
    percent = "acc" in y_title.lower()
    for tick in y.ticks:
        height = _at(y.place(tick))
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height}" y2="{height}" stroke="{GRID}"/>'
        label = label_of(tick, y.step, percent=percent)
        yield f'<text x="{LEFT - 6}" y="{_at(y.place(tick) + 4)}" text-anchor="end" fill="{MUTED}">{label}</text>'
    base = HEIGHT - BOTTOM
    yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}" stroke="{MUTED}"/>'
    for tick in x.ticks:
        yield (
            f'<text x="{_at(x.place(tick))}" y="{base + 16}" text-anchor="middle" fill="{MUTED}">{tick:g}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle" fill="{INK}">{escape(x_title)}</text>'
    yield f'<text x="{LEFT}" y="{TOP - 20}" text-anchor="start" fill="{INK}" font-weight="600">{escape(y_title)}</text>'


def _area(band: Band, x: Axis, y: Axis) -> str:
    corners = " ".join(f"{_at(x.place(at))},{_at(y.place(value))}" for at, value in band.corners)
    return f'<polygon points="{corners}" fill="{band.colour}" fill-opacity="{BAND_OPACITY}"/>'


def _line(curve: Curve, x: Axis, y: Axis) -> str:
    """Return a curve with a mark at each value: one alone, or between gaps, has no line to be seen by."""
    source = "published" if curve.published else "measured"
    parts = [f'<g data-metric={quoteattr(curve.metric)} data-source="{source}">']
    for stretch in _stretches(curve.points):
        if len(stretch) > 1:
            points = " ".join(f"{_at(x.place(at))},{_at(y.place(value))}" for at, value in stretch)
            parts.append(f'<polyline points="{points}" {curve.stroke} fill="none" stroke-linejoin="round"/>')
    if len(curve.points) <= 60:
        parts += [_mark(curve, x.place(at), y.place(value)) for at, value in _numbers(curve.points)]
    else:
        parts += [
            _mark(curve, x.place(at), y.place(value))
            for stretch in _stretches(curve.points)
            if len(stretch) == 1
            for at, value in stretch
        ]
    return "\n".join([*parts, "</g>"])


def _mark(curve: Curve, x: float, y: float) -> str:
    """Return a circle, a square for what was trained on; hollow where it is published."""
    fill = "#ffffff" if curve.published else curve.colour
    look = f'fill="{fill}" stroke="{curve.colour}" stroke-width="1.2"'
    if curve.is_main:
        return f'<circle cx="{_at(x)}" cy="{_at(y)}" r="2.8" {look}/>'
    return f'<rect x="{_at(x - 2)}" y="{_at(y - 2)}" width="4" height="4" {look}/>'


def _width(shown: Sequence[Curve | Band]) -> float:
    """Return the room that a name in the legend takes, about."""
    return 38 + max((len(one.name) for one in shown), default=0) * 5.6


def _columns(shown: Sequence[Curve | Band]) -> int:
    room = WIDTH - RIGHT - LEFT - 70  # the title of the axis stands beside it
    return max(1, min(len(shown), int(room // _width(shown))))


def _legend(shown: Sequence[Curve | Band], first: int) -> Iterator[str]:
    """Yield the names of all curves above them, the first line at a height of `first`."""
    width, columns = _width(shown), _columns(shown)
    for place, one in enumerate(shown):
        left = WIDTH - RIGHT - width * (columns - place % columns)
        height = first + 14 * (place // columns)
        if isinstance(one, Band):
            look = f'fill="{one.colour}" fill-opacity="{BAND_OPACITY}"'
            yield f'<rect x="{_at(left)}" y="{height - 5}" width="24" height="10" {look}/>'
        else:
            yield f'<line x1="{_at(left)}" x2="{_at(left + 24)}" y1="{height}" y2="{height}" {one.stroke}/>'
            yield _mark(one, left + 12, height)
        yield f'<text x="{_at(left + 29)}" y="{height + 4}" font-size="11" fill="{INK}">{escape(one.name)}</text>'


def _numbers(points: Iterable[Point]) -> Iterator[tuple[float, float]]:
    for at, value in points:
        if value is not None and math.isfinite(value):
            yield at, value


def _stretches(points: Iterable[Point]) -> Iterator[list[tuple[float, float]]]:
    """Yield the stretches between the gaps."""
    stretch: list[tuple[float, float]] = []
    for at, value in points:
        if value is not None and math.isfinite(value):
            stretch.append((at, value))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _at(pixels: float) -> str:
    return f"{pixels:.2f}".rstrip("0").rstrip(".")
