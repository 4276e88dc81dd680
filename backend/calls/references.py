"""References, and the reports that people make."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from backend.calls.base import Calls, given


class ReferenceCalls(Calls):
    def references(self) -> list[dict[str, Any]]:
        """Return the published tables that runs can be held against, Runyard's own first."""
        return self._json("GET", "/api/references")["references"]

    def reference(self, name: str) -> dict[str, Any]:
        """Return a reference with all of its numbers."""
        return self._json("GET", f"/api/references/{quote(name, safe='')}")

    def import_reference(
        self,
        name: str,
        format: str,
        text: str,
        *,
        title: str | None = None,
        tolerance_points: float | None = None,
    ) -> dict[str, Any]:
        """Store a published table out of the text of a "csv" or "toml" file; return it as it was read."""
        body = {
            "name": name,
            "format": format,
            "text": text,
            "title": title,
            "tolerance_points": tolerance_points,
        }
        return self._json("POST", "/api/references", json=given(body))

    def remove_reference(self, name: str) -> None:
        """Remove a reference that somebody brought."""
        self._json("DELETE", f"/api/references/{quote(name, safe='')}")

    def reference_template(self, format: str = "csv") -> str:
        """Return an example of a file that a reference is read from, to be filled in."""
        with self._open(f"/api/reference-templates/{quote(format, safe='')}") as response:
            return response.read().decode()

    def own_reports(self) -> list[dict[str, Any]]:
        """Return the reports that people made, the one that was changed last first."""
        return self._json("GET", "/api/own-reports")["reports"]

    def own_report(self, report_id: int) -> dict[str, Any]:
        """Return a report that somebody made, with what was measured of each of its rows."""
        return self._json("GET", f"/api/own-reports/{report_id}")

    def create_own_report(
        self,
        title: str,
        *,
        notes: str = "",
        runs: Iterable[int] = (),
        rows: Iterable[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        """Save runs, and recipes as `rows`, as a report with notes in Markdown."""
        body = {"title": title, "notes": notes, "runs": list(runs), "rows": [dict(row) for row in rows]}
        return self._json("POST", "/api/own-reports", json=body)

    def edit_own_report(self, report_id: int, version: int, **changed: Any) -> dict[str, Any]:
        """Save the next version of a report: `title`, `notes`, `rows`, `runs`; refused where `version` is not the newest."""
        body = {**changed, "version": version}
        return self._json("POST", f"/api/own-reports/{report_id}/edit", json=body)

    def delete_own_report(self, report_id: int, version: int) -> None:
        """Delete a report, unless it was edited since this version."""
        self._json("DELETE", f"/api/own-reports/{report_id}", params={"version": version})
