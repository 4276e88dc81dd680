"""Healthy runs, many of them such as look sick at first sight."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from backend.analysis.findings.evidence import Evidence
from tests.simulated.described import Simulated, chance_of, evidence, run
from tests.simulated.images import clouds
from tests.simulated.training import Settings, trained

PLATEAU = frozenset({"plateau"})
IMPROVING = frozenset({"still_improving"})
SLOW = frozenset({"slow_device"})


def healthy() -> Iterator[Simulated]:
    yield from plain()
    yield from hard()
    yield from odd_curves()
    yield from odd_records()
    yield from with_notes()


def plain() -> Iterator[Simulated]:
    yield simple("easy, 10 classes", Settings(20, 0.1), classes=10)
    yield simple(
        "a hidden layer, with validation", Settings(25, 0.05, hidden=(32,)), classes=10, validation=200
    )
    yield simple("easy, 2 classes", Settings(8, 0.1), classes=2)
    yield simple("100 classes", Settings(30, 0.5), classes=100, train=2000, apart=6.0)
    yield simple("all right, to the last digit", Settings(60, 1.0, momentum=0.9), classes=10, apart=20.0)
    yield simple("one epoch only", Settings(1, 0.1), classes=10)
    yield simple("one epoch only, 100 classes", Settings(1, 0.1), classes=100, train=2000, apart=6.0)


def hard() -> Iterator[Simulated]:
    many: dict[str, Any] = {"train": 4000, "test": 1500}
    yield simple("hard, 10 classes", Settings(15, 0.02, batch=100), classes=10, apart=1.0, **many)
    yield simple("hard, 100 classes", Settings(15, 0.05, batch=100), classes=100, apart=2.0, **many)
    yield simple("hard, 2 classes", Settings(12, 0.02, batch=100), classes=2, apart=0.3, **many)
    yield simple(
        "40% of the labels wrong", Settings(20, 0.02, batch=100), classes=10, wrong_labels=0.4, **many
    )
    yield simple(
        "two classes of 97 and 3%", Settings(20, 0.1), classes=2, shares=(0.97, 0.03), apart=4.0, **many
    )
    yield simple(
        "few images by heart and most of the others right",
        Settings(40, 0.05, weight_decay=0.02),
        classes=10,
        train=100,
        dimensions=100,
        apart=4.0,
    )


def odd_curves() -> Iterator[Simulated]:
    yield simple(
        "noisy: small batches and a high rate", Settings(15, 0.3, batch=4), classes=10, train=900, test=200
    )
    yield simple("label smoothing 0.4", Settings(25, 0.2, smoothing=0.4), classes=10, apart=8.0)
    yield simple("label smoothing 0.9", Settings(25, 0.2, smoothing=0.9), classes=10, apart=8.0)
    yield simple(
        "at chance in its first epoch",
        Settings(15, lambda epoch: 1e-5 if epoch == 1 else 0.2, start=0.1),
        classes=10,
    )
    yield simple(
        "a bump: one epoch at a rate that is too high",
        Settings(25, lambda epoch: 8.0 if epoch == 9 else 0.1),
        classes=10,
    )
    yield simple(
        "a bump: one epoch with shuffled labels",
        Settings(25, 0.1, hidden=(32,), shuffled_epochs=(12,)),
        classes=10,
    )
    yield simple(
        "noise on training images: training accuracy under that of the test",
        Settings(20, 0.05, input_noise=1.5),
        classes=10,
        apart=5.0,
    )
    yield simple(
        "stopped early by validation",
        Settings(60, 0.3, hidden=(32,), patience=4, weight_decay=0.003),
        classes=10,
        train=1500,
        validation=300,
        apart=4.0,
    )
    yield simple("20 test images", Settings(20, 0.1), classes=10, test=20)
    yield continued()


def continued() -> Simulated:
    name = "on from a trained checkpoint, with smaller batches"
    chance = chance_of(name)
    data = clouds(chance, 10, apart=9.0, train=1000)
    before = trained(chance, data, Settings(25, 0.2))
    settings = Settings(10, 0.05, batch=5)
    return Simulated(name, evidence(data, settings, trained(chance, data, settings, before.weights)))


def odd_records() -> Iterator[Simulated]:
    name = "three decimals, gaps, and no test loss, as in print"
    found = simple(name, Settings(10, 0.05), classes=10, apart=4.0)
    yield replace(found, evidence=as_printed(found.evidence))
    yield simple(
        "under way, after 2 of 30 epochs, both of them on the plateau",
        Settings(2, 0.05, hidden=(16, 16), start=0.3),
        facts={"ended": False, "epochs_planned": 30},
        classes=10,
    )
    yield simple(
        "under way, after 3 of 40 epochs of warm-up, 100 classes",
        Settings(3, lambda epoch: 0.01 * epoch, start=0.5),
        facts={"ended": False, "epochs_planned": 40},
        classes=100,
        train=2000,
        apart=4.0,
    )
    name = "the same recipe and seed twice"
    chance = chance_of(name)
    data, settings = clouds(chance, 10), Settings(14, 0.07)
    again = trained(chance, data, settings)
    names = [f"{name}: {which}" for which in ("first", "second")]
    for own, twin in zip(names, reversed(names), strict=True):
        yield Simulated(own, evidence(data, settings, again), twin=twin)


def with_notes() -> Iterator[Simulated]:
    for classes, epochs, start, rate in ((10, 45, 0.7, 0.1), (2, 40, 0.45, 0.03)):
        yield simple(
            f"a plateau from a small start, then learning, {classes} classes",
            Settings(epochs, rate, hidden=(24, 24, 24), start=start),
            PLATEAU | IMPROVING,
            classes=classes,
            apart=4.0,
        )
    yield simple("stopped long before it was done", Settings(5, 0.01), IMPROVING, classes=10)
    yield simple(
        "stopped long before it was done, 100 classes",
        Settings(6, 0.05),
        IMPROVING,
        classes=100,
        train=2000,
        apart=5.0,
    )
    for name, taken, expected in (("a throttled GPU", 41.0, 9.5), ("data from a slow disk", 300.0, 100.0)):
        yield simple(
            name,
            Settings(15, 0.1),
            SLOW,
            {"seconds_per_epoch": taken, "expected_seconds_per_epoch": expected},
            classes=10,
        )
    yield simple(
        "as fast as expected, give or take",
        Settings(15, 0.1),
        facts={"seconds_per_epoch": 10.4, "expected_seconds_per_epoch": 9.8},
        classes=10,
    )


def simple(
    name: str,
    settings: Settings,
    notes: frozenset[str] = frozenset(),
    facts: dict[str, Any] | None = None,
    **data: Any,
) -> Simulated:
    chance = chance_of(name)
    return Simulated(name, run(clouds(chance, **data), settings, chance, **(facts or {})), notes=notes)


def as_printed(evidence: Evidence) -> Evidence:
    """Keep what a printed table has: training loss, both accuracies, three decimals, and cells that nobody can read."""
    series: dict[str, list[float | None]] = {
        metric: [None if value is None else round(value, 3) for value in evidence.series[metric]]
        for metric in ("train_loss", "train_acc", "test_acc")
    }
    series["train_acc"][2] = series["test_acc"][4] = series["train_loss"][7] = None
    return replace(evidence, series=series, predicted={}, test_images=None, largest_class=None, spec={})
