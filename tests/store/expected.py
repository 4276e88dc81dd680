"""What a run must be by what the store has answered so far: the memory of a walk, which knows no SQL.

It follows only what an owner was allowed to write. How states follow from one another is not repeated here.
"""

from dataclasses import dataclass, field
from typing import Any

from backend.store import pointers
from backend.store.attempts import Claimed


@dataclass
class Expected:
    """One run. `holder` is the one claim whose reports must be accepted; every other one must be refused."""

    run_id: int
    attempt: int = 0
    losses: int = 0
    holder: Claimed | None = None
    lease_until: float = 0.0
    checkpoint: dict[str, Any] | None = None
    points: dict[int, float] = field(default_factory=dict)
    is_fresh: bool = False
    """Whether its holder has trained nothing yet: only then it may leave its checkpoint for an earlier one."""

    def claimed(self, claimed: Claimed, lease_until: float) -> None:
        self.attempt += 1
        self.holder, self.lease_until, self.is_fresh = claimed, lease_until, True
        self._rewind()

    def reported(self, epoch: int, value: float, checkpoint: dict[str, Any] | None) -> None:
        self.points[epoch] = value
        self.is_fresh = False
        if checkpoint is not None:
            self.kept(checkpoint)

    def kept(self, checkpoint: dict[str, Any]) -> None:
        self.checkpoint, self.losses, self.is_fresh = checkpoint, 0, False

    def stepped_back(self, earlier: dict[str, Any] | None) -> None:
        self.checkpoint = earlier
        self._rewind()

    def ended(self) -> None:
        self.holder = None

    def lost(self) -> None:
        self.holder = None
        self.losses += 1

    def put_back(self, *, from_the_start: bool) -> None:
        self.losses = 0
        if from_the_start:
            self.checkpoint = None
            self.points.clear()

    def _rewind(self) -> None:
        last = pointers.place(self.checkpoint).epoch
        self.points = {epoch: value for epoch, value in self.points.items() if epoch <= last}
