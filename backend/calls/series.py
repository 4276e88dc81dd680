"""The series of many values of a run: by step, and of the device by second."""

import math
from collections.abc import Iterator
from typing import Any

from backend.analysis.thinning import FEWEST
from backend.calls.base import Calls, given
from backend.contract import MOST_DENSE_VALUES


class SeriesCalls(Calls):
    def series(self, run_id: int) -> list[dict[str, Any]]:
        """Return which series by step and by second a run has, with their units and lengths."""
        return self._json("GET", f"/api/runs/{run_id}/series")["series"]

    def series_values(
        self,
        run_id: int,
        name: str,
        *,
        points: int = 0,
        attempt: int | None = None,
        first: float | None = None,
        last: float | None = None,
    ) -> dict[str, Any]:
        """Return the positions and values of one series, all of them, or thinned to at most `points` for a drawing.

        `first` and `last` are positions between which it is read; `attempt` is for series by second: the last one that has
        values where it is not given. A value that is no number is None, with its name in `nonfinite` by its place.
        What is too long for one answer is asked for in parts.
        """
        part = {"attempt": attempt, "first": first, "last": last}
        if points or not self._may_be_too_long(run_id, name):
            return self._values(run_id, name, points, part)
        return _joined(list(self._parts(run_id, name, part)))

    def _may_be_too_long(self, run_id: int, name: str) -> bool:
        lengths = {one["name"]: one["length"] for one in self.series(run_id)}
        return lengths.get(name, 0) > MOST_DENSE_VALUES

    def _parts(self, run_id: int, name: str, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield a part of a series in as many answers as it needs, halving what is too long."""
        found = self._values(run_id, name, FEWEST, part)  # tells its length and both its ends
        if found["of"] <= MOST_DENSE_VALUES:
            yield self._values(run_id, name, 0, part)
            return
        part = {**part, "attempt": found["attempt"]}  # another one may begin meanwhile
        middle = (found["positions"][0] + found["positions"][-1]) // 2
        yield from self._parts(run_id, name, {**part, "last": middle})
        yield from self._parts(run_id, name, {**part, "first": math.nextafter(middle, math.inf)})

    def _values(self, run_id: int, name: str, points: int, part: dict[str, Any]) -> dict[str, Any]:
        query = given({"name": name, "points": points, **part})
        return self._json("GET", f"/api/runs/{run_id}/series/values", params=query)


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the parts of a series as the one answer that they are together."""
    positions: list[float] = []
    values: list[float | None] = []
    nonfinite: dict[str, str] = {}
    for part in parts:
        nonfinite |= {str(len(values) + int(place)): word for place, word in part["nonfinite"].items()}
        positions += part["positions"]
        values += part["values"]
    more = {"positions": positions, "values": values, "nonfinite": nonfinite, "of": len(values)}
    return {**parts[0], **more}
