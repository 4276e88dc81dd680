"""Whether curves of two recipes repeat each other to the last digit."""

import math
from collections.abc import Sequence
from itertools import combinations

from backend.analysis.differences import differences
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.reading import LEARNING, planned, planned_number

FEWEST_EPOCHS = 2
FEWEST_VALUES = 6
"""Equal numbers, with no unequal one, below which a repetition may be luck."""

FEWEST_DISTINCT = 4
"""Different values among them: curves that stand still may agree by rights."""

WITHOUT_EFFECT = (
    "epochs",
    "early_stopping",
    "eval_batch_size",
    "gradient_clip",
    "precision",
    "compile",
    "deterministic",
    "devices",
    "step_series",
    "dataset.train_limit",
    "dataset.test_limit",
    "model.weights.rule",
    "model.weights.seed",
    "features.weights.rule",
    "features.weights.seed",
)
"""Fields that may rightly change no number: how long, how, or a limit that is never reached."""


def identical_curves(runs: Sequence[Evidence]) -> list[Finding]:
    """Say of each run which earlier one, of another recipe, it repeats to the last digit."""
    found: dict[int, Finding] = {}
    for (one, first), (other, second) in combinations(enumerate(runs), 2):
        if other in found or not _begin_alike(first, second):
            continue
        shared = _repeated(first, second)
        if shared and not is_same_training(first, second):
            found[other] = _repetition(runs, one, other, shared)
    return list(found.values())


def is_same_training(one: Evidence, other: Evidence) -> bool:
    """Say whether two runs may rightly have the same numbers: no field of their specs differs that should change any.

    Seeds are not of a recipe. Two without a spec, as published tables are, count as two recipes.
    """
    if not one.spec or not other.spec:
        return False
    paths = [field.path for field in differences([one.spec, other.spec])]
    return all(_is_without_effect(path, one, other) for path in paths)


def _is_without_effect(path: str, one: Evidence, other: Evidence) -> bool:
    if path.startswith("schedule."):
        return _has_not_stepped(one) and _has_not_stepped(other)
    return any(path == field or path.startswith(f"{field}.") for field in WITHOUT_EFFECT)


def _has_not_stepped(evidence: Evidence) -> bool:
    """Whether the learning rate was constant for as long as the run went."""
    name, every = planned(evidence, "schedule.name"), planned_number(evidence, "schedule.step_epochs")
    if planned_number(evidence, "schedule.warmup_epochs"):
        return False
    return name in (None, "constant") or (name == "step" and (every or 0) >= evidence.epochs_done)


def _begin_alike(one: Evidence, other: Evidence) -> bool:
    """Whether no first value differs: quickly asked of all pairs of many runs."""
    return all(
        not mine or not theirs or _same(mine[0], theirs[0])
        for mine, theirs in ((one.series.get(name), other.series.get(name)) for name in LEARNING)
    )


def _repeated(one: Evidence, other: Evidence) -> list[tuple[int, str, float]]:
    """Return the numbers that two runs share, in epochs that both have; none where one differs, or too few say much."""
    shared: list[tuple[int, str, float]] = []
    for name in LEARNING:
        pairs = zip(one.series.get(name, ()), other.series.get(name, ()), strict=False)
        for epoch, (mine, theirs) in enumerate(pairs, start=1):
            if not _same(mine, theirs):
                return []
            if mine is not None and math.isfinite(mine):
                shared.append((epoch, name, mine))
    epochs = {epoch for epoch, _, _ in shared}
    distinct = {(name, value) for _, name, value in shared}
    moves = len(distinct) > len({name for name, _ in distinct})
    enough = (
        len(epochs) >= FEWEST_EPOCHS and len(shared) >= FEWEST_VALUES and len(distinct) >= FEWEST_DISTINCT
    )
    return shared if enough and moves else []


def _same(mine: float | None, theirs: float | None) -> bool:
    """NaN is the same as NaN here, and a gap as a gap."""
    if mine is None or theirs is None:
        return mine is theirs
    return mine == theirs or (math.isnan(mine) and math.isnan(theirs))


def _repetition(
    runs: Sequence[Evidence], one: int, other: int, shared: list[tuple[int, str, float]]
) -> Finding:
    first, last = min(epoch for epoch, _, _ in shared), max(epoch for epoch, _, _ in shared)
    names = [runs[place].name or f"run {place + 1}" for place in (one, other)]
    return Finding(
        "identical-curves",
        "sick",
        first,
        last,
        {"values": len(shared), "first": names[0], "second": names[1]},
        f"{names[1]} repeats {names[0]} to the last digit, all {len(shared)} numbers of epochs {first} to {last}, though they "
        "are two recipes: a copying error, or a setting that nothing reads.",
        "Look at what differs between the two recipes, and run one of them again.",
        None,
        (one, other),
    )
