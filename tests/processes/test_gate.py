"""The gate around real processes: what a start refuses, and that the token is nowhere but where it belongs."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from backend.gate.operator_token import new_token
from tests.processes.stack import ROOT, Stack
from tests.servers import free_port

pytestmark = pytest.mark.processes

START = {
    "api": ([sys.executable, "-m", "backend.main"], 2),
    "up": ([sys.executable, "-m", "backend.cli", "up", "--workers", "0"], 1),
}


def environment(home: Path, **settings: str) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RUNYARD_TOKEN")}
    return {**bare, "RUNYARD_HOME": str(home), "RUNYARD_PORT": str(free_port()), **settings}


def secret(path: Path, mode: int) -> Path:
    path.write_text(f"{new_token()}\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("how", START)
@pytest.mark.parametrize("case", ["short", "open file", "beyond the loopback", "both"])
def test_a_start_that_would_not_be_safe_ends_with_one_sentence(tmp_path: Path, how: str, case: str) -> None:
    settings, says = {
        "short": ({"RUNYARD_TOKEN": "only-31-characters-are-too-few."}, "RUNYARD_TOKEN holds 31 characters"),
        "open file": ({"RUNYARD_TOKEN_FILE": str(secret(tmp_path / "secret", 0o644))}, "run `chmod 600 "),
        "beyond the loopback": ({"RUNYARD_HOST": "0.0.0.0"}, "give a token by RUNYARD_TOKEN_FILE"),
        "both": (
            {"RUNYARD_TOKEN": new_token(), "RUNYARD_TOKEN_FILE": str(secret(tmp_path / "s", 0o600))},
            "keep one of them",
        ),
    }[case]
    command, status = START[how]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(tmp_path / "home", **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    (line,) = done.stderr.splitlines()
    assert says in line
    assert done.stdout == ""
    assert not any(value in line for name, value in settings.items() if name == "RUNYARD_TOKEN")
    assert not (tmp_path / "home" / "runyard.db").exists()


def test_the_token_is_nowhere_but_with_the_service(tmp_path: Path) -> None:
    """A canary through a whole round: launch, train, log in rightly and wrongly, make a token, ask for all."""
    canary = new_token()
    with Stack(tmp_path / "home", token=canary, host="0.0.0.0", hosts="lab-7.example") as stack:
        assert stack.wait_for_end(stack.launch(epochs=1))["state"] == "completed"
        made, answers = a_round(stack, canary)
        processes = [psutil.Process(stack.process.pid), *stack.descendants()]
        arguments = "\0".join(" ".join(process.cmdline()) for process in processes)
        holders = {process.pid for process in processes if canary in process.environ().values()}
        children = [stack.worker_process(), stack.fork_server_process()]
        assert not holders & {process.pid for process in children}
        assert 1 <= len(holders) <= 2  # `up`, which was given it, and the API
        assert canary not in stack.story()
    assert canary not in arguments
    assert not [answer for answer in answers if canary in answer or made in answer]
    assert not (stack.home / "token").exists()
    files = [path for path in stack.home.rglob("*") if path.is_file()]
    assert {"runyard.db", "api.log", "worker-0.log", "up.out"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert canary.encode() not in content, path
        assert made.encode() not in content, path


def a_round(stack: Stack, canary: str) -> tuple[str, list[str]]:
    """Use the service in all ways that touch tokens; return a token that was made, and every answer."""
    address = f"http://127.0.0.1:{stack.port}"
    line = [sys.executable, "-m", "backend.cli"]
    env = environment(stack.home, RUNYARD_PORT=str(stack.port))
    made = subprocess.run(
        [*line, "token", "create", "ada"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()
    answers = []
    with httpx.Client(base_url=address, trust_env=False) as http:
        for body in (
            {"token": canary},
            {"tokne": canary},
            {"token": [canary]},
            {"code": canary},
            {"token": made},
        ):
            answers.append(http.post("/api/login", json=body).text)
        http.cookies.clear()
        bearer = {"Authorization": f"Bearer {canary}"}
        paths = ["status", "health", "runs", "runs/1", "runs/1/log", "runs/1/points", "openapi.json"]
        answers += [http.get(f"/api/{path}", headers=bearer).text for path in paths]
        answers.append(http.get("/api/runs", headers={"Authorization": f"Bearer {canary}x"}).text)
        answers.append(http.get("/api/runs", headers={"Authorization": f"Bearer {made}"}).text)
        answers.append(http.get("/api/runs", headers={"Host": "evil.example", **bearer}).text)
        named = http.get("/api/status", headers={"Host": "lab-7.example", **bearer})
        assert named.is_success
        answers.append(named.text)
    for command in (["token", "list"], ["token", "list", "--json"], ["runs"], ["login"]):
        given = {**env, "RUNYARD_TOKEN": canary, "RUNYARD_HOST": "0.0.0.0"}
        done = subprocess.run(
            [*line, *command], cwd=ROOT, env=given, capture_output=True, text=True, check=True
        )
        answers.append(done.stdout + done.stderr)
    return made, answers
