"""What cross-entropy of probabilities (softmax applied twice) can and cannot reach.

A probability lies in [0, 1]. Taken for logits of C classes, the best that they can be is 1 for the true class
and 0 for all others, and the worst the reverse.
"""

import math

SATURATED_PROBABILITY = 0.99
"""A softmax that gives one class so much counts as saturated."""

CERTAIN_TOLERANCE = 0.02
"""Nats that loss + accuracy may be off ln(e + C - 1) where answers are certain: of the published tables, 3.1 keeps
within it from its second epoch on, 1.1 to 2.2 never come nearer than 0.045."""


def lowest_loss(classes: int) -> float:
    """Return ln(e + C - 1) - 1, the loss of a certain and right answer: 1.4612 for ten classes."""
    return highest_loss(classes) - 1


def highest_loss(classes: int) -> float:
    """Return ln(e + C - 1), the loss of a certain and wrong answer: 2.4612 for ten classes."""
    return math.log(math.e + classes - 1)


def saturated_loss(classes: int, accuracy: float) -> float:
    """Return the loss of answers that are all certain, so many of them right: ln(e + C - 1) - accuracy."""
    return highest_loss(classes) - accuracy


def is_saturated(classes: int, loss: float, accuracy: float) -> bool:
    """Say whether a loss is that of answers that are all certain, so many of them right."""
    return abs(loss - saturated_loss(classes, accuracy)) <= CERTAIN_TOLERANCE


def first_gradient(classes: int) -> float:
    """Return the size of the gradient on the logit of an image's own class while all probabilities are 1/C.

    With p and q both uniform, dL/dz_y = p_y (q_y - 1) = -(1 - 1/C)/C: 0.09 for ten classes.
    """
    return (1 - 1 / classes) / classes


def first_step(classes: int, lr: float, mean_square_norm: float) -> float:
    """Return about how far one step of SGD moves a logit at the start, at most, in nats.

    A class has 1/C of a balanced batch, each image a gradient of `first_gradient`, and images that look alike
    to the layer (as features after a ReLU do) push together: lr ||x||^2 (1 - 1/C) / C^2. An upper bound: where
    images of other classes look alike too, they push back.
    """
    return lr * mean_square_norm * first_gradient(classes) / classes


def saturating_lead(classes: int) -> float:
    """Return the lead of one logit over all others that saturates a softmax: 6.8 for ten classes.

    There are two classes at least.
    """
    assert classes > 1, classes
    return math.log(SATURATED_PROBABILITY / (1 - SATURATED_PROBABILITY) * (classes - 1))
