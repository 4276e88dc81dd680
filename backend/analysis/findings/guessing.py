"""Which accuracies are no better than guessing: how well an answer that ignores the image does on this test set."""

import math

from backend.analysis.chance import is_blank
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.reading import value_at

TIMES = 1.5
"""Times the share that guessing gets right: below it, 15% for ten classes, a network knows nothing."""

SHARE_OF_THE_WAY = 1 / 18
"""Of the way from guessing to perfect. Both limits are 15% for ten classes; this one keeps that of two at 53%, where
1.5 times the share would be 75%, which is not nothing."""

DEVIATIONS = 3
"""Standard deviations of a guesser over the images of a small test set that count as luck. `chance_limit` takes 1.645,
which one epoch in twenty exceeds: too often for a streak of epochs."""


def guess_share(evidence: Evidence) -> float:
    """Return how often the best constant answer is right: the share of the most frequent class, 1/C where equal."""
    return min(1.0, max(1 / evidence.classes, evidence.largest_class or 0.0))


def guess_limit(evidence: Evidence) -> float:
    """Return the accuracy below which a network may as well be guessing.

    Source: the normal approximation to the binomial distribution, p + 3 sqrt(p (1 - p) / n), where n is known and small.
    """
    share = guess_share(evidence)
    limit = min(TIMES * share, share + SHARE_OF_THE_WAY * (1 - share))
    if evidence.test_images and evidence.test_images > 0:
        limit = max(limit, share + DEVIATIONS * math.sqrt(share * (1 - share) / evidence.test_images))
    return limit


def has_learned(evidence: Evidence, epoch: int) -> bool:
    """Say whether the training accuracy of an epoch shows that something was learned, whatever the tests say.

    What is tested may lag behind: an average of the weights, or batch norm's statistics.
    """
    accuracy = value_at(evidence, "train_acc", epoch)
    return accuracy is not None and accuracy >= guess_limit(evidence)


def is_guessing(evidence: Evidence, epoch: int, loss: float, accuracy: float) -> bool:
    """Say whether loss and accuracies of an epoch are those of a network that knows nothing."""
    return (
        is_blank(loss, evidence.classes)
        and accuracy < guess_limit(evidence)
        and not has_learned(evidence, epoch)
    )
