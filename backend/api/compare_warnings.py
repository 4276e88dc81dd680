"""What a comparison leaves out or takes for granted, in sentences."""

from collections.abc import Iterator, Sequence

from backend.analysis.numerals import counted, listed
from backend.api.compared import LOST, Compared
from backend.contract import RunState
from backend.store.comparing import Choice
from backend.store.recipes import RunFacts


def warnings(
    compared: Sequence[Compared], called: Sequence[str], *, thinned: bool, value: Choice = "last"
) -> list[str]:
    """Return sentences on the runs that do not count and on what the intervals do not cover; [] mostly."""
    return [
        *_by_state([run for one in compared for run in one.facts]),
        *(
            sentence
            for one, label in zip(compared, called, strict=True)
            for sentence in _of_recipe(one, label)
        ),
        *_of_choice(compared, called, value),
        *(
            ["Long curves are thinned: each stretch is drawn by its lowest and its highest value."]
            if thinned
            else []
        ),
    ]


def _of_choice(compared: Sequence[Compared], called: Sequence[str], value: Choice) -> Iterator[str]:
    if value == "best":
        yield "The best epoch was picked by the test images that it is measured on: these values flatter every recipe."
    if value == "validation":
        without = [
            label
            for one, label in zip(compared, called, strict=True)
            if not one.accuracy.counted and any(run.state == RunState.COMPLETED for run in one.facts)
        ]
        if without:
            yield (
                f"{listed(without)} {'has' if len(without) == 1 else 'have'} no validation accuracy, as no training images "
                "were kept back (dataset.validation): no epoch is the best on validation."
            )


def _by_state(runs: Sequence[RunFacts]) -> Iterator[str]:
    lost = [run.id for run in runs if run.state in LOST]
    if lost:
        ended = "has not completed: it is" if len(lost) == 1 else "have not completed: they are"
        yield f"{_named(lost)} {ended} drawn and not counted."
    waiting = [run.id for run in runs if run.state not in LOST and run.state != RunState.COMPLETED]
    if waiting:
        yield f"{counted(len(waiting), 'run')} of {len(runs)} {_is(waiting)} on the way and will count once completed."


def _of_recipe(one: Compared, label: str) -> Iterator[str]:
    completed = {run.id: run.seed for run in one.facts if run.state == RunState.COMPLETED}
    kept = {outcome.seed: outcome.run for outcome in one.accuracy.counted}
    older = [run for run, seed in completed.items() if kept.get(seed, run) != run]
    inherited = one.accuracy.same_parent
    if older:
        yield f"{_named(older)} of {label} {_repeat(older)} a seed that counts once, by its newest run."
    if one.accuracy.left_out:
        left = one.accuracy.left_out
        yield f"{_named(left)} of {label} {_was(left)} tested on other images than the newest run, and not counted."
    if inherited:
        yield (
            f"{_named(inherited)} of {label} {_start(inherited)} from the parent of a run that counts, and {_is(inherited)} "
            "not counted: children of one parent share its luck."
        )


def _named(runs: Sequence[int]) -> str:
    return f"{'Run' if len(runs) == 1 else 'Runs'} {listed([str(run) for run in sorted(runs)])}"


def _is(runs: Sequence[int]) -> str:
    return "is" if len(runs) == 1 else "are"


def _start(runs: Sequence[int]) -> str:
    return "starts" if len(runs) == 1 else "start"


def _was(runs: Sequence[int]) -> str:
    return "was" if len(runs) == 1 else "were"


def _repeat(runs: Sequence[int]) -> str:
    return "repeats" if len(runs) == 1 else "repeat"
