"""Whether a launch takes so long on the devices that are there that a person should have said yes to it."""

from collections.abc import Iterable, Sequence

from backend.durations import duration
from backend.errors import ConfirmationNeeded
from backend.estimates.time import LONG_SECONDS
from backend.machines import Machine, assumed
from backend.outlook import Outlook, outlook
from backend.readiness import Shelf
from backend.store.launches import NewRun


def check_confirmed(runs: Iterable[NewRun], shelf: Shelf, machines: Sequence[Machine]) -> None:
    """Refuse runs that take hours where only processors train, and no GPU.

    `machines` are those of the workers that were heard of lately; without any, processors are assumed.

    Raises:
        ConfirmationNeeded: with the estimate.
    """
    runs = list(runs)
    sentence = needed_confirmation(len(runs), outlook(runs, shelf, machines), machines)
    if sentence:
        raise ConfirmationNeeded(sentence)


def needed_confirmation(runs: int, told: Outlook, machines: Sequence[Machine]) -> str | None:
    """Return what a person should know before so many runs are launched; None where it is nothing.

    `told` is what they and the parents that come with them take of `machines`.
    """
    if assumed(machines)[0].kind != "cpu":
        return None
    # Where no worker is large enough, nobody knows when it is over: one run takes that long all the same.
    seconds = told.longest if told.seconds is None else told.seconds
    if seconds is None or seconds <= LONG_SECONDS:
        return None
    what = f"These {runs} runs take" if runs > 1 else "This run takes"
    device = told.device if machines else "a CPU with two cores"
    where = f"over {told.workers} workers, the first on" if told.workers > 1 and runs > 1 else "on"
    return f"{what} about {duration(seconds)} {where} {device}, and no GPU worker is here: confirm to launch."
