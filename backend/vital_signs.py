"""Whether the service is alive, and whether it can serve: from what its own threads last did.

Nobody is asked anything for it: so it is answered at once, whatever hangs, and as often as anybody likes. It must not
know HTTP.
"""

from dataclasses import dataclass
from threading import Thread

from backend.loops import Pulse
from backend.store.proof import StoreProof

RECENT_SECONDS = 10.0
"""What goes round every second or sooner, and did not for so long, hangs."""


@dataclass(frozen=True)
class Part:
    """A thread of the service. `does` completes a sentence."""

    does: str
    thread: Thread
    pulse: Pulse

    @property
    def has_ended(self) -> bool:
        return self.thread.ident is not None and not self.thread.is_alive()


@dataclass(frozen=True)
class VitalSigns:
    proof: StoreProof
    reconciler: Part
    stream: Part
    examiner: Part
    """What it keeps may be late: its silence keeps nobody from being served."""

    def ended(self) -> list[str]:
        """Return a sentence for each thread that has ended, which none does before the service."""
        return [
            f"The thread that {part.does} has ended: restart the service."
            for part in (self.reconciler, self.stream, self.examiner)
            if part.has_ended
        ]

    def faults(self) -> list[str]:
        """Return a sentence for each thing that keeps the service from serving; none where it can."""
        return [*self.ended(), *(self._of_database() or self._of_threads())]

    def _of_database(self) -> list[str]:
        if self.proof.fault is not None:
            return [self.proof.fault]
        age = self.proof.pulse.age()
        if age is None:
            return ["The service is starting: it has not yet reached its database."]
        # It is proved every few seconds by a thread that waits for its answer.
        hangs = age > RECENT_SECONDS and not self.reconciler.has_ended
        return [f"The database has given no answer for {age:.0f} s."] if hangs else []

    def _of_threads(self) -> list[str]:
        return [
            _silence(part)
            for part in (self.reconciler, self.stream)
            if _is_silent(part) and not part.has_ended
        ]


def _is_silent(part: Part) -> bool:
    age = part.pulse.age()
    return age is None or age > RECENT_SECONDS


def _silence(part: Part) -> str:
    age = part.pulse.age()
    since = "has not gone round yet" if age is None else f"has not gone round for {age:.0f} s"
    return f"The thread that {part.does} {since}."
