"""The Python client: the HTTP API as functions, for the command line and for scripts."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
from httpx_sse import connect_sse

from backend.errors import RunyardError


class ServiceProblem(RunyardError):
    """The service refused, in its own sentence, or could not be reached."""


class Client:
    """Talks to one Runyard service. Use it as a context manager."""

    def __init__(self, address: str = "http://127.0.0.1:8420", timeout_seconds: float = 30.0) -> None:
        self._address = address.rstrip("/")
        self._http = httpx.Client(base_url=self._address, timeout=timeout_seconds)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def launch(self, *, idempotency_key: str | None = None, **wish: Any) -> dict[str, Any]:
        """Launch runs: `preset`, `size` and `overrides`, or `spec`; also `seeds`, `name`, `experiment`.

        A key makes a repeated call launch once; without one a new key is made.
        """
        body = {name: value for name, value in wish.items() if value is not None}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._json("POST", "/api/launches", json=body, headers=headers)

    def runs(
        self, *, limit: int = 100, before: int | None = None, state: str | None = None
    ) -> dict[str, Any]:
        """Return a page of runs, the newest first."""
        query = {"limit": limit, "before": before, "state": state}
        return self._json("GET", "/api/runs", params={k: v for k, v in query.items() if v is not None})

    def run(self, run_id: int) -> dict[str, Any]:
        return self._json("GET", f"/api/runs/{run_id}")

    def points(self, run_id: int) -> dict[str, Any]:
        """Return the curves of a run by metric name."""
        return self._json("GET", f"/api/runs/{run_id}/points")

    def log(self, run_id: int, after: int = 0) -> dict[str, Any]:
        return self._json("GET", f"/api/runs/{run_id}/log", params={"after": after})

    def cancel(self, run_id: int) -> dict[str, Any]:
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

    def notebook(self, run_id: int) -> dict[str, Any]:
        """Return the Jupyter notebook that repeats a run."""
        return self._json("GET", f"/api/runs/{run_id}/notebook")

    def datasets(self) -> list[dict[str, Any]]:
        return self._json("GET", "/api/datasets")["datasets"]

    def weights(self) -> list[dict[str, Any]]:
        """Return the weights that an operator imported or fetched."""
        return self._json("GET", "/api/weights")["weights"]

    def presets(self) -> list[dict[str, Any]]:
        return self._json("GET", "/api/presets")["presets"]

    def status(self) -> dict[str, Any]:
        return self._json("GET", "/api/status")

    def reports(self) -> list[dict[str, Any]]:
        return self._json("GET", "/api/reports")["reports"]

    def report(self, name: str, **variant: Any) -> dict[str, Any]:
        """Return a report as it stands: `size`, `dataset`, `pretraining` and `seed`, each chosen by the service where None."""
        query = {key: value for key, value in variant.items() if value is not None}
        return self._json("GET", f"/api/reports/{name}", params=query)

    def launch_report(self, name: str, *, idempotency_key: str | None = None, **wish: Any) -> dict[str, Any]:
        """Queue what is missing of a report: `size`, `dataset`, `pretraining`, `seeds`, and `confirm` for what takes hours."""
        body = {key: value for key, value in wish.items() if value is not None}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._json("POST", f"/api/reports/{name}/launch", json=body, headers=headers)

    def follow(self, run_id: int, after: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (kind, data) of what happens to a run after a cursor, until the connection ends."""
        try:
            with connect_sse(
                self._http, "GET", "/api/events", params={"run": run_id, "after": after}, timeout=60.0
            ) as source:
                for event in source.iter_sse():
                    yield event.event, event.json()
        except httpx.TransportError as problem:
            raise ServiceProblem(f"The connection to {self._address} was lost: {problem}.") from None

    def _json(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError:
            raise ServiceProblem(
                f"No Runyard answers at {self._address}: start it with `runyard up`, or set RUNYARD_HOST and RUNYARD_PORT."
            ) from None
        if response.is_success:
            return response.json()
        try:
            message = response.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = f"{self._address} answered {response.status_code} to {method} {path}."
        raise ServiceProblem(message)
