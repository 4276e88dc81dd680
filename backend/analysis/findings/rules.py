"""All rules, as data: what each is called, how grave it is, what it means, what it goes by, and where that comes from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.analysis.findings.alike import identical_curves
from backend.analysis.findings.collapse import collapsed
from backend.analysis.findings.conditions import data_or_versions_differ
from backend.analysis.findings.device import slow
from backend.analysis.findings.divergence import diverged, not_a_number
from backend.analysis.findings.doubling import softmax_twice
from backend.analysis.findings.ending import over_fitting, still_improving
from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding, Severity
from backend.analysis.findings.learning import knows_nothing, plateau_then_escape, worse_than_guessing

OfOne = Callable[[Evidence], Finding | None]
OfSeveral = Callable[[Sequence[Evidence]], list[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule reads one run (`find`) or several (`compare`). `explains` are rules whose findings it makes superfluous."""

    name: str
    title: str
    severity: Severity
    meaning: str
    threshold: str
    source: str
    find: OfOne | None = None
    compare: OfSeveral | None = None
    explains: tuple[str, ...] = ()


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "diverged",
            "Diverged",
            "sick",
            "The training loss ran away: steps are so large that each makes it worse.",
            "The training loss is NaN or infinite, or over twice that of the first epoch (and at least 0.1 ln C over it), and "
            "stays so to the last epoch; two epochs of a run under way.",
            "A healthy loss falls from its start; bumps that recover are not told.",
            find=diverged,
            explains=(
                "collapsed",
                "knows-nothing",
                "worse-than-guessing",
                "not-a-number",
                "over-fitting",
                "still-improving",
                "plateau-then-escape",
            ),
        ),
        Rule(
            "softmax-twice",
            "Softmax applied twice",
            "sick",
            "The loss was given probabilities where it takes logits: it cannot fall below ln(e + C − 1) − 1, and has hardly "
            "a gradient left once answers are certain.",
            "Training loss and training accuracy add up to ln(e + C − 1), within 0.02, in 3 epochs or more up to the last (5 "
            "where the spec names the loss of logits; the test's, and only where the spec names the loss of probabilities, if "
            "training targets are smoothed or mixed), at accuracies where an honest network is at least 0.05 nats below; and no loss leaves the possible range.",
            "Cross-entropy of probabilities that are 0 or 1, solved by hand: ln(e + C − 1) − accuracy. Tables 3.1 to 3.3.",
            find=softmax_twice,
            explains=("worse-than-guessing",),
        ),
        Rule(
            "collapsed",
            "Collapsed to one class",
            "sick",
            "The network gives one answer, whatever it is shown.",
            "Over 95% of the last predictions for test images are one class (of a run under way: the last two that were "
            "kept), and are right no more often than guessing. Without predictions: test accuracy is 1/C, or the largest "
            "class's share, to the last digit in 5 epochs or more, with a loss over ln C.",
            "A constant answer is right as often as its class occurs. Table 3.2.",
            find=collapsed,
            explains=("knows-nothing", "worse-than-guessing", "still-improving"),
        ),
        Rule(
            "knows-nothing",
            "Knows nothing",
            "sick",
            "Loss and accuracy are those of guessing: no learning has begun, or all was lost.",
            "The training loss is within 0.5% of ln C and test accuracy under 1.5/C (for few classes, under a 18th of the way "
            "from guessing to perfect; with unequal classes, by the largest one's share; three standard deviations over it "
            "for small test sets) in 2 epochs or more up to the last, and after warm-up. A note while the run has the better part of "
            "its epochs before it.",
            "Equal probabilities for C classes have a cross-entropy of ln C.",
            find=knows_nothing,
            explains=("still-improving",),
        ),
        Rule(
            "worse-than-guessing",
            "Worse than guessing",
            "sick",
            "The loss stays over that of guessing, and nothing is learned: steps are too large.",
            "The training loss is more than 0.5% over ln C, and both accuracies are those of guessing, in 3 epochs or more up "
            "to the last, after warm-up, and do not fall in each of them.",
            "Equal probabilities for C classes have a cross-entropy of ln C; an answer that is wrong and sure has more.",
            find=worse_than_guessing,
            explains=("still-improving",),
        ),
        Rule(
            "not-a-number",
            "Not a number",
            "sick",
            "Losses or accuracies are NaN or infinite.",
            "Any value of training, validation or test that is not finite.",
            "NaN is kept as data, and shown.",
            find=not_a_number,
        ),
        Rule(
            "identical-curves",
            "Identical curves",
            "sick",
            "Two recipes have the same numbers: a copying error, or a setting that nothing reads.",
            "All values that both have, 6 or more in 2 epochs or more, are equal to the last digit and not constant; fields "
            "that may rightly change no number, such as epochs, do not make two recipes.",
            "Table 3.3 repeats Table 3.1, at another learning rate.",
            compare=identical_curves,
        ),
        Rule(
            "over-fitting",
            "Over-fitting",
            "sick",
            "The network learns its training images by heart and gets worse on others.",
            "Training accuracy is over 10 points above test accuracy, and the mean test loss of the last 3 epochs (2 of a short "
            "run) is over its lowest before by 2% and by 2.5 standard deviations of an epoch.",
            "The usual meaning of the word; the noise is estimated by the median second difference.",
            find=over_fitting,
            explains=("still-improving",),
        ),
        Rule(
            "plateau-then-escape",
            "Plateau, then escape",
            "note",
            "The loss first stood at that of guessing, and then fell: a plateau of the start, not a broken run.",
            "The first 2 epochs or more know nothing, and the last is better than guessing by loss and by accuracy.",
            "Table 1.1: three epochs of plain SGD from a random start.",
            find=plateau_then_escape,
        ),
        Rule(
            "still-improving",
            "Still improving at the end",
            "note",
            "More epochs would pay.",
            "The line through the last 5 test accuracies rises by over 0.1 points an epoch, and by more than its 95% "
            "uncertainty; not of schedules that end at a learning rate of zero, nor of runs that stopped early.",
            "Least squares, and Student's t for the slope.",
            find=still_improving,
        ),
        Rule(
            "slow",
            "Slower than its device should be",
            "note",
            "Something holds the device up: other work, or images that come too slowly.",
            "The time of an epoch, in the middle of those of the newest attempt, is over 1.5 times what the calibration of "
            "its device says, and by a second or more.",
            "The estimates of this service.",
            find=slow,
        ),
        Rule(
            "data-or-versions-differ",
            "Data or versions differ",
            "note",
            "The compared runs differ in what no recipe says.",
            "The hash of the data (of one name), or the version of torch, torchvision, CUDA, cuDNN or Runyard is not the same.",
            "The environment that each run stores.",
            compare=data_or_versions_differ,
        ),
    )
}
"""Every rule by its name, the gravest first."""
