"""A long series thinned for drawing: what stands out stays, each lowest and each highest value of a stretch, and both ends.

A value that is no number stands out too: the first NaN and the first of each infinity of a stretch are kept. Pure
functions on numbers; a series may come in pieces, of which only what stands out is held.
"""

import math
from collections.abc import Iterable, Sequence

FEWEST = 10
"""To fewer values no series is thinned: a stretch may keep five, beside the ends."""

_ENDS = 2

Piece = tuple[Sequence[float], Sequence[float]]
"""Positions and the values there."""

Point = tuple[float, float]


def thinned(values: Sequence[float], most: int) -> list[int]:
    """Return the places of at most `most` values that a drawing needs, in order; all of them where there are no more.

    `most` is FEWEST or more.
    """
    return [int(place) for place, _ in thinned_pieces([(range(len(values)), values)], len(values), most)]


def thinned_pieces(pieces: Iterable[Piece], count: int, most: int) -> list[Point]:
    """Return what `thinned` keeps of a series of `count` values that comes in pieces, as positions and values."""
    assert most >= FEWEST, most
    if count <= most:
        return [point for positions, values in pieces for point in zip(positions, values, strict=True)]
    ends: list[Point] = []
    kept = _of_stretches(_noting_ends(pieces, ends), count, (most - _ENDS) // 2)
    if len(kept) > most - _ENDS:  # not all of them are numbers: of a stretch five may stand out
        kept = _of_stretches([_unzipped(kept)], len(kept), (most - _ENDS) // 5)
    first, last = ends
    return [*([] if kept[0][0] == first[0] else [first]), *kept, *([] if kept[-1][0] == last[0] else [last])]


def _noting_ends(pieces: Iterable[Piece], ends: list[Point]) -> Iterable[Piece]:
    for positions, values in pieces:
        if not len(values):
            continue
        ends[:] = [ends[0] if ends else (positions[0], values[0]), (positions[-1], values[-1])]
        yield positions, values


def _of_stretches(pieces: Iterable[Piece], count: int, stretches: int) -> list[Point]:
    """Return what stands out in each of so many stretches, about equally long, of `count` values."""
    kept: list[Point] = []
    held: list[Point] = []  # of the stretch that is not over
    place, number = 0, 1
    for positions, values in pieces:
        low = 0
        while low < len(values):
            end = count * number // stretches
            high = min(len(values), low + end - place)
            held += _standing_out(positions[low:high], values[low:high])
            place += high - low
            low = high
            if place == end:
                kept += _standing_out(*_unzipped(held))
                held, number = [], number + 1
    return kept + (_standing_out(*_unzipped(held)) if held else [])


def _standing_out(positions: Sequence[float], values: Sequence[float]) -> list[Point]:
    """Return the lowest and the highest, and the first of each kind that is no number, in order."""
    places: set[int] = set()
    finite = values if all(map(math.isfinite, values)) else list(filter(math.isfinite, values))
    if finite:
        places |= {values.index(min(finite)), values.index(max(finite))}
    if len(finite) < len(values):
        first: dict[str, int] = {}  # by name: nan, inf, -inf
        for place, value in enumerate(values):
            if not math.isfinite(value):
                first.setdefault(str(value), place)
        places |= set(first.values())
    return [(positions[place], values[place]) for place in sorted(places)]


def _unzipped(points: Sequence[Point]) -> Piece:
    return [position for position, _ in points], [value for _, value in points]
