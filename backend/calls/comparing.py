"""Recipes, and several runs beside each other."""

from collections.abc import Iterable
from typing import Any

from backend.calls.base import Calls, given


class CompareCalls(Calls):
    def recipes(
        self,
        *,
        limit: int = 50,
        before: int | None = None,
        state: str | None = None,
        q: str | None = None,
        recipe: Iterable[str] | None = None,
    ) -> dict[str, Any]:
        """Return a page of recipes, the one with the newest run first, each with its runs and its accuracy.

        With `state` those with a run in it; with `q` those in whose runs each of its words occurs; with `recipe` those
        alone. `next` of a page is the `before` of the one that follows.
        """
        query = given({"limit": limit, "before": before, "state": state, "q": q})
        return self._json("GET", "/api/recipes", params={**query, "recipe": list(recipe or ())})

    def compare(self, runs: Iterable[int], *, curves: bool = True) -> dict[str, Any]:
        """Return what differs between the recipes of some runs, how good each is, and which is better."""
        return self._json("GET", "/api/compare", params={"run": list(runs), "curves": curves})
