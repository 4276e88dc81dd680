"""The rules judged by runs that were simulated without looking at them: who is found, and who is accused wrongly."""

from collections.abc import Iterator

import pytest

from backend.analysis.findings.registry import between, findings_of
from tests.simulated.described import Simulated
from tests.simulated.runs import corpus

NAMED = {
    "knows_nothing": {"knows-nothing", "worse-than-guessing"},
    "collapsed": {"collapsed"},
    "doubled_softmax": {"softmax-twice"},
    "diverged": {"diverged", "not-a-number"},
    "overfitting": {"over-fitting"},
    "identical": {"identical-curves"},
}
"""By sickness: the rules whose finding says it."""

NOTES = {"plateau": "plateau-then-escape", "still_improving": "still-improving", "slow_device": "slow"}


@pytest.fixture(scope="module")
def accused() -> dict[str, set[str]]:
    """By name of a run: the rules that call it sick, alone or beside its twin."""
    return {run.name: set(_accusations(run)) for run in corpus()}


def _accusations(run: Simulated) -> Iterator[str]:
    yield from (one.rule for one in findings_of(run.evidence) if one.severity == "sick")
    beside = [
        other.evidence for other in corpus() if run.name in (other.name, other.twin) or other.name == run.twin
    ]
    yield from (one.rule for one in between(beside) if one.severity == "sick")


def _right(run: Simulated) -> set[str]:
    """Return the rules that may call a run sick."""
    return {rule for sickness in {run.sick, *run.also} - {None} for rule in NAMED[sickness]}


def test_every_sick_run_is_found_and_no_healthy_one_accused_of_more_than_a_note(
    accused: dict[str, set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    sick = [run for run in corpus() if run.sick]
    healthy = [run for run in corpus() if not run.sick]
    missed = [run.name for run in sick if not accused[run.name] & _right(run)]
    wronged = {run.name: accused[run.name] for run in healthy if accused[run.name]}
    besides = {run.name: more for run in sick if (more := accused[run.name] - _right(run))}
    with capsys.disabled():
        print(  # noqa: T201 -- the counts that the rules are judged by
            f"\nfindings: {len(sick) - len(missed)} of {len(sick)} sick runs found, "
            f"{len(wronged)} of {len(healthy)} healthy ones accused"
        )
    assert missed == []
    assert wronged == {}
    assert besides == {}, "something else was said of a sick run than what is wrong with it"


def test_what_is_worth_a_note_is_noted() -> None:
    for run in corpus():
        noted = {one.rule for one in findings_of(run.evidence)}
        assert not run.notes or noted & {NOTES[note] for note in run.notes}, run.name
