"""The machines that a launch would be trained on, as far as its estimates need to know them: no SQL, no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.contract import DeviceKind
from backend.estimates.speeds import ROUGH_CPU, Speeds


@dataclass(frozen=True)
class Machine:
    """A worker's device: its name for people, how fast it is, its memory where the worker has told it; and how many it holds."""

    name: str
    speeds: Speeds
    memory_bytes: int | None = None
    devices: int = 1

    @property
    def kind(self) -> DeviceKind:
        return self.speeds.kind


NOBODY = Machine("a CPU with two cores (no worker is here)", ROUGH_CPU)
"""What is assumed where no worker was heard of."""


def assumed(machines: Sequence[Machine]) -> Sequence[Machine]:
    """Return those that an estimate is for: the GPUs where there are any, else the processors; one at least."""
    gpus = [machine for machine in machines if machine.kind == "cuda"]
    return gpus or machines or [NOBODY]


def in_words(machines: Sequence[Machine]) -> str:
    """Return the device that an estimate is for; `machines` are of one kind."""
    first = machines[0]
    if first is NOBODY:
        return first.name
    if first.speeds.measured:
        return first.name
    return "one GPU" if first.kind == "cuda" else "a CPU with two cores"
