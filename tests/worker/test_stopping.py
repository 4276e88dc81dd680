import math

from backend.spec import EarlyStoppingSpec
from worker.engine.stopping import EarlyStopping


def ended_after(values: list[float], **spec: object) -> int | None:
    """Return the epoch after which it is over."""
    stopping = EarlyStopping(EarlyStoppingSpec.model_validate({"patience": 2, **spec}))
    for epoch, value in enumerate(values, start=1):
        stopping.observe(epoch, {str(spec.get("metric", "val_loss")): value})
        if stopping.is_over:
            return epoch
    return None


def test_it_is_over_after_as_many_epochs_without_a_better_value_as_its_patience() -> None:
    assert ended_after([3, 2, 2, 2, 1]) == 4
    assert ended_after([3, 2, 2.1, 1.9, 2, 2]) == 6
    assert ended_after([3, 2, 1]) is None


def test_a_higher_accuracy_is_better() -> None:
    assert ended_after([0.1, 0.2, 0.2, 0.1], metric="val_acc") == 4
    assert ended_after([0.1, 0.2, 0.3], metric="val_acc") is None


def test_what_gets_better_by_no_more_than_the_least_difference_counts_as_waiting() -> None:
    assert ended_after([1.0, 0.95, 0.9], min_delta=0.1) == 3
    assert ended_after([1.0, 0.89, 0.78], min_delta=0.1) is None


def test_a_value_that_is_no_number_is_never_better() -> None:
    assert ended_after([math.nan, math.nan]) == 2
    assert ended_after([math.inf, math.nan, 3, 2]) is None


def test_without_patience_it_is_never_over() -> None:
    assert ended_after([1, 2, 3, 4, 5], patience=None) is None


def test_put_back_from_its_state_it_goes_on_waiting() -> None:
    spec = EarlyStoppingSpec(patience=3)
    first, second = EarlyStopping(spec), EarlyStopping(spec)
    for epoch, value in enumerate([1.0, 2.0, 2.0], start=1):
        first.observe(epoch, {"val_loss": value})
    second.load(first.state())
    second.observe(4, {"val_loss": 1.5})
    assert second.is_over
    assert second.reason() == "stopped early: val_loss was best in epoch 1: 1, and not better for 3 epochs"


def test_one_that_never_saw_a_number_says_so() -> None:
    stopping = EarlyStopping(EarlyStoppingSpec(patience=1))
    stopping.observe(1, {"val_loss": math.nan})
    assert stopping.reason() == "stopped early: val_loss has never been a number, and not better for 1 epoch"


def test_a_better_value_starts_the_count_again() -> None:
    assert ended_after([3, 4, 2, 4, 4]) == 5
