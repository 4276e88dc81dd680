"""What the rules find of a run: GET /api/runs/{id}/findings, read from its stored numbers whenever it is asked for."""

import math
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from backend.analysis.findings.finding import Finding, Severity
from backend.analysis.findings.registry import RULES, findings_of
from backend.api.deps import DatabaseDep, RunId
from backend.api.problems import RESPONSES
from backend.api.wire import Wire, whole_spec
from backend.contract import RunState
from backend.evidence_of_run import evidence_of
from backend.store import attempts, points, predictions, runs

router = APIRouter(prefix="/api/runs", tags=["findings"], responses=RESPONSES)


class FindingWire(Wire):
    """`evidence` are the numbers that the rule went by; one that is none is its name. `change` are fields of the spec."""

    rule: str
    title: str
    severity: Severity
    meaning: str
    epoch: int
    until: int
    evidence: dict[str, Any]
    sentence: str
    advice: str
    change: dict[str, Any] | None


class FindingsWire(Wire):
    """The sick ones come first. Empty where nothing is worth a word, or too little is known yet."""

    findings: list[FindingWire]


@router.get("/{run_id}/findings")
def get_findings(run_id: RunId, database: DatabaseDep) -> FindingsWire:
    """Return what is wrong with a run, and what is worth a note, by its numbers so far."""
    with database.read() as session:
        run = runs.get(session, run_id).run
        evidence = evidence_of(
            name=run.name,
            state=RunState(run.state),
            spec=whole_spec(run.spec),
            series=points.read(session, run_id),
            tested=predictions.read_all(session, run_id),
            facts=attempts.last_told(session, run_id),
        )
    return FindingsWire(findings=[_wire(one) for one in findings_of(evidence)])


def _wire(finding: Finding) -> FindingWire:
    rule = RULES[finding.rule]
    return FindingWire(
        rule=finding.rule,
        title=rule.title,
        severity=finding.severity,
        meaning=rule.meaning,
        epoch=finding.epoch,
        until=finding.until,
        evidence=_storable(finding.evidence),
        sentence=finding.sentence,
        advice=finding.advice,
        change=None if finding.change is None else dict(finding.change),
    )


def _storable(value: Any) -> Any:
    """Return evidence without what JSON has no number for: a loss that is none is what some rules are about."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return value
