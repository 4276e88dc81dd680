"""Runs: lists, one, all that is known of it, and what a person does with it."""

from collections.abc import Iterator
from typing import Any

from backend.calls.base import Calls, given

LARGEST_PAGE = 500


class RunCalls(Calls):
    def runs(
        self,
        *,
        limit: int = 100,
        before: int | None = None,
        state: str | None = None,
        finding: str | None = None,
    ) -> dict[str, Any]:
        """Return a page of runs, the newest first; `next` is the `before` of the page that follows.

        With `finding` those of which this was found: a rule such as "collapsed", anything "sick", any "note", or "any".
        """
        query = given({"limit": limit, "before": before, "state": state, "finding": finding})
        return self._json("GET", "/api/runs", params=query)

    def each_run(self, *, state: str | None = None, finding: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield all runs, the newest first, page by page; `state` and `finding` as of `runs`."""
        before: int | None = None
        while True:
            page = self.runs(limit=LARGEST_PAGE, before=before, state=state, finding=finding)
            yield from page["runs"]
            before = page["next"]
            if before is None:
                return

    def run(self, run_id: int) -> dict[str, Any]:
        """Return all about a run but its curves: its spec, its state, its attempts, its parent and its children."""
        return self._json("GET", f"/api/runs/{run_id}")

    def points(
        self, run_id: int, names: list[str] | None = None, *, attempt: int | None = None
    ) -> dict[str, Any]:
        """Return the curves of a run by metric name, or only those of `names`.

        With `attempt` those that a retry from the start set aside in that attempt.
        """
        query = given({"name": names, "attempt": attempt})
        return self._json("GET", f"/api/runs/{run_id}/points", params=query)

    def figures(self, run_id: int) -> dict[str, Any]:
        """Return the curves of a run as Plotly figures, by name."""
        return self._json("GET", f"/api/runs/{run_id}/figures")["figures"]

    def log(self, run_id: int, after: int = 0) -> dict[str, Any]:
        """Return log lines past line `after`, and whether there are `more`."""
        return self._json("GET", f"/api/runs/{run_id}/log", params={"after": after})

    def each_log_line(self, run_id: int, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the log lines past line `after` that there are now."""
        while True:
            page = self.log(run_id, after)
            yield from page["lines"]
            if not page["more"]:
                return
            after = page["lines"][-1]["line"]

    def cancel(self, run_id: int) -> dict[str, Any]:
        """Cancel a run: at once if it waits, else as soon as its process has ended."""
        return self._json("POST", f"/api/runs/{run_id}/cancel")

    def retry(self, run_id: int) -> dict[str, Any]:
        """Train a failed or cancelled run again, from the start."""
        return self._json("POST", f"/api/runs/{run_id}/retry")

    def resume(self, run_id: int) -> dict[str, Any]:
        """Let a failed or cancelled run go on from its checkpoint."""
        return self._json("POST", f"/api/runs/{run_id}/resume")

    def delete(self, run_id: int) -> dict[str, Any]:
        """Delete a run that is over, for good."""
        return self._json("DELETE", f"/api/runs/{run_id}")

    def predictions(self, run_id: int, which: str = "last") -> dict[str, Any]:
        """Return which classes were taken for which, after the `last` or the `best` epoch."""
        return self._json("GET", f"/api/runs/{run_id}/predictions", params={"which": which})

    def mistakes(self, run_id: int, which: str = "last") -> dict[str, Any]:
        """Return the wrongly classified images that the network was surest of, after the `last` or the `best` epoch."""
        return self._json("GET", f"/api/runs/{run_id}/mistakes", params={"which": which})

    def findings(self, run_id: int) -> list[dict[str, Any]]:
        """Return what the rules find wrong with a run, and what is worth a note, the gravest first."""
        return self._json("GET", f"/api/runs/{run_id}/findings")["findings"]

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules of findings, the gravest first: what each says, and from where on."""
        return self._json("GET", "/api/findings/rules")["rules"]

    def notebook(self, run_id: int) -> dict[str, Any]:
        """Return the Jupyter notebook that repeats a run."""
        return self._json("GET", f"/api/runs/{run_id}/notebook")

    def output(self, run_id: int) -> str:
        """Return the raw output: what was trained, then loss and accuracies of each epoch."""
        return self._bytes(f"/api/runs/{run_id}/output").decode()

    def test_image(self, test_set: str, number: int) -> bytes:
        """Return one wrongly classified test image as PNG, as the `href` of a mistake names it."""
        return self._bytes(f"/api/test-images/{test_set}/{number}.png")

    def _bytes(self, path: str) -> bytes:
        with self._open(path) as response:
            return response.read()
