"""Recipes, and several runs beside each other."""

from collections.abc import Iterable
from typing import Any, Literal

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

    def compare_curves(
        self, runs: Iterable[int], metric: str = "test_acc", *, seconds: bool = False
    ) -> dict[str, Any]:
        """Return the curves of one metric of some runs; with `seconds` also the training time up to each epoch."""
        query = {"run": list(runs), "metric": metric, "seconds": seconds}
        return self._json("GET", "/api/compare/curves", params=query)

    def compare_models(
        self, a: int, b: int, *, which: Literal["last", "best"] = "last", images: int = 60
    ) -> dict[str, Any]:
        """Return what the predictions of two runs say for the same test images: McNemar's exact test and the images."""
        query = {"a": a, "b": b, "which": which, "images": images}
        return self._json("GET", "/api/compare/models", params=query)

    def compare_pair(
        self, runs: Iterable[int], first: str, second: str, *, value: str = "last"
    ) -> dict[str, Any]:
        """Return what the seeds of two recipes say, among all recipes of `runs`: Welch's test, the paired one, more seeds.

        `first` and `second` are the recipes' hashes; `value` is the epoch that stands for a run: last, best or validation.
        """
        query = {"run": list(runs), "first": first, "second": second, "value": value}
        return self._json("GET", "/api/compare/pair", params=query)
