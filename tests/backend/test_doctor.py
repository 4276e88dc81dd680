"""`runyard doctor`: what it says of each fault, judged from plain facts; and the command itself, whatever is broken."""

import json
import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pynvml
import pytest
from sqlalchemy import text

from backend.cli import exits
from backend.doctor import broker, crew, database, environment, examination, gpu, home, service
from backend.doctor.broker import BrokerFacts
from backend.doctor.crew import Crew, SeenWorker, Waiting
from backend.doctor.database import DatabaseFacts
from backend.doctor.finding import Finding, Level, fault, ok
from backend.doctor.gpu import GpuFacts, Torch
from backend.doctor.home import HomeFacts
from backend.doctor.service import ServiceFacts
from backend.processes import wait_until
from backend.settings import Settings
from backend.store import clock, migrate, workers
from backend.store.integrity import quick_check
from backend.store.session import Database
from backend.version import VERSION
from tests.backend.served import Served, run
from tests.conftest import TOKEN
from tests.servers import free_port
from tests.store import scenes
from tests.store.test_workers_and_datasets import FACTS

SAFE = (3, 51, 3)
WANTED = migrate.newest_revision()


def said(findings: list[Finding], level: Level = Level.FAULT) -> list[str]:
    return [one.sentence for one in findings if one.level == level]


def only(findings: list[Finding], level: Level = Level.FAULT) -> Finding:
    """Return the one finding of a level; a fault must say what to do."""
    (found,) = [one for one in findings if one.level == level]
    assert level != Level.FAULT or found.remedy, found
    return found


# Settings.


def test_each_setting_that_cannot_be_is_told_and_the_rest_is_checked_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNYARD_PORT", "99999")
    monkeypatch.setenv("RUNYARD_LOG_LEVEL", "loud")
    monkeypatch.setenv("RUNYARD_LEASE_SECONDS", "7")
    settings, wrong = environment.look_at_settings()
    assert (settings.port, settings.log_level, settings.lease_seconds) == (8420, "info", 7)
    assert said(environment.judge_settings(wrong, {})) == [
        "RUNYARD_PORT is '99999': it must be a whole number from 0 to 65535.",
        "RUNYARD_LOG_LEVEL is 'loud': it must be one of debug, info, warning, error.",
    ]


def test_a_name_that_nobody_reads_is_told_with_the_one_that_was_meant() -> None:
    environ = {
        "RUNYARD_DATBASE_URL": "x",
        "RUNYARD_WORKER_NAME": "w",
        "RUNYARD_TEST_REQUIRE": "",
        "HOME": "/",
    }
    found = only(environment.judge_settings([], environ), Level.NOTE)
    assert (found.sentence, found.remedy) == (
        "Nothing reads RUNYARD_DATBASE_URL.",
        "did you mean RUNYARD_DATABASE_URL?",
    )
    assert said(environment.judge_settings([], {"RUNYARD_PORT": "1"}), Level.OK) == [
        "1 given by the environment, and each can be."
    ]


# Home, disk, token.


def test_a_home_that_is_there_and_one_that_can_be_made_are_no_faults(tmp_path: Path) -> None:
    there = home.look_at_home(tmp_path)
    assert (there.is_there, there.problem) == (True, None)
    new = home.look_at_home(tmp_path / "a" / "b")
    assert (new.is_there, new.problem) == (False, None)
    assert not said(home.judge_home(there) + home.judge_home(new))
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


def test_a_home_that_is_a_file_or_lies_where_nothing_can_be_made_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert (
        only(home.judge_home(home.look_at_home(file))).sentence
        == f"{file} cannot be written to: it is no folder."
    )
    nowhere = Path("/proc/runyard")
    assert "cannot be made: " in only(home.judge_home(home.look_at_home(nowhere))).sentence


