"""`runyard data import` as a person runs it: one sentence for each thing that cannot be, nothing half-written."""

import tarfile
from pathlib import Path

import pytest

from tests.processes.images import import_command, write_class_folders

pytestmark = pytest.mark.processes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def left_over(home: Path) -> list[str]:
    folder = home / "data"
    return (
        sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".lock"))
        if folder.exists()
        else []
    )


def test_a_name_that_is_taken_is_not_taken_silently(home: Path, tmp_path: Path) -> None:
    first = write_class_folders(tmp_path / "a")
    other = write_class_folders(tmp_path / "b", per_class=4)
    assert import_command(home, "birds", str(first)).returncode == 0
    assert import_command(home, "birds", str(first)).returncode == 0, "the same content again is no conflict"
    refused = import_command(home, "birds", str(other))
    assert refused.returncode == 1
    assert "add --replace" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert import_command(home, "birds", str(other), "--replace").returncode == 0


def test_an_archive_that_leads_outside_is_refused_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    images = write_class_folders(tmp_path / "a")
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(images, "images")
        tar.add(images / "train" / "class-0" / "0.png", "../outside.png")
    refused = import_command(home, "birds", str(archive))
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1)
    assert "leads out of it" in refused.stderr
    assert left_over(home) == []
    assert not (home.parent / "outside.png").exists()


@pytest.mark.parametrize(
    ("name", "path", "says"),
    [
        ("birds", "/nowhere/at/all", "There is no file or folder"),
        ("birds", __file__, "no folder, tar"),
        ("shapes", "/nowhere", "generated data set"),
        ("../evil", "/nowhere", "letters, digits"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_sentence(home: Path, name: str, path: str, says: str) -> None:
    refused = import_command(home, name, path)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert left_over(home) == []


def test_a_home_that_cannot_be_made_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = import_command(tmp_path / "file", "birds", "/nowhere")
    assert refused.returncode == 1
    assert refused.stderr.strip().startswith("RUNYARD_HOME is ")
    assert len(refused.stderr.strip().splitlines()) == 1
