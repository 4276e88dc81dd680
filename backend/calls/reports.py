"""The reports: a set of recipes beside published numbers."""

from typing import Any

from backend.calls.base import Calls, given


class ReportCalls(Calls):
    def reports(self) -> list[dict[str, Any]]:
        """Return the reports that there are."""
        return self._json("GET", "/api/reports")["reports"]

    def report(self, name: str, **variant: Any) -> dict[str, Any]:
        """Return a report as it stands: `size`, `dataset`, `pretraining` and `seed`, each chosen by the service where None."""
        return self._json("GET", f"/api/reports/{name}", params=given(variant))

    def launch_report(self, name: str, *, idempotency_key: str | None = None, **wish: Any) -> dict[str, Any]:
        """Queue what is missing of a report: `size`, `dataset`, `pretraining`, `seeds`, and `confirm` for what takes hours."""
        return self._launch(f"/api/reports/{name}/launch", idempotency_key, wish)
