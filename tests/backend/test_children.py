import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from backend.children import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Backoff, Child, Log, Plan
from backend.processes import group_members, is_alive, wait_until

LIMIT_SECONDS = 120.0
KILLED = -signal.SIGKILL


def make_child(tmp_path: Path, code: str) -> Child:
    plan = Plan("sleeper", [sys.executable, "-u", "-c", code], os.environ)
    return Child(plan, tmp_path / "logs" / "sleeper.log")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Child]:
    child = make_child(tmp_path, "import time; print('ready'); time.sleep(60)")
    child.start()
    yield child
    child.kill(LIMIT_SECONDS)


# --- backoff -------------------------------------------------------------------------------------------------


def test_pauses_double_from_a_fifth_of_a_second_to_ten_seconds() -> None:
    backoff = Backoff()
    pauses = [backoff.after(1, lived_seconds=1.0) for _ in range(8)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_half_a_minute_of_life_makes_the_next_pause_the_first_again() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.after(1, lived_seconds=1.0)
    assert backoff.after(1, lived_seconds=30.0) == FIRST_PAUSE_SECONDS


def test_the_fifth_failure_at_the_start_is_hopeless() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.after(1, lived_seconds=1.0)
    assert not backoff.hopeless
    backoff.after(-signal.SIGSEGV, lived_seconds=1.0)
    assert backoff.hopeless


def test_a_child_that_once_settled_is_never_hopeless() -> None:
    backoff = Backoff()
    backoff.after(1, lived_seconds=31.0)
    for _ in range(9):
        backoff.after(1, lived_seconds=1.0)
    assert not backoff.hopeless


@pytest.mark.parametrize("code", [0, -signal.SIGTERM, KILLED])
def test_a_child_that_somebody_ended_is_not_hopeless(code: int) -> None:
    backoff = Backoff()
    for _ in range(9):
        backoff.after(code, lived_seconds=1.0)
    assert not backoff.hopeless


# --- log -----------------------------------------------------------------------------------------------------


def test_a_log_that_has_grown_large_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_bytes(b"x" * 10_000_001)
    with Log(path).open_for_child():
        pass
    assert path.stat().st_size == 0
    assert (tmp_path / "api.log.1").stat().st_size == 10_000_001


def test_only_new_whole_lines_that_speak_of_an_error_are_echoed(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text("ERROR of an earlier life\n")
    log = Log(path)
    with log.open_for_child() as output:
        output.write(b"INFO uvicorn.error all well, 0 errors\nERROR disk full\nERROR half a li")
        output.flush()
        assert log.new_errors() == ["ERROR disk full"]
        output.write(b"ne\n")
        output.flush()
        assert log.new_errors() == ["ERROR half a line"]
        assert log.new_errors() == []


def test_the_last_line_is_one_of_this_life_that_says_something(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text("words of an earlier life\n")
    log = Log(path)
    with log.open_for_child() as output:
        assert log.last_line() == "it said nothing"
        output.write(b"Traceback ...\nValueError: no\n\n")
        output.flush()
        assert log.last_line() == "ValueError: no"


# --- child ---------------------------------------------------------------------------------------------------


def test_a_child_leads_a_session_of_its_own(sleeper: Child) -> None:
    assert sleeper.pid is not None
    assert os.getsid(sleeper.pid) == sleeper.pid != os.getsid(0)


def test_a_killed_child_is_reported_once_and_started_again(sleeper: Child) -> None:
    first = sleeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    reports = []
    assert wait_until(
        lambda: reports.append(sleeper.tend()) or sleeper.pid not in (None, first), LIMIT_SECONDS
    )
    (report,) = [report for report in reports if report]
    assert report.startswith("sleeper was ended by signal 9")


def test_what_a_dead_child_leaves_behind_is_ended_before_it_starts_again(tmp_path: Path) -> None:
    code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    child = make_child(tmp_path, code + "print('ready'); time.sleep(60)")
    child.start()
    first = child.pid
    assert first is not None
    assert wait_until(lambda: len(group_members(first)) == 2, LIMIT_SECONDS)
    os.kill(first, signal.SIGKILL)
    assert wait_until(lambda: child.tend() is not None, LIMIT_SECONDS)
    assert group_members(first) == []
    child.kill(LIMIT_SECONDS)


def test_a_stopped_child_goes_and_stays_away(sleeper: Child) -> None:
    sleeper.stop()
    assert wait_until(sleeper.is_gone, LIMIT_SECONDS)
    assert not wait_until(lambda: sleeper.tend() is None and sleeper.is_running(), 2 * FIRST_PAUSE_SECONDS)


@pytest.mark.processes
def test_a_child_that_fails_at_every_start_becomes_hopeless_with_its_last_words(tmp_path: Path) -> None:
    child = make_child(tmp_path, "raise SystemExit('no such device')")
    child.start()
    reports = []
    assert wait_until(lambda: reports.append(child.tend()) or child.hopeless, LIMIT_SECONDS)
    assert [report for report in reports if report] == ["sleeper ended with code 1: no such device"] * 5


def test_a_child_that_ignores_term_can_be_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(60)"
    )
    child = make_child(tmp_path, code)
    child.start()
    assert wait_until(lambda: child.log.last_line() == "ready", LIMIT_SECONDS)
    child.stop()
    assert not child.is_gone()
    assert child.kill(LIMIT_SECONDS)
    assert child.is_gone()


# --- runyard up, with stand-ins for the API and the worker ---------------------------------------------------

API = """
import http.server, os, signal
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *words): pass
server = http.server.HTTPServer((os.environ["RUNYARD_HOST"], int(os.environ["RUNYARD_PORT"])), Handler)
def leave(*_):
    print("api left", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
server.serve_forever()
"""
WORKER = """
import json, os, signal, time
def leave(*_):
    print("worker left", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
names = ("RUNYARD_WORKER_DEVICE", "RUNYARD_WORKER_NAME", "CUDA_VISIBLE_DEVICES", "RUNYARD_HOME")
print(json.dumps({name: os.environ[name] for name in names}), flush=True)
while True: time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
UP = """
import sys
from backend.settings import read_settings
from backend.up import Commands, run_up
commands = Commands(api=[sys.executable, "-c", sys.argv[1]], worker=[sys.executable, "-c", sys.argv[2]])
sys.exit(run_up(read_settings(), workers=int(sys.argv[3]), commands=commands))
"""


class Up:
    """A real `runyard up` of stand-ins, in a process of its own."""

    def __init__(
        self, home: Path, *, api: str = API, worker: str = WORKER, workers: int = 1, **environ: str
    ) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", UP, api, worker, str(workers)],
            env={**os.environ, "RUNYARD_HOME": str(home), "RUNYARD_PORT": "0", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_ready(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Runyard is at "), self.process.communicate()
        return line

    def children(self) -> dict[str, int]:
        """Return the pid of each living child by its name: it holds its log open as its output."""
        logs = self.home / "logs"
        found = {}
        for child in psutil.Process(self.process.pid).children():
            # One that is just dying has no open files left to be seen.
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                outputs = {Path(file.path) for file in child.open_files()}
                found |= {output.stem: child.pid for output in outputs if output.parent == logs}
        return found

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float, str]:
        """Return the exit code, the seconds it took, and what was said to stderr."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, time.monotonic() - began, errors

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=30)


@pytest.fixture
def started() -> Iterator[list[Up]]:
    """Collects what a test started, to be ended with it."""
    ups: list[Up] = []
    yield ups
    for up in ups:
        up.end()


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@linux_only
@pytest.mark.processes
def test_up_starts_all_says_where_and_ctrl_c_leaves_nothing_behind(tmp_path: Path, started: list[Up]) -> None:
    up = Up(tmp_path, CUDA_VISIBLE_DEVICES="")
    started.append(up)
    line = up.wait_ready()
    assert f"(data in {tmp_path}; Ctrl-C stops it)" in line
    children = up.children()
    assert set(children) == {"broker", "api", "worker-0"}
    host, port = line.split("http://")[1].split("/")[0].split(":")
    connection = HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", "/api/health")
    assert connection.getresponse().status == 200
    connection.close()
    assert wait_until(lambda: up.log("worker-0"), LIMIT_SECONDS)
    seen = json.loads(up.log("worker-0"))
    assert (seen["RUNYARD_WORKER_DEVICE"], seen["CUDA_VISIBLE_DEVICES"]) == ("cpu", "")
    assert seen["RUNYARD_HOME"] == str(tmp_path)

    code, seconds, errors = up.stop()
    assert (code, errors) == (0, "")
    assert seconds < 5
    assert not any(is_alive(pid) for pid in children.values())
    assert "worker left" in up.log("worker-0")
    assert "api left" in up.log("api")


@linux_only
@pytest.mark.processes
def test_each_device_gets_a_worker_that_sees_it_alone(tmp_path: Path, started: list[Up]) -> None:
    up = Up(tmp_path, workers=2, CUDA_VISIBLE_DEVICES="GPU-a,GPU-b", RUNYARD_BROKER_URL="filesystem")
    started.append(up)
    up.wait_ready()
    assert set(up.children()) == {"api", "worker-0", "worker-1"}
    assert wait_until(lambda: up.log("worker-0") and up.log("worker-1"), LIMIT_SECONDS)
    devices = [json.loads(up.log(name))["CUDA_VISIBLE_DEVICES"] for name in ("worker-0", "worker-1")]
    assert devices == ["GPU-a", "GPU-b"]


@linux_only
@pytest.mark.processes
def test_a_killed_worker_is_started_again(tmp_path: Path, started: list[Up]) -> None:
    up = Up(tmp_path)
    started.append(up)
    up.wait_ready()
    first = up.children()["worker-0"]
    os.kill(first, signal.SIGKILL)
    assert wait_until(lambda: up.children().get("worker-0", first) != first, LIMIT_SECONDS)
    _, _, errors = up.stop()
    assert "worker-0 was ended by signal 9" in errors


@linux_only
@pytest.mark.processes
def test_children_go_when_up_itself_is_killed(tmp_path: Path, started: list[Up]) -> None:
    up = Up(tmp_path)
    started.append(up)
    up.wait_ready()
    children = up.children()
    assert len(children) == 3
    up.process.kill()
    assert wait_until(lambda: not any(is_alive(pid) for pid in children.values()), LIMIT_SECONDS)
    again = Up(tmp_path)
    started.append(again)
    again.wait_ready()


@linux_only
@pytest.mark.processes
def test_a_worker_that_will_not_go_is_killed_some_eight_seconds_after_the_wish_to_stop(
    tmp_path: Path, started: list[Up]
) -> None:
    up = Up(tmp_path, worker=STUBBORN)
    started.append(up)
    up.wait_ready()
    assert wait_until(lambda: "ready" in up.log("worker-0"), LIMIT_SECONDS)
    children = up.children()
    up.process.send_signal(signal.SIGINT)
    code, seconds, _ = up.stop(signal.SIGINT)  # the second Ctrl-C changes nothing
    assert code == 0
    # Its time is up after 8.5 s; how soon all are seen gone depends on the machine.
    assert 8.0 < seconds < 30.0
    assert not any(is_alive(pid) for pid in children.values())


@pytest.mark.processes
def test_a_second_up_on_the_same_home_is_refused_with_the_pid_of_the_first(
    tmp_path: Path, started: list[Up]
) -> None:
    first = Up(tmp_path)
    started.append(first)
    first.wait_ready()
    second = Up(tmp_path)
    started.append(second)
    _, errors = second.process.communicate(timeout=LIMIT_SECONDS)
    assert second.process.returncode == 1
    assert f"process {first.process.pid}" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.processes
def test_a_taken_port_is_refused_with_the_name_of_its_setting(tmp_path: Path, started: list[Up]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        up = Up(tmp_path, RUNYARD_PORT=str(other.getsockname()[1]))
        started.append(up)
        _, errors = up.process.communicate(timeout=LIMIT_SECONDS)
    assert up.process.returncode == 1
    assert "RUNYARD_PORT" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.processes
def test_an_api_that_cannot_start_stops_everything_with_its_last_words(
    tmp_path: Path, started: list[Up]
) -> None:
    up = Up(tmp_path, api="raise SystemExit('the schema is too new')")
    started.append(up)
    _, errors = up.process.communicate(timeout=60)
    assert up.process.returncode == 1
    assert "the schema is too new" in errors.splitlines()[-1]
