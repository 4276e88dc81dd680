"""Sick runs, each with the fault that was put in."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tests.simulated.described import Simulated, chance_of, evidence, run, spec_of
from tests.simulated.images import Data, Part, clouds
from tests.simulated.training import Settings, trained

ONE_CLASS = frozenset({"collapsed"})
NOTHING = frozenset({"knows_nothing"})
DEAD = -50.0
"""A bias at which no ReLU ever opens."""


def sick() -> Iterator[Simulated]:
    yield from knowing_nothing()
    yield from collapsed()
    yield from softmax_twice()
    yield from diverged()
    yield from overfitted()
    yield from identical()


def knowing_nothing() -> Iterator[Simulated]:
    for classes, epochs, start in ((10, 12, 1.0), (100, 8, 0.0), (2, 30, 1.0)):
        name = f"learning rate 0, {classes} classes"
        chance = chance_of(name)
        fault = Settings(epochs, rate=0.0, start=start)
        # All logits are 0 from a start at 0: the first class is every answer.
        also = ONE_CLASS if start == 0 else frozenset()
        # In many dimensions a random start is right about as often as chance, also where there are two classes.
        data = clouds(chance, classes, dimensions=64, apart=1.0)
        yield Simulated(name, run(data, fault, chance), "knows_nothing", also)
    for classes, epochs in ((10, 20), (2, 10)):
        name = f"labels of other images, {classes} classes"
        chance = chance_of(name)
        data = unrelated(chance, clouds(chance, classes, dimensions=6, train=3000, test=1000))
        yield Simulated(name, run(data, Settings(epochs, 0.05, batch=100), chance), "knows_nothing")
    name = "all images are black, 100 classes"
    chance = chance_of(name)
    data = clouds(chance, 100, train=1000)
    black = replace(data, train=blackened(data.train), test=blackened(data.test))
    yield Simulated(name, run(black, Settings(10, 0.1), chance), "knows_nothing", ONE_CLASS)


def collapsed() -> Iterator[Simulated]:
    for classes, epochs, shares in (
        (10, 15, None),
        (10, 25, (0.4, *[0.6 / 9] * 9)),
        (2, 10, (0.1, 0.9)),
    ):
        name = f"dead ReLUs, {classes} classes{', unequal ones' if shares else ''}"
        chance = chance_of(name)
        data = clouds(chance, classes, shares=shares)
        dead = Settings(epochs, 0.1, hidden=(24,), hidden_bias=DEAD)
        yield Simulated(name, run(data, dead, chance), "collapsed", NOTHING)
    name = "a rate far too high from epoch 8 on kills all ReLUs"
    chance = chance_of(name)
    jump = Settings(20, lambda epoch: 0.1 if epoch < 8 else 40.0 if epoch == 8 else 0.1, hidden=(24, 24))
    yield Simulated(name, run(clouds(chance, 10), jump, chance), "collapsed", NOTHING | {"diverged"})
    name = "one output far ahead at the start, and a rate too small to catch up"
    chance = chance_of(name)
    ahead = Settings(12, 0.002, output_bias=(0, 0, 30, 0, 0, 0, 0, 0, 0, 0))
    yield Simulated(name, run(clouds(chance, 10), ahead, chance), "collapsed", NOTHING)
    name = "sorted data cut short: one class is all that it trains on"
    chance = chance_of(name)
    data = clouds(chance, 10, train=2000)
    first = data.train.labels == 0
    alone = Part(data.train.points[first], data.train.labels[first])
    cut = replace(data, train=lifted(alone), test=lifted(data.test))
    # It learns that one by heart, and the loss of all others rises.
    yield Simulated(name, run(cut, Settings(15, 0.1), chance), "collapsed", NOTHING | {"overfitting"})


def softmax_twice() -> Iterator[Simulated]:
    for what, classes, apart, wrong, rate, epochs in (
        ("easy", 10, 10.0, 0.0, 1.0, 15),
        ("some labels wrong", 10, 10.0, 0.15, 5.0, 20),
        ("easy", 2, 20.0, 0.0, 5.0, 10),
        ("overlapping", 2, 10.0, 0.1, 20.0, 20),
        ("most classes never found", 100, 20.0, 0.0, 20.0, 15),
    ):
        name = f"softmax twice, {classes} classes, {what}"
        chance = chance_of(name)
        data = clouds(chance, classes, apart=apart, wrong_labels=wrong, train=1000, dimensions=24)
        settings = Settings(epochs, rate, twice=True, start=0.0)
        yield Simulated(name, run(data, settings, chance), "doubled_softmax")
    name = "softmax twice on features that look alike: one class wins in the first steps"
    chance = chance_of(name)
    data = clouds(chance, 10, apart=3.0)
    alike = replace(data, train=lifted(data.train), test=lifted(data.test))
    settings = Settings(10, 5.0, twice=True)
    yield Simulated(name, run(alike, settings, chance), "doubled_softmax", ONE_CLASS | NOTHING)


def diverged() -> Iterator[Simulated]:
    lost = ONE_CLASS | NOTHING  # of weights that are no numbers the first class is every answer
    for name, classes, settings in (
        ("rate 1000, two hidden layers", 10, Settings(10, 1000.0, hidden=(32, 32))),
        (
            "warm-up that goes on after the edge of stability",
            10,
            Settings(24, lambda epoch: 0.02 * 2.2**epoch, hidden=(32, 32), momentum=0.9),
        ),
        ("softmax that overflows on pixels from 0 to 255", 10, Settings(15, 0.5, naive=True)),
        (
            "softmax that overflows once its logits have grown",
            10,
            Settings(14, lambda epoch: 0.1 * 1.6**epoch, naive=True),
        ),
        ("up the gradient instead of down, 10 classes", 10, Settings(12, -0.02)),
        ("up the gradient instead of down, 2 classes", 2, Settings(30, -0.01, hidden=(16,))),
    ):
        chance = chance_of(name)
        data = clouds(chance, classes, apart=8.0, wrong_labels=0.1)
        if "pixels" in name:
            data = replace(data, train=as_bytes(data.train), test=as_bytes(data.test))
        yield Simulated(name, run(data, settings, chance), "diverged", lost)


def overfitted() -> Iterator[Simulated]:
    for name, settings, data in (
        (
            "100 images in 200 dimensions, 30% wrong labels",
            Settings(60, 0.05, batch=20),
            {"classes": 10, "dimensions": 200, "train": 100, "wrong_labels": 0.3},
        ),
        (
            "80 images of two classes, 20% wrong labels, a hidden layer",
            Settings(60, 0.1, batch=20, hidden=(32,), momentum=0.9),
            {"classes": 2, "dimensions": 40, "train": 80, "wrong_labels": 0.2, "apart": 2.0},
        ),
        (
            "300 images of 100 classes by heart",
            Settings(40, 0.1, batch=20, hidden=(32,), momentum=0.9),
            {"classes": 100, "dimensions": 64, "train": 300},
        ),
        (
            "small and validated, nobody stops it",
            Settings(50, 0.1, batch=20, hidden=(32,)),
            {"classes": 10, "dimensions": 64, "train": 150, "validation": 150, "wrong_labels": 0.2},
        ),
        (
            "small and of unequal classes",
            Settings(50, 0.1, batch=20, hidden=(32,), momentum=0.9),
            {"classes": 2, "dimensions": 64, "train": 120, "shares": (0.7, 0.3), "apart": 1.5},
        ),
    ):
        chance = chance_of(name)
        yield Simulated(name, run(clouds(chance, **data), settings, chance), "overfitting")


def identical() -> Iterator[Simulated]:
    for name, knob, one, other, decimals in (
        ("a momentum that nothing reads", "optimizer", {"momentum": 0.0}, {"momentum": 0.9}, None),
        ("a column copied, three decimals", "dataset", {"image_size": 32}, {"image_size": 64}, 3),
    ):
        chance = chance_of(name)
        data, settings = clouds(chance, 10), Settings(12, 0.05)
        found = trained(chance, data, settings)
        names = [f"{name}: {which}" for which in ("first", "second")]
        for own, twin, value in zip(names, reversed(names), (one, other), strict=True):
            made = evidence(data, settings, found, spec={knob: {**spec_of(settings)[knob], **value}})
            if decimals is not None:
                made = replace(
                    made,
                    series={
                        metric: [round(number, decimals) for number in values]
                        for metric, values in found.series.items()
                    },
                    predicted={},
                )
            yield Simulated(own, made, "identical", twin=twin)


def unrelated(chance: np.random.Generator, data: Data) -> Data:
    """Give every point the label of another one."""
    parts = (Part(part.points, chance.permutation(part.labels)) for part in (data.train, data.test))
    return Data(data.classes, *parts)


def blackened(part: Part) -> Part:
    return Part(np.zeros_like(part.points), part.labels)


def lifted(part: Part) -> Part:
    """Move all points far from 0 in one direction, as features after a ReLU are."""
    return Part(part.points + np.float32(10), part.labels)


def as_bytes(part: Part) -> Part:
    """Scale points as pixels are that nobody divided by 255."""
    return Part(np.clip(40 * part.points + 128, 0, 255).astype(np.float32), part.labels)
