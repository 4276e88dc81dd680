"""What the rules find of a run: GET /api/runs/{id}/findings, read from its stored numbers whenever it is asked for."""

import math
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from backend.analysis.findings.finding import Finding, Severity
from backend.analysis.findings.registry import RULES
from backend.api.deps import DatabaseDep, RunId
from backend.api.problems import RESPONSES
from backend.api.wire import Wire
from backend.examining import examine

router = APIRouter(prefix="/api", tags=["findings"], responses=RESPONSES)


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


class RuleWire(Wire):
    """A rule, in words. `of_one_run`: it reads one run, and runs can be listed by it; else it compares several."""

    name: str
    title: str
    severity: Severity
    meaning: str
    threshold: str
    source: str
    of_one_run: bool


class RulesWire(Wire):
    rules: list[RuleWire]


@router.get("/findings/rules")
async def get_rules() -> RulesWire:
    """Return every rule, the gravest first."""
    return RulesWire(
        rules=[
            RuleWire(
                name=rule.name,
                title=rule.title,
                severity=rule.severity,
                meaning=rule.meaning,
                threshold=rule.threshold,
                source=rule.source,
                of_one_run=rule.find is not None,
            )
            for rule in RULES.values()
        ]
    )


@router.get("/runs/{run_id}/findings")
def get_findings(run_id: RunId, database: DatabaseDep) -> FindingsWire:
    """Return what is wrong with a run, and what is worth a note, by its numbers so far."""
    with database.read() as session:
        found = examine(session, run_id)
    return FindingsWire(findings=[finding_wire(one) for one in found])


def finding_wire(finding: Finding) -> FindingWire:
    rule = RULES[finding.rule]
    return FindingWire(
        rule=finding.rule,
        title=rule.title,
        severity=finding.severity,
        meaning=rule.meaning,
        epoch=finding.epoch,
        until=finding.until,
        evidence=storable(finding.evidence),
        sentence=finding.sentence,
        advice=finding.advice,
        change=None if finding.change is None else dict(finding.change),
    )


def storable(value: Any) -> Any:
    """Return evidence without what JSON has no number for: a loss that is none is what some rules are about."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value
