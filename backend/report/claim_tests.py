"""Whether two experiments of a report differ: of the two trained models, and of their recipes over seeds. Never mixed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from backend.analysis.between_recipes import ALPHA, BetweenRecipes, between_recipes
from backend.analysis.holm import family_size, holm
from backend.analysis.intervals import FEWEST_SEEDS
from backend.analysis.more_seeds import MoreSeeds, more_seeds
from backend.analysis.numerals import counted, signed
from backend.analysis.paired_models import PairedModels, paired_encoded, smallest_difference
from backend.catalog.presets import Planned
from backend.catalog.reports import Claim, ComparisonPart
from backend.report.material import Material
from backend.report.seeds import seeds_to_add
from backend.store.reports import StoredRun

Pair = tuple[str, str]
"""The presets of the better and of the worse one, as a claim names them."""


@dataclass(frozen=True)
class ClaimTests:
    """Both tests of every comparison of a report; those between recipes are corrected together by Holm."""

    between: dict[Pair, BetweenRecipes]
    corrected: dict[Pair, float]
    family: int


def claim_tests(material: Material) -> ClaimTests:
    """Test the recipes of every claim of the report: each pair once, however many sentences speak of it."""
    pairs = dict.fromkeys((claim.better, claim.worse) for claim in _claims(material))
    between = {pair: found for pair in pairs if (found := _between(pair, material)) is not None}
    decided = [pair for pair, found in between.items() if found.may_decide]
    values = [_p_of(between[pair]) for pair in decided]
    corrected = {pair: p for pair, p in zip(decided, holm(values), strict=True) if p is not None}
    return ClaimTests(between, corrected, family_size(values))


def tests_wire(claim: Claim, tests: ClaimTests, material: Material) -> dict[str, Any]:
    """Return what both tests say of a claim's two experiments, and the seeds that would settle it."""
    pair = claim.better, claim.worse
    sides = [material.plan.cells[name] for name in pair]
    return {
        "models": _models(sides, material),
        "recipes": _recipes(tests.between.get(pair), tests.corrected.get(pair), tests.family),
        "more": _more(sides, material, tests.family),
    }


def _claims(material: Material) -> list[Claim]:
    return [
        claim
        for section in material.report.sections
        for part in section.parts
        if isinstance(part, ComparisonPart)
        for claim in part.items
    ]


def _between(pair: Pair, material: Material) -> BetweenRecipes | None:
    first, second = (material.replicates_of(material.plan.cells[name]).endings("test_acc") for name in pair)
    return between_recipes(first, second) if first and second else None


def _p_of(found: BetweenRecipes) -> float:
    assert found.welch is not None
    return found.welch.p


def _models(sides: Sequence[Planned], material: Material) -> dict[str, Any]:
    """Return McNemar's exact test of the two runs that are shown; `table` is None where it cannot be made."""
    runs = [material.run_of(side) for side in sides]
    first, second = (_last_predictions(run) for run in runs)
    if first is None or second is None or runs[0] is None or runs[1] is None:
        return _untested("No test of the two models: the last predictions of both are needed.")
    if first.test_set != second.test_set:
        return _untested("No test of the two models: they were tested on different images.")
    found = paired_encoded(first.labels, first.classes, second.classes, len(first.names))
    return {
        "text": _models_text(found, runs[0].id, runs[1].id),
        "p": found.p,
        "table": {
            "both_right": found.both_right,
            "only_first": len(found.only_first),
            "only_second": len(found.only_second),
            "both_wrong": found.both_wrong,
        },
    }


def _untested(text: str) -> dict[str, Any]:
    return {"text": text, "p": None, "table": None}


def _last_predictions(run: StoredRun | None):
    """Return the predictions of the last epoch of a run; None where those are not stored."""
    told = run.predicted if run else None
    return told if run and told and told.epoch == run.epoch else None


def _models_text(found: PairedModels, first: int, second: int) -> str:
    alone = f"{len(found.only_first):,} that run {first} alone got right, {len(found.only_second):,} run {second} alone"
    least = smallest_difference(found.disagreements, found.images)
    can_show = (
        "; so few disagreements can show no difference"
        if least is None
        else f"; the smallest difference that they can show is {100 * least:.2f} points"
    )
    verdict = "they differ" if found.p < ALPHA else "these two models cannot be told apart"
    return (
        f"Of {counted(found.images, 'test image')}, {alone}: {p_text(found.p)} by McNemar's exact test, {verdict}"
        f"{can_show}."
    )


def _recipes(found: BetweenRecipes | None, corrected: float | None, family: int) -> dict[str, Any]:
    """Return Welch's test over seeds, which decides, and the paired difference, which informs."""
    if found is None:
        return {"text": "No test of the recipes: a completed run of each is needed.", "p": None, "n": None}
    wire = {"p": corrected, "n": list(found.n)}
    if corrected is None or found.welch is None:
        told = found.told or _not_decided(found)
        return {"text": f"{told} There are {found.n[0]} and {found.n[1]}.", **wire}
    verdict = "the recipes differ" if corrected < ALPHA else "the recipes cannot be told apart"
    together = f", corrected by Holm for the {family} comparisons of this report" if family > 1 else ""
    low, high = (signed(100 * edge, 1) for edge in (found.welch.interval.low, found.welch.interval.high))
    return {
        "text": (
            f"Over {found.n[0]} and {found.n[1]} seeds the difference is {signed(100 * found.difference, 1)} points (95% "
            f"interval {low} to {high}): {p_text(corrected)} by Welch's t-test{together}; {verdict}.{_paired_text(found)}"
        ),
        **wire,
    }


def _not_decided(found: BetweenRecipes) -> str:
    if min(found.n) < FEWEST_SEEDS:
        return f"No judgement of the recipes: {FEWEST_SEEDS} seeds of each are needed."
    return "No judgement of the recipes: all seeds of one end alike, which says nothing of chance."


def _paired_text(found: BetweenRecipes) -> str:
    paired = found.paired
    if paired is None or paired.test is None:
        return ""
    return (
        f" At the {counted(len(paired.seeds), 'seed')} that both have it is {signed(100 * paired.difference, 1)} points on "
        f"average ({p_text(paired.test.p)}, paired; it informs, and does not decide)."
    )


def _more(sides: Sequence[Planned], material: Material, family: int) -> dict[str, Any]:
    """Return how many further seeds would settle it, and the launches that bring them; what is on its way is not asked twice."""
    endings = [list(material.replicates_of(side).endings("test_acc").values()) for side in sides]
    found: MoreSeeds = more_seeds(endings[0], endings[1], family=family)
    wanted = partial(_wanted_seeds, found)
    launches = [
        launch
        for side, values in zip(sides, endings, strict=True)
        if (launch := seeds_to_add(side, material, wanted(len(values)))) is not None
    ]
    return {"kind": found.kind, "further": found.further, "text": found.text, "launches": launches}


def _wanted_seeds(found: MoreSeeds, n: int) -> int:
    """Return how many seeds a recipe with `n` of them should have: three at least, as without them nothing decides."""
    return max(FEWEST_SEEDS, n + (found.further or 0))


def p_text(p: float) -> str:
    """Return "p < 0.001" or "p = 0.034"."""
    assert not math.isnan(p)
    return "p < 0.001" if p < 0.001 else f"p = {p:.3g}"
