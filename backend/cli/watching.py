"""Following runs to their ends: how they are, then what happens to them, over lost connections.

It asks every second instead of holding a stream: what a stream cannot tell, such as that a run was deleted with its
events, is seen at the next whole look. It must not know how anything is shown.
"""

import time
from collections.abc import Iterable
from typing import Any, Protocol

from backend.client import Client, ServiceProblem, Unreachable
from backend.contract import RunState

LOOK_SECONDS = 1.0
RECONNECTS = 20
"""So often a service that is away is asked again, a look apart: one that is started again is away for some seconds."""
WHOLE_LOOK_EVERY = 30
"""Looks, of which all but this one only ask what is new."""

ON_THE_WAY = (RunState.RUNNING, RunState.CANCELLING, RunState.QUEUED, RunState.WAITING)
NOT_FOUND = 404

Run = dict[str, Any]


class View(Protocol):
    """Where what is seen goes. A run is as `Client.run` returns it, kept up to date."""

    def show(self, runs: list[Run]) -> None:
        """Show how all watched runs are now; called at each change."""

    def tell(self, kind: str, run: Run, data: dict[str, Any]) -> None:
        """Tell what has just happened to a run: state, epoch, rewind, progress."""

    def away(self, problem: Unreachable) -> None:
        """Tell that the service is away, and asked again."""


class Watch:
    """Watches some runs until each is over; without ids all that are on their way, and those that come."""

    def __init__(self, client: Client, view: View, ids: Iterable[int] | None = None) -> None:
        self._client = client
        self._view = view
        self._ids = None if ids is None else list(dict.fromkeys(ids))
        self._cursor = ""
        self._looks = 0
        self._told_epoch: dict[int, int] = {}
        self.runs: dict[int, Run] = {}

    def to_the_end(self) -> list[Run]:
        """Return the runs once all are over. A run that is deleted meanwhile is over, too.

        Raises:
            Unreachable: nobody answers at first, or does not again after RECONNECTS tries.
        """
        self._look()  # what cannot be reached at all is told at once
        failures = 0
        while not self._is_over():
            time.sleep(LOOK_SECONDS)
            try:
                self._look_again()
                failures = 0
            except Unreachable as problem:
                failures += 1
                if failures > RECONNECTS:
                    raise
                self._view.away(problem)
        return list(self.runs.values())

    def _look(self) -> None:
        """Read all runs anew; the cursor is from before, so that nothing between is missed."""
        cursor = self._client.runs(limit=1)["cursor"]
        listed = (
            [run for state in ON_THE_WAY for run in self._client.each_run(state=state)]
            if self._ids is None
            else []
        )
        for run in listed:
            self._put(run)
        there = {run["id"] for run in listed}
        for run_id in list(self.runs) if self._ids is None else self._ids:
            if run_id not in there:
                self._read(run_id)
        self._cursor = cursor
        self._view.show(list(self.runs.values()))

    def _look_again(self) -> None:
        self._looks += 1
        # Of all runs, also where one is watched: asked of one that is deleted, there would be no answer.
        told = None if self._looks % WHOLE_LOOK_EVERY == 0 else self._client.events(self._cursor)
        if told is None or any(event["kind"] == "reset" for event in told["events"]):
            self._look()
            return
        for event in told["events"]:
            if self._concerns(event["kind"], event["data"]):
                self._take(event["kind"], event["data"])
        self._cursor = told["cursor"]
        self._view.show(list(self.runs.values()))

    def _read(self, run_id: int) -> None:
        before = self.runs.get(run_id)
        if before is not None and before["state"] not in ON_THE_WAY:
            return
        try:
            self._put(self._client.run(run_id))
        except ServiceProblem as problem:
            if problem.status != NOT_FOUND or (before is None and self._ids is not None):
                raise
            if before is not None:
                self._put({**before, "state": "deleted"})

    def _put(self, run: Run) -> None:
        """Take a run as it was just read, and tell what is new about it."""
        before = self.runs.get(run["id"])
        self.runs[run["id"]] = run
        if before is None:
            # Of one that came while all are watched everything is told: it may be over by the time it is read.
            self._told_epoch[run["id"]] = 0 if self._looks else _last_epoch(run)
        self._tell_epochs(run)
        if before is None or before["state"] != run["state"]:
            self._view.tell("state", run, {"run": run["id"]})

    def _tell_epochs(self, run: Run) -> None:
        """Tell the epochs that are done and were not told: a run that is read anew may be far ahead of its events."""
        told, last = self._told_epoch[run["id"]], _last_epoch(run)
        self._told_epoch[run["id"]] = last  # lower after a rewind
        if last <= told or run["state"] == "deleted":
            return
        series = self._client.points(run["id"])["series"]
        values = {name: dict(zip(one["epochs"], one["values"], strict=True)) for name, one in series.items()}
        for epoch in range(told + 1, last + 1):
            metrics = {name: found[epoch] for name, found in values.items() if epoch in found}
            self._view.tell("epoch", run, {"run": run["id"], "epoch": epoch, "metrics": metrics})

    def _concerns(self, kind: str, data: dict[str, Any]) -> bool:
        if data.get("run") in self.runs:
            return self.runs[data["run"]]["state"] in ON_THE_WAY
        return self._ids is None and kind == "state"

    def _take(self, kind: str, data: dict[str, Any]) -> None:
        run = self.runs.get(data["run"])
        if run is None or kind in ("state", "rewind"):
            self._read(data["run"])
            run = self.runs.get(data["run"])
        if run is None or kind == "state":
            return
        if kind == "progress" and data != run["progress"]:
            run["progress"] = data
        elif kind == "epoch" and data["epoch"] > self._told_epoch[run["id"]]:
            self._told_epoch[run["id"]] = data["epoch"]
            run["last"] = {"epoch": data["epoch"], "metrics": data["metrics"]}
        elif kind != "rewind":
            return
        self._view.tell(kind, run, data)

    def _is_over(self) -> bool:
        return all(run["state"] not in ON_THE_WAY for run in self.runs.values())


def _last_epoch(run: Run) -> int:
    return run["last"]["epoch"] if run["last"] else 0
