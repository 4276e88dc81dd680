"""Which runs of a recipe are independent draws: those that share neither a seed nor the run that they started from."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Draw:
    """A run as far as chance goes. `parent` is the run whose weights it started from, None for a start of its own."""

    run: int
    seed: int
    parent: int | None = None


def independent(draws: Iterable[Draw]) -> list[Draw]:
    """Return as many draws as possible of which no two share a seed or a parent, the newest of equals, by seed.

    Runs with one seed are one experiment told twice, and children of one parent inherit its luck: each seed and each
    parent counts once. As seeds and parents overlap freely this is a matching of seeds to parents.
    Source of the method: augmenting paths, Berge, "Two theorems in graph theory" (PNAS 43, 1957).
    """
    offers: dict[int, dict[object, Draw]] = {}
    for draw in sorted(draws, key=lambda one: one.run, reverse=True):
        # A start of its own is shared with no run but those of the same seed.
        origin = ("seed", draw.seed) if draw.parent is None else ("parent", draw.parent)
        offers.setdefault(draw.seed, {}).setdefault(origin, draw)
    taken: dict[object, Draw] = {}
    for seed in offers:
        _place(seed, offers, taken, set())
    return sorted(taken.values(), key=lambda one: one.seed)


def independent_count(pairs: Iterable[tuple[int, int | None]]) -> int:
    """Return n, from the seed and the parent of each run."""
    return len(independent(Draw(run, seed, parent) for run, (seed, parent) in enumerate(pairs)))


def _place(
    seed: int, offers: dict[int, dict[object, Draw]], taken: dict[object, Draw], tried: set[object]
) -> bool:
    """Give a seed an origin that is free, or one whose holder can move to another."""
    for origin, draw in offers[seed].items():
        if origin in tried:
            continue
        tried.add(origin)
        if origin not in taken or _place(taken[origin].seed, offers, taken, tried):
            taken[origin] = draw
            return True
    return False
