"""Figures as SVG: every value stands where its axis says, gaps stay gaps, published is dashed, texts are no markup."""

import math
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.catalog.references import published_tables
from backend.export.svg import figure_svg
from backend.export.svg_axes import Axis, label_of, round_step, whole_ticks
from backend.figures.report import beside_figure
from backend.references.tables import ReferenceTable
from backend.store.points import Series

SVG = "{http://www.w3.org/2000/svg}"


def a_figure(values: list[float | None], **changes: Any) -> dict[str, Any]:
    trace = {"x": list(range(1, len(values) + 1)), "y": values, "name": "Test accuracy, measured"}
    trace |= {"meta": {"metric": "test_acc", "source": "measured"}, **changes}
    return {
        "data": [trace],
        "layout": {
            "xaxis": {"title": {"text": "Epoch"}, "range": [0.5, len(values) + 0.5]},
            "yaxis": {"title": {"text": "Accuracy"}},
        },
    }


def parsed(figure: dict[str, Any], title: str = "Curves") -> ElementTree.Element:
    return ElementTree.fromstring(figure_svg(figure, "1.1", title))


def axis_of(svg: ElementTree.Element, anchor: str, place: str) -> dict[float, float]:
    """Return where the labels of an axis stand, by the values that they say."""
    found = {}
    for text in svg.iter(f"{SVG}text"):
        number = re.fullmatch(r"(-?[\d.]+)(%?)", text.text or "")
        if number and text.get("text-anchor") == anchor:
            found[float(number[1]) / (100 if number[2] else 1)] = float(text.get(place) or "")
    return found


def value_at(axis: dict[float, float], pixel: float) -> float:
    """Read a value off an axis, by two of its labels."""
    (low, first), (high, last) = min(axis.items()), max(axis.items())
    return low + (pixel - first) / (last - first) * (high - low)


def marks(group: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(one.get("cx") or ""), float(one.get("cy") or "")) for one in group.iter(f"{SVG}circle")]


def test_every_value_can_be_read_off_the_axes() -> None:
    values = [0.3123, 0.5, 0.4871, 0.9]
    svg = parsed(a_figure(list(values)))
    (group,) = svg.iter(f"{SVG}g")
    x, y = axis_of(svg, "middle", "x"), axis_of(svg, "end", "y")
    assert sorted(x) == [1, 2, 3, 4]
    for epoch, (value, (across, down)) in enumerate(zip(values, marks(group), strict=True), start=1):
        assert value_at(x, across) == pytest.approx(epoch, abs=0.01)
        assert value_at(y, down - 0) == pytest.approx(value_at(y, down), abs=1e-9)
        # A label's foot lies 4 pixels below its line.
        assert value_at(y, down + 4) == pytest.approx(value, abs=0.001)
    (line,) = group.iter(f"{SVG}polyline")
    assert [tuple(map(float, one.split(","))) for one in (line.get("points") or "").split()] == marks(group)


def test_a_gap_parts_the_line_and_a_lone_value_has_its_mark() -> None:
    svg = parsed(a_figure([0.1, 0.2, None, 0.3, math.nan, 0.5, 0.6]))
    (group,) = svg.iter(f"{SVG}g")
    assert [len((one.get("points") or "").split()) for one in group.iter(f"{SVG}polyline")] == [2, 2]
    assert len(marks(group)) == 5


def test_published_is_dashed_and_hollow_and_measured_solid_and_filled() -> None:
    name, table = next(iter(published_tables().items()))
    measured = {"test_acc": Series([1, 2], [0.5, 0.6]), "train_acc": Series([1], [0.4])}
    rows = {
        at: {one: value for one, value in row.items() if value is not None} for at, row in table.rows.items()
    }
    dashed = [("published", "Published", ReferenceTable(name, table.table, None, {}, rows))]
    svg = parsed(beside_figure(table, measured, 10, dashed=dashed))
    groups = {(one.get("data-metric"), one.get("data-source")): one for one in svg.iter(f"{SVG}g")}
    assert set(groups) == {
        (metric, source) for metric in ("test_acc", "train_acc") for source in ("measured", "published")
    }
    for (metric, source), group in groups.items():
        lines = list(group.iter(f"{SVG}polyline"))
        assert {line.get("stroke-dasharray") for line in lines} <= (
            {"6 4"} if source == "published" else {None}
        )
        shapes = list(group.iter(f"{SVG}{'circle' if metric == 'test_acc' else 'rect'}"))
        assert shapes
        assert {shape.get("fill") == "#ffffff" for shape in shapes} == {source == "published"}
    assert len(marks(groups["test_acc", "published"])) == sum(
        value is not None for value in table.series("test_acc")
    )