def test_a_home_that_others_can_look_into_is_a_note(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    found = only(home.judge_home(home.look_at_home(tmp_path)), Level.NOTE)
    assert found.remedy == f"chmod 700 {tmp_path}"


@pytest.mark.parametrize(("free", "level"), [(2e8, Level.FAULT), (2e9, Level.NOTE), (2e10, Level.OK)])
def test_room_on_the_disk_is_judged_by_what_checkpoints_need(free: float, level: Level) -> None:
    found = home.judge_home(HomeFacts(Path("/home"), True, free_bytes=free))
    assert [one.level for one in found if one.about == home.DISK] == [level]


def test_a_token_file_that_others_can_read_is_a_fault(settings: Settings) -> None:
    settings = settings.model_copy(update={"token": type(settings.token)("")})
    settings.make_home()
    assert said(home.check_token(settings), Level.NOTE)  # none yet
    path = settings.home / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    assert said(home.check_token(settings), Level.OK)
    path.chmod(0o644)
    assert f"chmod 600 {path}" in only(home.check_token(settings)).sentence


def test_an_address_that_others_reach_needs_a_token_that_was_given(tmp_path: Path) -> None:
    open_to_all = Settings(home=tmp_path, host="0.0.0.0")
    assert "which other machines can reach" in only(home.check_token(open_to_all)).sentence


# Database.


def test_a_database_that_works_has_nothing_to_mend(sqlite_database: Database) -> None:
    facts = database.look_at_database(sqlite_database)
    assert (facts.revision, facts.write_problem, facts.damages) == (WANTED, None, [])
    assert facts.bytes > 0
    assert abs(facts.ahead_seconds) < 5
    assert said(database.judge_database(facts, WANTED, SAFE), Level.OK)
    assert not said(database.judge_database(facts, WANTED, SAFE))


@pytest.mark.postgres
def test_a_postgres_that_works_has_nothing_to_mend(postgres) -> None:
    opened = Database(postgres.emptied_database())
    facts = database.look_at_database(opened)
    opened.dispose()
    assert facts.path is None
    assert [one.level for one in database.judge_database(facts, WANTED, SAFE)] == [Level.OK, Level.OK]


def on_sqlite(**changes: Any) -> list[Finding]:
    facts: dict[str, Any] = {"path": Path("/runyard.db"), "revision": WANTED, **changes}
    return database.judge_database(DatabaseFacts(**facts), WANTED, SAFE)


@pytest.mark.parametrize(
    ("changes", "sentence", "remedy"),
    [
        ({"path": None, "revision": None}, "Postgres is empty", "runyard db upgrade"),
        ({"path": None, "revision": "0001"}, "Postgres is at revision 0001", "runyard db upgrade"),
        ({"revision": "9999"}, "made by a newer version", "use the newer version"),
        (
            {"write_problem": "The disk of the database is full."},
            "cannot be written",
            "make room on its disk",
        ),
        ({"write_problem": "The database can only be read."}, "cannot be written", "rights"),
        ({"damages": ["page 7 is lost"]}, "damaged: page 7 is lost", "runyard restore"),
        ({"file_system": "nfs4"}, "lies on a network (nfs4)", "local disk"),
        ({"ahead_seconds": 3600.0}, "3,600 s behind the database's", "timedatectl"),
        ({"ahead_seconds": -60.0}, "60 s ahead of the database's", "timedatectl"),
        (
            {"path": None, "problem": "The database is out of reach.", "details": "connection refused"},
            "The database is out of reach (connection refused).",
            "start its server",
        ),
    ],
)
def test_each_fault_of_a_database_is_told_with_what_to_do(
    changes: dict[str, Any], sentence: str, remedy: str
) -> None:
    found = only(on_sqlite(**changes))
    assert sentence in found.sentence
    assert remedy in (found.remedy or "")


@pytest.mark.parametrize(
    "changes",
    [{"revision": "0001"}, {"damages": None}, {"log_bytes": 2e9}],
    ids=["an older SQLite", "a check that came to no end", "a log that grows"],
)
def test_what_mends_itself_or_is_not_known_is_a_note(changes: dict[str, Any]) -> None:
    assert said(on_sqlite(**changes)) == []
    assert only(on_sqlite(**changes), Level.NOTE).remedy


def test_a_version_of_sqlite_with_the_fault_in_its_log_is_a_note() -> None:
    facts = DatabaseFacts(Path("/runyard.db"), revision=WANTED)
    assert (
        "SQLite 3.50.4 has a rare fault"
        in only(database.judge_database(facts, WANTED, (3, 50, 4)), Level.NOTE).sentence
    )


def test_a_damaged_file_is_found_and_a_check_in_no_time_comes_to_no_end(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE t (x TEXT)")
        made.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 20_000)
    assert quick_check(path, limit_seconds=60) == []
    assert quick_check(path, limit_seconds=0) is None
    with path.open("r+b") as file:
        file.seek(40 * 4096)
        file.write(b"\xff" * 4096)
    assert quick_check(path, limit_seconds=60)


# Broker.


@pytest.mark.parametrize("runs", [True, False])
def test_an_embedded_broker_that_is_silent_is_a_fault_only_while_the_service_runs(
    settings: Settings, runs: bool
) -> None:
    facts = broker.look_at_broker(settings)
    assert (facts.kind, facts.problem) == ("embedded", "there is no socket")
    found = broker.judge_broker(facts, service_runs=runs)
    assert [one.level for one in found] == [Level.FAULT if runs else Level.NOTE]
    assert not settings.home.exists()  # to look makes nothing


def test_a_socket_whose_way_is_too_long_is_told(tmp_path: Path) -> None:
    far = Settings(home=tmp_path / ("x" * 120))
    found = broker.judge_broker(broker.look_at_broker(far), service_runs=False)
    assert "the way to the home folder is too long" in only(found, Level.NOTE).sentence


def test_a_redis_that_is_away_is_a_fault_and_its_password_is_not_told(settings: Settings) -> None:
    away = settings.model_copy(update={"broker_url": f"redis://me:a-secret@127.0.0.1:{free_port()}/0"})
    found = only(broker.judge_broker(broker.look_at_broker(away), service_runs=True))
    assert "redis://127.0.0.1:" in found.sentence
    assert "a-secret" not in found.sentence
    assert "runs still start" in found.sentence


def test_a_broker_that_answers_is_no_fault() -> None:
    for kind in ("redis", "files", "embedded"):
        assert said(broker.judge_broker(BrokerFacts(kind, "there"), service_runs=True), Level.OK)


# Service.


def of_service(**changes: Any) -> list[Finding]:
    facts: dict[str, Any] = {"address": "http://127.0.0.1:8420", "version_here": "2", **changes}
    return service.judge_service(ServiceFacts(**facts))


RUNS = {"answers": True, "is_runyard": True, "version": "2"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Nobody answers at http://127.0.0.1:8420."),
        ({"up_process": 77}, "although `runyard up` is process 77"),
        ({"port_is_free": False}, "another program has the port"),
        ({"answers": True}, "is no Runyard"),
        ({**RUNS, "alive": "A thread has ended."}, "is not alive: A thread has ended."),
        ({**RUNS, "ready": "The disk is full."}, "cannot serve: The disk is full."),
        ({**RUNS, "version": "1"}, "It is version 1, and this command 2."),
        (
            {**RUNS, "version": None, "refusal": "no such token"},
            "does not let this command in: no such token",
        ),
        ({**RUNS, "ahead_seconds": 500.0}, "500 s behind the service's"),
    ],
)
def test_each_fault_of_the_service_is_told_with_what_to_do(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in only(of_service(**changes)).sentence


def test_a_service_that_was_never_started_is_no_fault() -> None:
    assert only(of_service(was_used=False), Level.NOTE).remedy == "runyard up"
    assert [one.level for one in of_service(**RUNS, ahead_seconds=0.4)] == [Level.OK, Level.OK]


@pytest.fixture
def strange_server() -> Iterator[int]:
    """A program that has a port and speaks no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.sendall(b"220 mail.example\r\n")
                connection.close()

        threading.Thread(target=greet, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_a_program_that_has_the_port_and_speaks_no_http_is_told(
    settings: Settings, strange_server: int
) -> None:
    facts = service.look_at_service(settings.model_copy(update={"port": strange_server}), VERSION)
    assert "another program has the port" in only(service.judge_service(facts)).sentence


@pytest.mark.thorough
def test_a_service_that_runs_is_seen_with_its_version(service: Served) -> None:
    facts = examination.service.look_at_service(
        service.settings.model_copy(update={"port": service.port}), VERSION
    )
    assert (facts.runs, facts.alive, facts.version, facts.refusal) == (True, None, VERSION, None)
    assert abs(facts.ahead_seconds or 0) < 5


# Workers and runs.


def a_worker(state: str = "idle", **more: Any) -> SeenWorker:
    facts: dict[str, Any] = {
        "silent_seconds": 1.0,
        "devices": 1,
        "takes_runs": state in ("idle", "busy"),
        **more,
    }
    return SeenWorker(f"{state}-worker", state, **facts)


def test_no_worker_is_a_note_until_a_run_waits_for_one() -> None:
    assert only(crew.judge_crew(Crew([], [])), Level.NOTE).sentence == "No worker is here."
    found = only(crew.judge_crew(Crew([], [Waiting(1, 1), Waiting(2, 1)])))
    assert found.sentence == "No worker is here, and 2 runs wait."
    lost = Crew([a_worker("lost", silent_seconds=7200.0)], [Waiting(1, 1)])
    assert only(crew.judge_crew(lost)).sentence == "No worker was heard of for 2.0 h, and 1 run waits."


def test_lost_and_stale_workers_beside_others_are_notes_with_since_when() -> None:
    found = crew.judge_crew(
        Crew([a_worker(), a_worker("lost", silent_seconds=600.0), a_worker("stale", silent_seconds=40.0)], [])
    )
    assert said(found) == []
    assert said(found, Level.NOTE) == [
        "stale-worker (last heard of 40 s ago) is stale.",
        "1 lost: lost-worker (last heard of 10 min ago).",
    ]
    assert said(found, Level.OK) == ["1 here: 1 idle.", "None is stuck; 0 wait for their turn."]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            Crew([a_worker()], [Waiting(5, 4)]),
            "Run 5 needs 4 devices of one worker; the largest worker here holds 1.",
        ),
        (Crew([a_worker()], [], overdue=((7, 120.0),)), "its lease ended 2 min ago and nobody took it back"),
        (
            Crew([a_worker()], [Waiting(8, 1, parent=3, parent_state="failed")]),
            "Run 8 waits for run 3, which is failed.",
        ),
    ],
)
def test_each_run_that_is_stuck_is_told_with_what_to_do(given: Crew, sentence: str) -> None:
    assert sentence in only(crew.judge_crew(given)).sentence


def test_a_paused_queue_and_a_run_that_waits_after_a_loss_are_notes() -> None:
    found = crew.judge_crew(Crew([a_worker()], [Waiting(5, 1, ready_in=30.0, losses=2)], paused_for=180.0))
    assert said(found, Level.NOTE) == [
        "The queue is paused for 3 min, and 1 run is in it.",
        "Run 5 is tried again in 30 s, after loss 2 of 3.",
    ]


def test_what_the_store_holds_is_what_is_judged(database: Database, settings: Settings) -> None:
    with database.write() as session:
        now = clock.read_now(session)
        workers.register(session, "here", **FACTS)
        session.info["clock"] = lambda: now - 600
        workers.register(session, "gone", **FACTS)
    first, second = scenes.launch(database, 2)
    scenes.claim(database, "gone", at=now - 600)
    patient = settings.model_copy(update={"worker_lost_seconds": 500.0})
    with database.read() as session:
        seen = crew.look_at_store(session, patient)
    assert {one.id: one.state for one in seen.workers} == {"here": "idle", "gone": "stale"}
    assert [one.run for one in seen.queue] == [second]
    ((overdue, seconds),) = seen.overdue
    assert overdue == first
    assert seconds >= 540  # a lease of a minute, ten minutes ago


# GPUs.

H100 = {"nodes": ("/dev/nvidia0",), "names": ("H100",), "driver": "570", "driver_cuda": (12, 8)}


def of_gpus(**changes: Any) -> list[Finding]:
    return gpu.judge_gpus(GpuFacts(**changes))


def test_a_machine_without_a_gpu_has_no_fault() -> None:
    assert of_gpus(problem="NVML Shared Library Not Found") == [
        ok(gpu.ABOUT, "No GPU here: trainings use the CPU.")
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"nodes": ("/dev/nvidia0",), "problem": "Driver/library version mismatch"}, "version mismatch"),
        ({**H100, "closed": ("/dev/nvidia0",)}, "This user may not open /dev/nvidia0."),
        ({**H100, "torch": Torch("2.9+cpu", None)}, "torch 2.9+cpu is built for the CPU alone"),
        ({**H100, "torch": Torch("2.9+cu130", "13.0")}, "driver 570 knows 12.8 at most"),
    ],
)
def test_each_fault_of_a_gpu_is_told_with_what_to_do(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in only(of_gpus(**changes)).sentence


def test_a_gpu_that_torch_can_use_is_well_and_one_that_is_hidden_a_note() -> None:
    able = {**H100, "torch": Torch("2.9+cu126", "12.6")}
    assert [one.level for one in of_gpus(**able)] == [Level.OK, Level.OK]
    assert "hides every GPU" in only(of_gpus(**able, visible=""), Level.NOTE).sentence
    assert said(of_gpus(**able, visible="0,1"), Level.NOTE) == []


def test_the_installed_torch_is_read_without_importing_it() -> None:
    from importlib.metadata import version

    found = gpu.installed_torch()
    assert found is not None
    assert found.version.partition("+")[0] == version("torch").partition("+")[0]
    assert (found.cuda is None) == ("+cpu" in found.version)


def test_what_nvml_tells_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NVML is another's library, and this machine may have none: it is replaced, down to its calls."""
    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda _: "NVIDIA H100",
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 12080,
        "nvmlSystemGetDriverVersion": lambda: "570.1",
    }
    for name, call in answers.items():
        monkeypatch.setattr(pynvml, name, call)
    (tmp_path / "nvidia0").touch()
    (tmp_path / "nvidiactl").touch()
    facts = gpu.look_at_gpus({}, tmp_path)
    assert (facts.names, facts.driver, facts.driver_cuda) == (("NVIDIA H100",), "570.1", (12, 8))
    assert [Path(node).name for node in facts.nodes] == ["nvidiactl", "nvidia0"]


