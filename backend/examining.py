"""Examining a run: its evidence read from the store, and what the rules find in it.

The same for a page that asks of one run, for the thread that keeps findings for lists, and for a comparison.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.reading import LEARNING
from backend.analysis.findings.registry import RULES, findings_of
from backend.contract import RunState
from backend.evidence_of_run import evidence_of, expected_seconds
from backend.readiness import GENERATED, Images
from backend.store import attempts, calibrations, datasets, points, predictions, runs
from backend.store.findings import Found
from backend.stored_spec import whole_spec
from backend.version import VERSION

SEVERITIES = ("sick", "note")

NAMES = (*(name for name, rule in RULES.items() if rule.find), "sick", "note", "any")
"""What runs may be listed by: the rules that read one run, the gravest first; a severity; or anything at all."""

READ = [*LEARNING, "epoch_seconds"]
"""The metrics that rules read."""


def rules_version() -> str:
    """Return what changes when the rules may find something else: runs are then examined anew."""
    told = "\n".join(f"{rule.name} {rule.severity} {rule.threshold}" for rule in RULES.values())
    return hashlib.sha256(f"{VERSION}\n{told}".encode()).hexdigest()


def read_evidence(session: Session, run_id: int, *, name: str | None = None) -> Evidence:
    """Return what rules may read of a run, called as it is, or by another name.

    Raises:
        NotFound: there is none, or it was deleted.
    """
    run = runs.get(session, run_id).run
    facts, begun_after = attempts.last_described(session, run_id) or ({}, 0)
    spec = whole_spec(run.spec)
    return evidence_of(
        name=name or run.name,
        state=RunState(run.state),
        spec=spec,
        series=points.read(session, run_id, READ),
        tested=predictions.read_all(session, run_id),
        facts=facts,
        begun_after=begun_after,
        expected_seconds=_expected(session, spec, facts),
    )


def examine(session: Session, run_id: int) -> list[Finding]:
    """Return what the rules find of a run by its numbers so far.

    Raises:
        NotFound: there is none, or it was deleted.
    """
    return findings_of(read_evidence(session, run_id))


def in_short(findings: Sequence[Finding]) -> list[Found]:
    """Return findings as they are kept for lists."""
    return [Found(one.rule, one.severity, one.epoch) for one in findings]


def marks(found: Sequence[Found]) -> list[dict[str, Any]]:
    """Return what lists show of findings that were kept, the gravest first."""
    order = list(RULES)
    known = [one for one in found if one.rule in RULES]  # not those of another version
    return [
        {"rule": one.rule, "title": RULES[one.rule].title, "severity": one.severity, "epoch": one.epoch}
        for one in sorted(known, key=lambda one: (one.severity != "sick", order.index(one.rule)))
    ]


def asked(name: str) -> dict[str, str]:
    """Return one of NAMES as what `backend.store.findings.is_of` is asked for."""
    if name == "any":
        return {}
    return {"severity" if name in SEVERITIES else "rule": name}


def _expected(session: Session, spec: Mapping[str, Any], facts: Mapping[str, Any]) -> float | None:
    key = facts.get("device_key")
    if key is None:  # nobody told on what kind of device it was trained
        return None
    calibration = calibrations.find(session, key)
    images = _images(session, spec["dataset"]["name"], facts.get("data_hash"))
    return expected_seconds(spec, images, facts, calibration)


def _images(session: Session, name: str, digest: str | None) -> Images | None:
    """Return the sizes of the images that a run was trained on; None where they are not known."""
    if name in GENERATED:
        return GENERATED[name]
    row = datasets.find(session, name, digest)
    return row and Images(row.pixels, len(row.classes), row.train_count, row.test_count)