def test_a_long_curve_has_a_line_without_marks_and_marks_where_no_line_is() -> None:
    values: list[float | None] = [index / 100 for index in range(100)]
    values[50] = values[52] = None
    (group,) = parsed(a_figure(values)).iter(f"{SVG}g")
    assert len(marks(group)) == 1


def test_a_band_is_one_closed_area_and_no_curve() -> None:
    figure = a_figure([0.1, 0.2])
    figure["data"].append(
        {"x": [1, 2, 2, 1], "y": [0.12, 0.22, 0.18, 0.08], "fill": "toself", "meta": {"kind": "band"}}
    )
    svg = parsed(figure)
    assert len(list(svg.iter(f"{SVG}g"))) == 1
    (band,) = svg.iter(f"{SVG}polygon")
    assert len((band.get("points") or "").split()) == 4
    height = float(svg.get("height") or "")
    assert all(0 <= float(corner.split(",")[1]) <= height for corner in (band.get("points") or "").split())


@pytest.mark.parametrize(
    "values", [[], [None, None], [math.nan], [0.5], [0.0, 0.0], [-3.0], [1e9, 2e9], [1e-7, 2e-7]]
)
def test_few_values_and_odd_ones_make_a_figure_all_the_same(values: list[float | None]) -> None:
    svg = parsed(a_figure(values))
    assert "nan" not in ElementTree.tostring(svg, encoding="unicode").lower()
    for group in svg.iter(f"{SVG}g"):
        assert all(0 <= across <= 640 and 0 <= down <= 300 for across, down in marks(group))


def test_a_figure_has_a_name_and_hostile_texts_are_texts() -> None:
    svg = parsed(a_figure([0.5], name='</title><script>"'), 'A & "b"')
    title = svg.find(f"{SVG}title")
    assert title is not None
    assert svg.get("aria-labelledby") == title.get("id") == "figure-1.1"
    assert svg.get("role") == "img"
    assert title.text == 'A & "b": </title><script>".'
    assert not list(svg.iter(f"{SVG}script"))
    assert not any(name.startswith("on") or name == "style" for node in svg.iter() for name in node.attrib)


@example([5.0, -5e-324])
@example([5e-324])
@example([1e12, 1e12 - 1e-4])
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20))
def test_an_axis_holds_all_its_values_between_few_round_ticks(values: list[float]) -> None:
    axis = Axis.over(values, 256, 34)
    slack = 1e-9 * max(map(abs, values))  # ticks are multiples of a step, with the rounding of floats
    assert axis.low <= min(values) + slack
    assert axis.high >= max(values) - slack
    assert 2 <= len(axis.ticks) <= 12
    assert all(34 - 1e-6 <= axis.place(value) <= 256 + 1e-6 for value in values)
    assert axis.place(axis.low) == 256


def test_ticks_are_round_and_labels_differ() -> None:
    assert [round_step(one) for one in (0.9, 1.0, 1.1, 2.5, 6, 0.03)] == [1, 1, 2, 5, 10, pytest.approx(0.05)]
    assert whole_ticks(0.5, 10.5) == list(range(1, 11))
    assert whole_ticks(0.5, 150.5) == [20, 40, 60, 80, 100, 120, 140]
    assert [label_of(one, 0.05, percent=True) for one in (0.0, 0.05, 0.1)] == ["0%", "5%", "10%"]
    assert [label_of(one, 0.005, percent=True) for one in (0.9, 0.905)] == ["90.0%", "90.5%"]
    assert label_of(-0.0, 0.5, percent=False) == "0.0"
    for low, high in pairwise((0.1, 0.3, 0.35)):
        axis = Axis.over([low, high], 0, 1)
        labels = [label_of(tick, axis.step, percent=False) for tick in axis.ticks]
        assert len(set(labels)) == len(labels)
