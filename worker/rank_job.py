"""What the processes of one training are told to train, and how each of them says that it ended."""

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backend.errors import RunyardError
from backend.spec import parse_spec
from worker.engine.checkpoint import BrokenCheckpoint, CheckpointPointer
from worker.engine.data import open_dataset
from worker.engine.device import is_out_of_memory
from worker.engine.disk import NoRoom, is_out_of_room
from worker.engine.group import Group
from worker.engine.recorder import Recorder
from worker.engine.train import TrainOptions, train
from worker.engine.weights import StartingWeights
from worker.rank_messages import Message

ENDED = "ended"
BROKEN_CHECKPOINT = "broken checkpoint"
REFUSED = "refused"
NO_ROOM = "no room"
FAILED = "failed"
ENDINGS = (ENDED, BROKEN_CHECKPOINT, REFUSED, NO_ROOM, FAILED)
"""Kinds of messages after which a process waits for a further job."""


@dataclass(frozen=True)
class Job:
    """The arguments of the engine's `train`, with paths in place of what is opened."""

    spec: dict[str, Any]
    dataset: Path
    runs: Path
    attempt: int
    resume: CheckpointPointer | None
    weights: StartingWeights | None
    features: Path
    device: str
    checkpoint_seconds: float
    features_bytes: int
    threads: int
    """Of all processes together; 0: torch's choice."""
    within_epoch_seconds: float = TrainOptions.within_epoch_seconds

    def to_json(self) -> dict[str, Any]:
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in {
                **vars(self),
                "resume": self.resume and self.resume.to_json(),
                "weights": self.weights and {**asdict(self.weights), "path": str(self.weights.path)},
            }.items()
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Job":
        weights, resume = value["weights"], value["resume"]
        return cls(
            **{
                **value,
                **{name: Path(value[name]) for name in ("dataset", "runs", "features")},
                "resume": resume and CheckpointPointer.from_json(resume),
                "weights": weights and StartingWeights(**{**weights, "path": Path(weights["path"])}),
            }
        )


def trained(job: Job, recorder: Recorder, join: Callable[[], Group], threads: int) -> Message:
    """Train, as one of the processes of the group that `join` returns; return how that ended, whatever went wrong."""
    try:
        outcome = train(
            parse_spec(job.spec),
            open_dataset(job.dataset),
            recorder,
            folder=job.runs,
            attempt=job.attempt,
            resume=job.resume,
            weights=job.weights,
            features_folder=job.features,
            options=TrainOptions(
                device=job.device,
                checkpoint_seconds=job.checkpoint_seconds,
                within_epoch_seconds=job.within_epoch_seconds,
                threads=threads,
                features_bytes=job.features_bytes,
                group=join(),
            ),
        )
    except NoRoom as problem:
        return Message(NO_ROOM, {"text": str(problem)})
    except BrokenCheckpoint as problem:
        return Message(BROKEN_CHECKPOINT, {"text": str(problem)})
    except RunyardError as problem:
        return Message(REFUSED, {"text": str(problem)})
    except Exception as problem:  # noqa: BLE001 - the process that tells the verdict is another one: it hears of all
        if is_out_of_room(problem):
            return Message(NO_ROOM, {"text": f"A disk of this worker is full ({problem})."})
        return Message(
            FAILED,
            {
                "text": f"{type(problem).__name__}: {problem}",
                "traceback": traceback.format_exc(),
                "out_of_memory": is_out_of_memory(problem),
            },
        )
    return Message(ENDED, {"outcome": outcome.value})
