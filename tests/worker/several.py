"""Run as a script: `several.py CASES RESULTS`. Trains each case in several processes, as a worker's training does.

In a process of its own, which has used nothing of torch: only such a one can be forked. Cases and results are JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch  # noqa: F401 - as the fork server has

from backend.errors import RunyardError
from worker.engine.recorder import MemoryRecorder
from worker.rank_job import Job
from worker.ranks import RankFailed, RankLost, Ranks


def trained(case: dict[str, Any]) -> dict[str, Any]:
    """Train until the end, or until so many checkpoints are recorded; again from there, if the case says so."""
    ranks = Ranks(case["count"])
    try:
        return _trained_by(ranks, case)
    finally:
        ranks.close()


def _trained_by(ranks: Ranks, case: dict[str, Any]) -> dict[str, Any]:
    recorder, most = MemoryRecorder(), case.get("stop_after_checkpoints")
    outcome, error = None, None
    try:
        wants_stop = lambda: most is not None and len(recorder.checkpoints) >= most  # noqa: E731
        outcome = ranks.train(Job.from_json(case["job"]), recorder, wants_stop).value
    except (RunyardError, RankFailed, RankLost) as problem:
        error = f"{type(problem).__name__}: {problem}"
    return {
        "outcome": outcome,
        "error": error,
        "epochs": [
            {
                "metrics": one.metrics,
                "predictions": one.predictions and one.predictions.hex(),
                "mistakes": one.mistakes and [one.mistakes.images, sorted(one.mistakes.pictures)],
            }
            for one in recorder.epochs
        ],
        "checkpoints": [one.to_json() for one in recorder.checkpoints],
        "lines": recorder.lines,
        "facts": recorder.facts,
        "losses": recorder.step_series("step_loss") if recorder.chunks else [],
    }


if __name__ == "__main__":
    results = [trained(case) for case in json.loads(Path(sys.argv[1]).read_text())]
    Path(sys.argv[2]).write_text(json.dumps(results))
