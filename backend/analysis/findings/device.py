"""Whether a run is slower than its device should be."""

import math

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding

TIMES_EXPECTED = 1.5
"""Times the expected time of an epoch: estimates by a calibration are about right, not exact."""

LEAST_LOST = 1.0
"""Seconds of an epoch beyond what is expected, below which nobody waits for them: of epochs of a blink estimates are rough."""


def slow(evidence: Evidence) -> Finding | None:
    """Say that epochs take far longer than the calibration of the device says."""
    seconds, expected = evidence.seconds_per_epoch, evidence.expected_seconds_per_epoch
    if seconds is None or expected is None or not evidence.epochs_done:
        return None
    if not (math.isfinite(seconds) and math.isfinite(expected) and expected > 0):
        return None
    if seconds <= TIMES_EXPECTED * expected or seconds - expected < LEAST_LOST:
        return None
    return Finding(
        "slow",
        "note",
        1,
        evidence.epochs_done,
        {"seconds": seconds, "expected_seconds": expected, "times": seconds / expected},
        f"An epoch takes {seconds:.3g} s, {seconds / expected:.1f} times the {expected:.3g} s that the calibration of its "
        "device says.",
        "Look at what else runs on the machine, and at whether its processors keep up with loading images.",
    )
