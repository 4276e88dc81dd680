"""What is on the screen as files: tables, all points, a whole report."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from backend.calls.base import Calls, given

TableFormat = Literal["csv", "json", "latex", "markdown"]


class ExportCalls(Calls):
    def export_comparison(
        self, runs: Iterable[int], form: TableFormat, *, value: str | None = None, target: float | None = None
    ) -> str:
        """Return the recipes of some runs as one table: exact as csv or json, rounded as latex or markdown.

        `value` is the epoch that stands for a run: last, best or validation; `target` an accuracy to be reached.
        """
        query = given({"run": list(runs), "format": form, "value": value, "target": target})
        return self._text("/api/compare/export", query)

    @contextmanager
    def export_points(self, runs: Iterable[int], form: Literal["csv", "json"]) -> Iterator[Iterator[str]]:
        """Enter all points of some runs, in pieces as they come: there may be more than fits into memory."""
        with self._open("/api/compare/points", params={"run": list(runs), "format": form}) as response:
            yield response.iter_text()

    def export_report(
        self, name: str, form: TableFormat | Literal["html"], *, table: str | None = None, **variant: Any
    ) -> str:
        """Return a report, or one `table` of it, such as 1.1; as html one file that opens without a network.

        The variant is `size`, `dataset`, `pretraining`, `seed` and `reference`, as `report` takes it.
        """
        return self._text(f"/api/reports/{name}/export", given({**variant, "format": form, "table": table}))

    def _text(self, path: str, query: dict[str, Any]) -> str:
        with self._open(path, params=query) as response:
            return response.read().decode()
