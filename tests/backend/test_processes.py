import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend.processes import group_members, is_alive, kill_group, wait_until

LIMIT_SECONDS = 10.0


def python(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], text=True, stdout=subprocess.PIPE, **options
    )


def read_pid(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(LIMIT_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


# A parent that starts a child which writes its pid and waits; `tie` decides how the child is tied.
PARENT = """
import subprocess, sys, time
child = "import os, sys, time; from backend.processes import die_with_parent; " \\
        "die_with_parent(parent_pid=int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(60)"
import os
subprocess.Popen([sys.executable, "-c", child, str(os.getpid())], start_new_session=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_a_tied_child_ends_when_its_parent_is_killed() -> None:
    parent = python(PARENT)
    child_pid = read_pid(parent)
    assert is_alive(child_pid)
    end(parent)
    assert wait_until(lambda: not is_alive(child_pid), LIMIT_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_a_child_whose_parent_died_before_it_could_be_tied_ends_at_once() -> None:
    nobody = 2**22 + 1  # above the largest pid there can be
    code = (
        "import sys; from backend.processes import die_with_parent; "
        "die_with_parent(parent_pid=int(sys.argv[1])); print('lives')"
    )
    child = python(code, nobody)
    output, _ = child.communicate(timeout=LIMIT_SECONDS)
    assert (child.returncode, output) == (-signal.SIGTERM, "")


def test_killing_a_group_ends_its_children_that_ignore_term() -> None:
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "subprocess.Popen([sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)']); "
        "time.sleep(60)"
    )
    leader = python(code, start_new_session=True)
    grandchild_pid = read_pid(leader)
    assert set(group_members(leader.pid)) == {leader.pid, grandchild_pid}
    # The leader stays a zombie until it is waited for: that counts as gone.
    assert kill_group(leader.pid, LIMIT_SECONDS)
    assert group_members(leader.pid) == []
    assert not is_alive(grandchild_pid)
    assert leader.wait(LIMIT_SECONDS) == -signal.SIGKILL
    end(leader)


def test_killing_a_group_that_is_gone_succeeds() -> None:
    child = python("", start_new_session=True)
    child.wait(LIMIT_SECONDS)
    end(child)
    assert kill_group(child.pid, 0.0)


@pytest.mark.parametrize("pgid", [0, 1, os.getpgrp()])
def test_killing_everyone_or_oneself_is_a_programming_error(pgid: int) -> None:
    with pytest.raises(AssertionError):
        kill_group(pgid)


def test_waiting_ends_as_soon_as_the_condition_holds() -> None:
    looks = iter([False, False, True, AssertionError("looked again")])
    assert wait_until(lambda: next(looks), LIMIT_SECONDS, pause_seconds=0.0)


def test_waiting_gives_up_at_its_limit_but_always_looks_once() -> None:
    assert not wait_until(lambda: False, 0.0)
    assert wait_until(lambda: True, 0.0)


def test_a_command_starts_only_once_the_one_before_it_let_go_of_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    command = [sys.executable, "-m", "backend.start_child", os.getpid(), lock]
    sleeper = ["-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
    first = subprocess.Popen(
        [*map(str, command), sys.executable, *sleeper], text=True, stdout=subprocess.PIPE
    )
    assert read_pid(first) == first.pid, "the command takes over the process"
    second = subprocess.Popen(
        [*map(str, command), sys.executable, *sleeper], text=True, stdout=subprocess.PIPE
    )
    waiting = Path("/proc/locks")
    if waiting.exists():
        assert wait_until(
            lambda: f"-> FLOCK  ADVISORY  WRITE {second.pid} " in waiting.read_text(), LIMIT_SECONDS
        )
    end(first)
    assert read_pid(second) == second.pid
    end(second)
