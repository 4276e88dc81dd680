"""`runyard data import` and `fetch` as a person runs them: one sentence for each thing that cannot be, nothing half-written."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.processes.images import import_command, write_class_folders
from tests.processes.stack import ROOT
from tests.servers import free_port

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


@pytest.mark.full
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


@pytest.mark.full
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
        pytest.param("birds", __file__, "no folder, tar", marks=pytest.mark.full),
        ("shapes", "/nowhere", "generated data set"),
        ("glyphs", "/nowhere", "generated data set"),
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


def fetch_command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Fetch where every road to the outside ends at a port that nobody listens at."""
    nobody = f"http://127.0.0.1:{free_port()}"
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", "data", "fetch", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "RUNYARD_HOME": str(home),
            "http_proxy": nobody,
            "https_proxy": nobody,
            "no_proxy": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.full
def test_without_a_network_fetch_says_in_one_sentence_what_helps(home: Path) -> None:
    refused = fetch_command(home, "cifar10")
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1), refused.stderr
    assert refused.stderr.startswith("CIFAR-10 could not be downloaded (")
    assert "`runyard data import cifar10 PATH`" in refused.stderr
    assert left_over(home) == []


@pytest.mark.parametrize("name", ["cifar-10", pytest.param("shapes", marks=pytest.mark.full), "-x"])
def test_what_cannot_be_fetched_is_told_with_what_can(home: Path, name: str) -> None:
    refused = fetch_command(home, "--", name)
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1), refused.stderr
    assert f"There is no data set to download '{name}'." in refused.stderr
    assert "cifar10" in refused.stderr
