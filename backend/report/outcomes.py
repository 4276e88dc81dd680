"""What became of a training, judged by its last epoch: it collapsed, it still knows nothing, or neither."""

from collections import Counter
from dataclasses import dataclass

from backend.analysis.chance import MostPredicted, at_chance, is_blank, most_predicted
from backend.analysis.confusion import decoded, largest_share
from backend.analysis.doubled_softmax import is_saturated
from backend.launching import Images
from backend.store.reports import StoredRun


@dataclass(frozen=True)
class Outcome:
    """`guess` is the accuracy that guessing has on average at best, the share of the most frequent true class.

    `most` is None where the last epoch's predictions are not stored.
    """

    classes: int
    images: int
    guess: float
    loss: float | None
    train_accuracy: float | None
    accuracy: float | None
    most: MostPredicted | None

    @property
    def knows_nothing(self) -> bool:
        """The training loss still is that of guessing. A network that has hardly begun may answer one class too."""
        return self.classes > 1 and self.loss is not None and is_blank(self.loss, self.classes)

    @property
    def collapsed(self) -> bool:
        """It has learned to answer one class."""
        one_class = self.most is not None and self.most.is_nearly_all
        return self.classes > 1 and one_class and not self.knows_nothing

    @property
    def at_chance(self) -> bool:
        """Guessing would do as well; with one class there is nothing to guess."""
        if self.classes < 2 or self.accuracy is None:
            return False
        return at_chance(self.accuracy, self.guess, self.images)

    @property
    def is_saturated(self) -> bool:
        """The training loss is that of certain answers under softmax applied twice: more steps change nothing."""
        if self.loss is None or self.train_accuracy is None:
            return False
        return is_saturated(self.classes, self.loss, self.train_accuracy)


def outcome(run: StoredRun, images: Images | None, test_images: int | None) -> Outcome | None:
    """Return what became of a run; None where neither predictions nor the data set tell what it was tested on."""
    facts = _tested_on(run, images, test_images)
    if facts is None:
        return None
    loss, train_accuracy, accuracy = (
        run.value(name, run.epoch) for name in ("train_loss", "train_acc", "test_acc")
    )
    return Outcome(*facts, loss, train_accuracy, accuracy, _most(run))


def _tested_on(
    run: StoredRun, images: Images | None, test_images: int | None
) -> tuple[int, int, float] | None:
    """Return the number of classes and of test images, and what guessing has on average."""
    if run.predicted is None:
        return (images.classes, test_images, 1 / images.classes) if images and test_images else None
    classes = len(run.predicted.names)
    truth = Counter(decoded(run.predicted.labels, classes))
    found = largest_share(truth)
    return (classes, truth.total(), found[1]) if found else None


def _most(run: StoredRun) -> MostPredicted | None:
    if run.predicted is None or run.predicted.epoch != run.epoch:
        return None
    return most_predicted(run.predicted.classes, run.predicted.names)
