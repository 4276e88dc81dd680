"""What a process that trains for another tells of its training, handed on to the recorder that keeps it."""

import numpy as np

from worker.engine.checkpoint import CheckpointPointer
from worker.engine.mistakes import Mistakes
from worker.engine.recorder import Recorder
from worker.rank_messages import Message


def hand_on(message: Message, recorder: Recorder) -> bool:
    """Do what the message asks for; return whether its sender waits to hear that it is stored."""
    values, parts = message.values, message.parts
    match message.kind:
        case "log":
            recorder.log(values["text"])
        case "environment":
            recorder.environment(values["facts"])
        case "progress":
            recorder.progress(**values)
        case "preparing":
            recorder.preparing(**values)
        case "beat":
            recorder.should_stop()
        case "test_set":
            recorder.test_set(values["digest"], values["classes"], parts[0])
        case "steps":
            columns = [np.frombuffer(part, "<f8") for part in parts]
            recorder.steps(values["first_step"], dict(zip(values["names"], columns, strict=True)))
        case "checkpoint":
            recorder.checkpoint(CheckpointPointer.from_json(values))
        case "epoch":
            _hand_on_epoch(message, recorder)
        case other:
            raise AssertionError(other)
    return message.kind in ("checkpoint", "epoch")


def _hand_on_epoch(message: Message, recorder: Recorder) -> None:
    values, parts = message.values, list(message.parts)
    checkpoint, mistakes = values["checkpoint"], values["mistakes"]
    predictions = parts.pop(0) if values["has_predictions"] else None
    recorder.epoch(
        values["epoch"],
        values["metrics"],
        checkpoint and CheckpointPointer.from_json(checkpoint),
        predictions,
        mistakes
        and Mistakes(
            mistakes["images"],
            mistakes["probabilities"],
            dict(zip(mistakes["pictures"], parts, strict=True)),
        ),
    )