# The examination as a whole.


def test_a_part_that_fails_or_hangs_is_a_fault_and_no_trace() -> None:
    def fails() -> list[Finding]:
        raise LookupError("no such thing\nmore")

    assert examination.within(60, "it", fails) == [
        fault("it", "It could not be looked at: LookupError, no such thing")
    ]
    hold = threading.Event()
    assert examination.within(0.05, "it", lambda: [ok("it", str(hold.wait()))]) == [
        fault("it", "It gave no answer within 0 s.")
    ]
    hold.set()


@pytest.fixture
def sound_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU and much room: what this machine has, and may lack, is nobody's concern here."""
    monkeypatch.setattr(gpu, "look_at_gpus", lambda _: GpuFacts(problem="NVML Shared Library Not Found"))
    monkeypatch.setattr(home, "_free_bytes", lambda _: 1e12)


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sound_machine: None) -> Path:
    """An environment of its own: a home folder that is not there yet, and a port where nobody answers."""
    for name in [name for name in os.environ if name.startswith("RUNYARD_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "home"
    monkeypatch.setenv("RUNYARD_HOME", str(path))
    monkeypatch.setenv("RUNYARD_PORT", str(free_port()))
    return path


def doctor(*words: str) -> tuple[int, str]:
    status, told, problems = run("doctor", *words)
    assert "Traceback" not in told + problems
    return status, told


def findings() -> dict[str, list[str]]:
    status, told = doctor("--json")
    answer = json.loads(told)
    faults = [one for one in answer["findings"] if one["level"] == "fault"]
    assert (answer["faults"], status) == (len(faults), exits.REFUSED if faults else exits.DONE)
    by_part: dict[str, list[str]] = {}
    for one in faults:
        by_part.setdefault(one["about"], []).append(one["sentence"])
    return by_part


def test_a_new_machine_has_no_fault_and_is_left_as_it_was(nothing_runs: Path) -> None:
    status, told = doctor()
    assert status == exits.DONE
    assert told.splitlines()[-1].startswith("No fault")
    assert not nothing_runs.exists()


def test_a_service_that_is_down_is_a_fault(nothing_runs: Path, migrated_file: Path) -> None:
    nothing_runs.mkdir(mode=0o700)
    shutil.copy(migrated_file, nothing_runs / "runyard.db")
    assert list(findings()) == ["service"]
    status, told = doctor()
    assert status == exits.REFUSED
    assert "do: runyard up" in told
    assert told.splitlines()[-1].startswith("1 fault")


def test_a_bad_setting_is_a_fault_and_the_rest_is_looked_at(
    nothing_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNYARD_POLL_SECONDS", "never")
    assert findings() == {"settings": ["RUNYARD_POLL_SECONDS is 'never': it must be a number over 0 to 60."]}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody:a-secret@127.0.0.1:1/none", "The database is out of reach ("),
        ("mysql://here", "RUNYARD_DATABASE_URL names"),
        ("nonsense", "RUNYARD_DATABASE_URL is not a database address"),
    ],
)
def test_a_database_that_is_away_or_none_is_a_fault(
    nothing_runs: Path, monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setenv("RUNYARD_DATABASE_URL", url)
    found = findings()
    assert list(found) == ["database"]
    assert found["database"][0].startswith(sentence)
    assert "a-secret" not in found["database"][0]


def test_a_file_that_is_no_database_is_a_fault(nothing_runs: Path) -> None:
    nothing_runs.mkdir(mode=0o700)
    (nothing_runs / "runyard.db").write_bytes(b"this is no database at all, but text " * 100)
    found = findings()
    assert found["database"] == [
        "The file of the database is no database: restore a backup (file is not a database)."
    ]


@pytest.mark.thorough
def test_all_is_well_where_a_service_runs_with_a_worker(
    service: Served, sound_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = service.database.url.database
    monkeypatch.setenv("RUNYARD_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("RUNYARD_HOME", str(service.settings.home))
    monkeypatch.setenv("RUNYARD_BROKER_URL", "filesystem")
    with service.database.write() as session:
        workers.register(session, "worker-0@here:1-a-b", **FACTS)
    # It answers before its threads have gone round for the first time.
    assert wait_until(lambda: not service.app.state.vital_signs.faults(), 60)
    assert findings() == {}
    with service.database.read() as session:
        assert session.execute(text("SELECT count(*) FROM calibration")).scalar_one() == 0
    with service.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "made by a newer version" in findings()["database"][0]


@pytest.mark.thorough
def test_of_a_service_elsewhere_the_workers_are_asked_of_itself(
    service: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNYARD_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("RUNYARD_DATABASE_URL", f"sqlite:///{tmp_path / 'none' / 'runyard.db'}")
    scenes.launch(service.database)
    assert findings()["workers"] == ["No worker is here, and 1 run waits."]
