"""What the rules find between the runs of a comparison: curves that repeat each other, data and versions that differ.

Not every curve is read for it: two that repeat each other begin with the very same numbers, which hardly any do.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.analysis.findings.alike import FEWEST_EPOCHS, identical_curves
from backend.analysis.findings.conditions import FACTS, data_or_versions_differ
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.reading import LEARNING
from backend.analysis.findings.registry import RULES, in_order
from backend.api.compare_reading import Comparison
from backend.api.findings import storable
from backend.api.wire import BetweenWire
from backend.contract import RunState
from backend.evidence_of_run import evidence_of
from backend.store import between_runs, points
from backend.store.points import Series
from backend.store.recipes import RunFacts

MOST_READ = 60
"""Runs whose whole curves are read. Where more repeat each other, these are told: each is enough to look for the fault."""


def findings_between(session: Session, found: Comparison) -> list[BetweenWire]:
    """Return what the rules find between the runs of a comparison, the sick ones first; nothing of a single run."""
    if len(found.wanted) < 2:
        return []
    facts = between_runs.told(session, found.wanted, tuple(FACTS))
    suspects = _suspects(session, found)
    curves = points.read_many(session, suspects, LEARNING) if suspects else {}
    evidence = {
        run_id: _evidence(*one, curves.get(run_id, {}), facts.get(run_id, {}))
        for run_id, one in _by_run(found).items()
    }
    alike = identical_curves([evidence[run_id] for run_id in suspects])
    other = data_or_versions_differ([evidence[run_id] for run_id in found.wanted])
    # Each is of places among the runs that its rule was shown.
    shown = {id(one): runs for said, runs in ((alike, suspects), (other, found.wanted)) for one in said}
    return [_wire(one, shown[id(one)]) for one in in_order([*alike, *other])]


def _by_run(found: Comparison) -> dict[int, tuple[RunFacts, Mapping[str, Any], str]]:
    """Return each run with the spec of its recipe, and what that is called."""
    return {
        run.id: (run, one.spec, called)
        for one, called in zip(found.compared, found.called, strict=True)
        for run in one.facts
    }


def _evidence(
    run: RunFacts,
    spec: Mapping[str, Any],
    called: str,
    series: Mapping[str, Series],
    facts: Mapping[str, Any],
) -> Evidence:
    return evidence_of(
        name=f"run {run.id} ({called})",
        state=RunState(run.state),
        spec={**spec, "seed": run.seed},
        series=series,
        tested=(),
        facts=facts,
    )


def _suspects(session: Session, found: Comparison) -> list[int]:
    """Return the runs that begin with the very same numbers as one of another recipe, the first that were asked for."""
    recipe_of = {run.id: run.recipe_id for one in found.compared for run in one.facts}
    begun = between_runs.first_epochs(session, found.wanted, ["train_loss"], FEWEST_EPOCHS)
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for run_id in found.wanted:
        series = begun.get(run_id, {}).get("train_loss")
        if series is not None and len(series.epochs) == FEWEST_EPOCHS:
            # Equal ones that are no numbers, too: their names stand beside them.
            alike[(*series.values, *series.nonfinite.items())].append(run_id)
    groups = [group for group in alike.values() if len({recipe_of[run_id] for run_id in group}) > 1]
    return sorted({run_id for group in groups for run_id in group}, key=found.wanted.index)[:MOST_READ]


def _wire(finding: Finding, runs: Sequence[int]) -> BetweenWire:
    rule = RULES[finding.rule]
    return BetweenWire(
        rule=finding.rule,
        title=rule.title,
        severity=finding.severity,
        meaning=rule.meaning,
        runs=[runs[place] for place in finding.runs],
        evidence=storable(finding.evidence),
        sentence=finding.sentence[:1].upper() + finding.sentence[1:],  # it may begin with "run 3"
        advice=finding.advice,
    )
