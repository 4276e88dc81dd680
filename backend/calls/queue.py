"""The queue and the workers that take from it."""

from typing import Any

from backend.calls.base import Calls


class QueueCalls(Calls):
    def status(self) -> dict[str, Any]:
        """Return how many runs are in which state, how each worker stands, and whether the queue is paused."""
        return self._json("GET", "/api/status")

    def health(self) -> dict[str, Any]:
        """Return what the service says of itself while it is alive. Needs no token."""
        return self._json("GET", "/api/health")

    def ready(self) -> dict[str, Any]:
        """Return how the service and its database are while it can serve. Needs no token.

        Raises:
            Unreachable: it cannot, with a sentence for each fault.
        """
        return self._json("GET", "/api/ready")

    def queue(self, *, limit: int = 500, offset: int = 0) -> dict[str, Any]:
        """Return the runs that wait, in the order in which they will be trained, and why each waits."""
        return self._json("GET", "/api/queue", params={"limit": limit, "offset": offset})

    def pause(self) -> dict[str, Any]:
        """Let no run start until `unpause`. What is in training goes on."""
        return self._json("POST", "/api/queue/pause")

    def unpause(self) -> dict[str, Any]:
        """Let runs start again."""
        return self._json("POST", "/api/queue/resume")

    def move(self, run_id: int, before: int | None) -> dict[str, Any]:
        """Put a run that waits directly before another one; None puts it at the end of the queue."""
        return self._json("POST", "/api/queue/move", json={"run": run_id, "before": before})

    def prioritize(self, run_id: int, priority: int) -> dict[str, Any]:
        """Give a run that waits another priority: the highest is trained first."""
        return self._json("POST", f"/api/runs/{run_id}/priority", json={"priority": priority})

    def workers(self) -> list[dict[str, Any]]:
        """Return the workers that were heard of in the last day, what each trains, and what lost ones had."""
        return self._json("GET", "/api/workers")["workers"]

    def drain(self, worker_id: str, *, drain: bool = True) -> list[dict[str, Any]]:
        """Let a worker take no more runs, or with `drain=False` take them again; return all workers."""
        body = {"worker": worker_id, "drain": drain}
        return self._json("POST", "/api/workers/drain", json=body)["workers"]

    def forget(self, worker_id: str) -> list[dict[str, Any]]:
        """Forget a lost worker; return all others. One that comes back is here again."""
        return self._json("POST", "/api/workers/forget", json={"worker": worker_id})["workers"]
