"""The pure functions of the Compare page, by cases worked by hand and by scipy."""

from typing import Any

import pytest
from playwright.sync_api import Page
from scipy import stats

ANY: Any = stats


def called(page: Page, module: str, expression: str, argument: object = None) -> Any:
    """Return what an expression on a module `m` and an argument `a` comes to, in the browser."""
    page.goto("/compare")
    return page.evaluate(
        f"async (a) => {{ const m = await import('/static/{module}'); return {expression}; }}", argument
    )


def test_the_quantiles_of_bands_are_students(page: Page) -> None:
    degrees = [1, 2, 3, 9, 10, 11, 12, 19, 20, 21, 50, 999]
    found = called(page, "compare-student.js", "a.map(m.quantile)", degrees)
    assert found == pytest.approx([ANY.t.ppf(0.975, df) for df in degrees], abs=1e-5)


def test_a_mean_has_its_interval_of_three_and_both_values_of_two(page: Page) -> None:
    curve = {"epochs": [1, 2], "seconds": None, "nonfinite": {}, "thinned": False}
    values = [[0.50, 0.6], [0.52, None], [0.54, 0.8]]
    found = called(
        page,
        "compare-curves.js",
        "[m.meanCurve(a), m.meanCurve(a.slice(0, 2))]",
        [{**curve, "values": one} for one in values],
    )
    three, two = found
    half = ANY.t.ppf(0.975, 2) * 0.02 / 3**0.5
    assert (three["low"][0], three["high"][0]) == (
        pytest.approx(0.52 - half, abs=1e-7),
        pytest.approx(0.52 + half, abs=1e-7),
    )
    assert (three["values"][1], three["low"][1]) == (None, None)
    assert (two["low"][0], two["high"][0]) == (0.50, 0.52)


def test_a_band_is_an_outline_for_each_stretch_without_a_gap(page: Page) -> None:
    found = called(page, "compare-curves.js", "m.outline([1, 2, 3, 4], [0, 1, null, 3], [10, 11, 12, 13])")
    assert found == {"x": [1, 2, 2, 1, None, 4, 4], "y": [0, 1, 11, 10, None, 3, 13]}


def test_curves_stand_by_images_where_these_are_known(page: Page) -> None:
    curve = {"epochs": [1, 3], "values": [1, 2], "seconds": [2.5, 7.5]}
    found = called(
        page,
        "compare-curves.js",
        "[m.placesOf(a, 'images', 500), m.placesOf(a, 'images', null), m.placesOf(a, 'seconds', 500)]",
        curve,
    )
    assert found == [[500, 1500], [None, None], [2.5, 7.5]]


def test_the_tint_of_a_difference_goes_by_the_largest(page: Page) -> None:
    assert called(
        page,
        "compare-models-model.js",
        "[m.tintOf(-10, 10), m.tintOf(1, 10), m.tintOf(0, 10), m.largestOf([[1, -4], [2, 3]])]",
    ) == [-5, 1, 0, 4]


def test_a_view_reads_back_what_it_writes_and_drops_what_makes_no_sense(page: Page) -> None:
    address = (
        "?run=3&run=5&recipe=0123456789ab&metric=test_loss&x=images&smooth=0.3&hidden=0123456789ab&colours=2%2C0&value=best"
        "&target=0.9&seeds=1&open=0123456789ab&models=3%2C5&pair=0123456789ab%2Cba9876543210&sweep=parallel&by=optimizer.lr"
    )
    expression = "m.addressOf(m.parseView(a))"
    assert called(page, "compare-view.js", expression, address) == f"/compare{address}"
    nonsense = "?run=-1&recipe=xyz&x=hours&value=first&target=7&models=3&models=4%2C4&pair=1&sweep=pie&by=%3Cb%3E&seeds=0"
    assert called(page, "compare-view.js", expression, nonsense) == "/compare"


def test_a_target_is_a_share_of_what_is_typed_in_percent(page: Page) -> None:
    found = called(page, "compare-controls.js", "['55.1', ' 100 ', '', '0', '101', 'x'].map(m.shareOf)")
    assert found == [0.551, 1, None, None, None, None]
