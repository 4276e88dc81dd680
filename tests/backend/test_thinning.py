"""A series thinned for drawing: what stands out stays, and NaN stands out."""

import math
from itertools import pairwise
from random import Random

import pytest

from backend.analysis.thinning import FEWEST, thinned, thinned_pieces


def test_of_each_stretch_the_lowest_and_the_highest_stay() -> None:
    values = [0.0, 5.0, 1.0, 2.0, -3.0, 2.0, 2.0, 2.0, 9.0, 1.0, 0.0, 4.0]  # 12 in 4 stretches of 3
    assert thinned(values, 10) == [0, 1, 3, 4, 6, 8, 10, 11]


def test_both_ends_stay_where_they_do_not_stand_out() -> None:
    values = [0.5, 1.0, 0.0, *[0.25] * 20, 1.0, 0.0, 0.5]
    places = thinned(values, 10)
    assert (places[0], places[-1], len(places)) == (0, 25, 8)


@pytest.mark.parametrize("strange", [0.0, 0.2])
def test_in_pieces_a_series_is_thinned_as_in_one(strange: float) -> None:
    random = Random(3)
    values = [math.nan if random.random() < strange else random.gauss() for _ in range(1000)]
    cuts = [0, 1, 1, 7, 400, 999, 1000]
    pieces = [(range(low, high), values[low:high]) for low, high in pairwise(cuts)]
    kept = thinned_pieces(pieces, len(values), 60)
    assert [place for place, _ in kept] == thinned(values, 60)
    assert all(value == values[int(place)] or math.isnan(value) for place, value in kept)


@pytest.mark.parametrize("count", [0, 1, 10])
def test_what_is_short_stays_whole(count: int) -> None:
    assert thinned([1.0] * count, 10) == list(range(count))


def test_one_spike_of_a_hundred_thousand_values_stays() -> None:
    values = [1.0] * 100_000
    values[77_777], values[33_333] = 9.0, -9.0
    places = thinned(values, 2000)
    assert len(places) <= 2000
    assert {77_777, 33_333} <= set(places)


def test_the_first_of_each_kind_that_is_no_number_stays_beside_the_numbers() -> None:
    values = [float(place % 10) for place in range(1000)]
    values[500:] = [math.nan] * 500
    values[123], values[124] = math.inf, -math.inf
    places = thinned(values, 50)
    assert len(places) <= 50
    assert {123, 124, 500} <= set(places)
    assert max(places) >= 900, "the curve ends in NaN, and says so to its end"
    assert any(values[place] == 9.0 for place in places)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_the_places_rise_are_no_more_than_wanted_and_keep_both_ends_of_the_range(
    seed: int,
) -> None:
    random = Random(seed)
    strange = [math.nan, math.inf, -math.inf]
    values = [
        random.choice(strange) if random.random() < seed / 20 else random.gauss()
        for _ in range(random.randint(11, 3000))
    ]
    most = random.randint(FEWEST, 300)
    places = thinned(values, most)
    assert places == sorted(set(places))
    assert len(places) <= most or len(values) <= most
    assert (places[0], places[-1]) == (0, len(values) - 1)
    finite = [value for value in values if math.isfinite(value)]
    kept = [values[place] for place in places if math.isfinite(values[place])]
    if finite:
        assert (min(kept), max(kept)) == (min(finite), max(finite))
    assert {str(values[place]) for place in places if not math.isfinite(values[place])} == {
        str(value) for value in values if not math.isfinite(value)
    }
