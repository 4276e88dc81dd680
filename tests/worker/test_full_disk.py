"""A training whose checkpoint does not fit on the disk waits for room, and says so; the system's /dev/full plays the disk."""

import errno
from pathlib import Path

import pytest
from safetensors import SafetensorError

from tests.worker.tiny import tiny_dataset, tiny_spec, trained
from worker.engine import keeper
from worker.engine.data import Dataset
from worker.engine.disk import NoRoom, is_out_of_room
from worker.engine.recorder import MemoryRecorder
from worker.engine.train import Outcome

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"))


def fill(folder: Path) -> None:
    """Let the state of the checkpoint of epoch 1 be written to a full disk, until what is there is deleted.

    Only the state: its file is opened and written. That of the weights is renamed into its place, which would then be
    the system's /dev/full itself.
    """
    folder.mkdir(exist_ok=True)
    (folder / "attempt-1-epoch-1.pt.part").symlink_to(FULL)


def test_a_training_without_room_for_a_checkpoint_waits_and_comes_to_the_same_numbers(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_LOOK_SECONDS", 0.01)
    _, undisturbed = trained(tiny_spec(), dataset, tmp_path / "undisturbed")
    folder = tmp_path / "runs"
    fill(folder)
    outcome, recorder = trained(tiny_spec(), dataset, folder)
    assert outcome is Outcome.COMPLETED
    assert [line for line in recorder.lines if "waits for room" in line] == [
        f"The checkpoint attempt-1-epoch-1 cannot be written: the disk of {folder} is full. "
        "The training waits for room."
    ]
    assert recorder.series("test_loss") == undisturbed.series("test_loss")
    assert sorted(path.name for path in folder.iterdir()) == [
        "attempt-1-epoch-3.pt",
        "attempt-1-epoch-3.safetensors",
    ]


def test_a_training_that_has_waited_long_enough_gives_up(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "ROOM_SECONDS", -1.0)
    fill(tmp_path / "runs")
    with pytest.raises(NoRoom, match=r"attempt-1-epoch-1 cannot be written: the disk of .* is full"):
        trained(tiny_spec(), dataset, tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir()), "what cannot be whole must leave its room to others"


def test_a_training_that_waits_for_room_can_be_stopped(dataset: Dataset, tmp_path: Path) -> None:
    fill(tmp_path / "runs")
    waits = lambda recorder: any("waits for room" in line for line in recorder.lines)  # noqa: E731
    outcome, _ = trained(tiny_spec(), dataset, tmp_path / "runs", recorder=MemoryRecorder(stop_when=waits))
    assert outcome is Outcome.STOPPED


@pytest.mark.parametrize(
    ("fault", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (SafetensorError("Error while serializing: I/O error: Permission denied (os error 13)"), False),
    ],
)
def test_a_full_disk_is_told_from_other_faults_also_through_what_a_library_makes_of_it(
    fault: Exception, full: bool
) -> None:
    wrapped = RuntimeError("unexpected pos 704 vs 598")
    wrapped.__context__ = fault
    assert is_out_of_room(fault) is is_out_of_room(wrapped) is full
