"""The rules on real trainings: softmax regressions on clusters of points, with softmax applied once and twice."""

from itertools import product

import numpy as np
import pytest

from backend.analysis.findings.evidence import Evidence
from tests.backend.evidences import sick

IMAGES, INPUTS, EPOCHS, BATCH = 1000, 20, 12, 50


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


class Regression:
    """`twice` gives the loss probabilities; `smoothing` spreads the targets, in training alone."""

    def __init__(self, classes: int, rate: float, *, twice: bool = False, smoothing: float = 0.0) -> None:
        self.classes, self.rate, self.twice, self.smoothing = classes, rate, twice, smoothing
        self.weights = np.zeros((INPUTS, classes))

    def evaluate(self, points: np.ndarray, labels: np.ndarray, smoothing: float) -> tuple[float, float]:
        probabilities = softmax(points @ self.weights)
        right = float((probabilities.argmax(axis=1) == labels).mean())
        told = softmax(probabilities) if self.twice else probabilities
        return float(-(self.targets(labels, smoothing) * np.log(told + 1e-12)).sum(axis=1).mean()), right

    def targets(self, labels: np.ndarray, smoothing: float) -> np.ndarray:
        return (1 - smoothing) * np.eye(self.classes)[labels] + smoothing / self.classes

    def learn(self, points: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        seen = self.evaluate(points, labels, self.smoothing)
        probabilities, wanted = softmax(points @ self.weights), self.targets(labels, self.smoothing)
        gradient = probabilities - wanted
        if self.twice:
            outer = softmax(probabilities) - wanted
            gradient = probabilities * (outer - (outer * probabilities).sum(axis=1, keepdims=True))
        self.weights -= self.rate * points.T @ gradient / len(labels)
        return seen


def trained(regression: Regression, noise: float, seed: int) -> Evidence:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(regression.classes, INPUTS))
    labels, tested = (random.integers(0, regression.classes, IMAGES) for _ in range(2))
    points, others = (centres[one] + noise * random.normal(size=(IMAGES, INPUTS)) for one in (labels, tested))
    series: dict[str, list[float]] = {
        name: [] for name in ("train_loss", "train_acc", "test_loss", "test_acc")
    }
    for _ in range(EPOCHS):
        order = random.permutation(IMAGES).reshape(-1, BATCH)
        told = np.mean([regression.learn(points[part], labels[part]) for part in order], axis=0)
        for name, value in zip(series, [*told, *regression.evaluate(others, tested, 0.0)], strict=True):
            series[name].append(float(value))
    spec = {"loss": {"label_smoothing": regression.smoothing}} if regression.smoothing else {}
    return Evidence(regression.classes, EPOCHS, series, test_images=IMAGES, spec=spec)


@pytest.mark.parametrize(
    ("classes", "rate", "noise", "smoothing"),
    list(product((2, 10, 30), (0.003, 0.03, 0.3), (0.3, 1.0, 2.0), (0.0, 0.1, 0.4))),
)
def test_no_honest_regression_is_accused_of_softmax_twice_or_of_knowing_nothing(
    classes: int, rate: float, noise: float, smoothing: float
) -> None:
    run = trained(Regression(classes, rate, smoothing=smoothing), noise, seed=1)
    assert set(sick(run)) <= {"over-fitting"}


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("noise", [0.1, 0.3])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_regression_that_is_certain_under_softmax_twice_is_found(
    classes: int, noise: float, seed: int
) -> None:
    assert sick(trained(Regression(classes, 10.0, twice=True), noise, seed)) == ["softmax-twice"]
