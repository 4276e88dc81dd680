"""What holds of the rules whatever the numbers are."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.reading import LEARNING
from backend.analysis.findings.registry import RULES, between, findings_of
from tests.backend.evidences import SPEC, spec

NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.floats(0, 5),
    st.floats(0, 1),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 0.1, 1.0, 2.3026, 2.3612, 1e308, -1e308, 5e-324]),
)
SPECS = st.sampled_from(
    [
        {},
        SPEC,
        spec(loss={"label_smoothing": 0.1}),
        spec(dataset={"augment": "mixup"}),
        spec(loss={"name": "cross_entropy_of_probabilities"}),
        spec(schedule={"warmup_epochs": 2.0}),
        spec(optimizer={"name": "adam", "lr": 1e-6}),
        {"optimizer": None, "loss": 3},
    ]
)


def with_counts(classes: int) -> st.SearchStrategy[dict[int, list[int]]]:
    counts = st.lists(st.integers(0, 10_000), min_size=classes, max_size=classes)
    return st.dictionaries(st.integers(1, 14), counts, max_size=4) if classes <= 10 else st.just({})


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    classes = draw(st.sampled_from([1, 2, 3, 10, 100, 1000]))
    return Evidence(
        classes,
        draw(st.integers(1, 20)),
        draw(st.dictionaries(st.sampled_from(LEARNING), st.lists(NUMBERS, max_size=12), max_size=6)),
        predicted=draw(with_counts(classes)),
        test_images=draw(st.sampled_from([None, 0, 1, 100, 10_000])),
        largest_class=draw(st.sampled_from([None, 0.1, 0.5, 0.96, 1.0])),
        ended=draw(st.booleans()),
        spec=draw(SPECS),
        seconds_per_epoch=draw(NUMBERS),
        expected_seconds_per_epoch=draw(NUMBERS),
        facts=draw(st.sampled_from([{}, {"torch": "2.6.0"}, {"torch": "2.7.0", "data_hash": "a"}])),
    )


@settings(max_examples=150, deadline=None)
@given(evidences())
def test_no_rule_fails_on_any_series_and_each_names_epochs_of_the_run(run: Evidence) -> None:
    for rule in RULES.values():
        one = rule.find(run) if rule.find else None
        if one:
            assert one.rule == rule.name
            assert one.severity == rule.severity
            assert 1 <= one.epoch <= one.until <= run.epochs_done
            assert one.sentence.endswith(".")
            assert one.advice


@settings(max_examples=80, deadline=None)
@given(evidences())
def test_an_explained_finding_is_never_said_beside_its_cause_and_the_sick_come_first(run: Evidence) -> None:
    said = findings_of(run)
    names = [one.rule for one in said]
    assert all(not set(RULES[name].explains) & set(names) for name in names)
    assert [one.severity for one in said] == sorted((one.severity for one in said), reverse=True)


@settings(max_examples=80, deadline=None)
@given(st.lists(evidences(), max_size=4))
def test_rules_over_several_fail_on_none_and_name_places_among_them(runs: list[Evidence]) -> None:
    for one in between(runs):
        assert set(one.runs) <= set(range(len(runs)))
        assert one.severity == RULES[one.rule].severity


@settings(max_examples=50, deadline=None)
@given(evidences())
def test_a_run_beside_itself_is_never_accused(run: Evidence) -> None:
    if run.spec:
        assert [one for one in between([run, run]) if one.severity == "sick"] == []


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(0.4, 0.9), min_size=1, max_size=12),
    st.sampled_from([2, 3, 10, 100]),
)
def test_an_honest_curve_that_only_gets_better_is_never_sick(accuracies: list[float], classes: int) -> None:
    """Its loss is that of a network whose confidence is its accuracy; tests agree with training."""
    accuracies = sorted(max(accuracy, 0.4 + 0.6 / classes) for accuracy in accuracies)
    losses = [-a * math.log(a) - (1 - a) * math.log((1 - a) / (classes - 1)) for a in accuracies]
    series = {"train_loss": losses, "train_acc": accuracies, "test_loss": losses, "test_acc": accuracies}
    found = findings_of(Evidence(classes, len(losses), series, test_images=1000))
    assert [one.rule for one in found if one.severity == "sick"] == []
