"""docker-compose.yml without an engine: each service's very command, environment and health check, as a process here.

What a container would have of its own is changed and nothing else: names of hosts, paths, ports. Each runs over a
folder with just the files that its image copies.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from backend.client import Client, ServiceProblem
from backend.contract import FINAL
from backend.processes import wait_until
from tests.compose import composed, images
from tests.conftest import unavailable
from tests.servers import TestPostgres, free_port

pytestmark = pytest.mark.processes

START_SECONDS = 240.0
RUN = {
    "preset": "softmax-original",
    "overrides": {"dataset": {"name": "shapes", "train_limit": 2000, "test_limit": 200}, "epochs": 2},
}


class Lab:
    """The services of docker-compose.yml as processes of this machine."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self.port = free_port()
        self._services = composed(RUNYARD_PORT=str(self.port), RUNYARD_CPU_THREADS="1")["services"]
        self._images = images()
        for target in ("api", "worker"):
            self._images[target].fill(folder / target)
        for path in ("data", "bells", "password", "token"):
            (folder / path).mkdir()
        self.redis_port = free_port()
        database = self._services["api"]["environment"]["RUNYARD_DATABASE_URL"]
        self._here = {
            database: database_url,
            "redis://redis:6379": f"redis://127.0.0.1:{self.redis_port}",
            "/secrets/": f"{folder}/",
        }
        self._started: list[psutil.Popen] = []

    def command(self, name: str, words: list[str] | None = None) -> dict[str, Any]:
        """Return what to start for a service, or for other words in its container."""
        service = self._services[name]
        target = service.get("build", {}).get("target")
        root = self._folder / (target or name)
        root.mkdir(exist_ok=True)
        words = words or [*(service.get("entrypoint") or []), *service["command"]]
        environment = {
            **(self._images[target].environment if target else {}),
            **(service.get("environment") or {}),
        }
        paths = {"/data": str(self._folder / ("data" if target else "bells")), "/app": str(root / "app")}
        path = (
            f"{root}/usr/local/bin{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        )
        return {
            "args": [self._here_is(word, paths) for word in words],
            "env": {
                **{key: self._here_is(value or "", paths) for key, value in environment.items()},
                "PATH": path,
            },
            "cwd": root / "app" if target else root,
        }

    def _here_is(self, text: str, paths: dict[str, str]) -> str:
        for there, here in {**self._here, **paths}.items():
            text = text.replace(there, here)
        return text

    def run(self, name: str, words: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a service that ends by itself, or other words in the container of one."""
        wanted = self.command(name, words)
        return subprocess.run(**wanted, capture_output=True, text=True, check=False)

    def start(self, name: str, *more: str) -> psutil.Popen:
        wanted = self.command(name)
        wanted["args"] += more
        with (self._folder / f"{name}.log").open("a") as log:
            process = psutil.Popen(**wanted, stdout=log, stderr=log, start_new_session=True)
        self._started.append(process)
        return process

    def health(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the health check of a service as the engine would, in its container."""
        kind, *words = self._services[name]["healthcheck"]["test"]
        if kind == "CMD-SHELL":
            (line,) = words
            words = ["/bin/sh", "-c", line.replace("redis-cli", f"redis-cli -p {self.redis_port}")]
        return self.run(name, words)

    def is_well(self, name: str) -> bool:
        return self.health(name).returncode == 0

    def drain_seconds(self, name: str) -> float:
        return float(self._services[name]["environment"]["RUNYARD_DRAIN_SECONDS"])

    def story(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in self._folder.glob("*.log"))

    def end(self) -> None:
        everyone = [child for process in self._started for child in _with_children(process)]
        for process in reversed(self._started):
            if process.poll() is None:
                process.terminate()
        wait_until(lambda: all(process.poll() is not None for process in self._started), 120)
        for process in everyone:
            if process.is_running():
                process.kill()
        for process in self._started:
            process.wait()


def _with_children(process: psutil.Popen) -> list[psutil.Process]:
    if process.poll() is not None:
        return []
    return [psutil.Process(process.pid), *process.children(recursive=True)]


@contextmanager
def client_of(lab: Lab, folder: Path) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{lab.port}", token_file=folder / "token" / "token") as client:
        yield client


@pytest.fixture
def lab(tmp_path: Path, postgres: TestPostgres) -> Iterator[Lab]:
    with postgres.fresh_database(migrated=False) as database_url:
        made = Lab(tmp_path, database_url)
        try:
            yield made
        finally:
            made.end()


def start_redis(lab: Lab) -> None:
    if shutil.which("redis-server") is None:
        unavailable("redis", "there is no redis-server, which the service's command names")
    lab.start("redis", "--port", str(lab.redis_port), "--bind", "127.0.0.1")
    assert shutil.which("redis-cli") is None or wait_until(lambda: lab.is_well("redis"), 10), lab.story()


def start_all(lab: Lab) -> psutil.Popen:
    """Start everything in the order of the file; return the worker."""
    assert lab.run("secrets").returncode == 0
    start_redis(lab)
    for _ in range(2):  # each `up` runs it again
        migrated = lab.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert migrated.stdout.startswith("The database is at revision ")
    assert not lab.is_well("api")
    assert not lab.is_well("worker")
    lab.start("api")
    worker = lab.start("worker")
    assert wait_until(lambda: lab.is_well("api"), START_SECONDS, 0.2), lab.story()
    assert wait_until(lambda: lab.is_well("worker"), START_SECONDS, 0.5), lab.story()
    return worker


def test_the_services_train_drain_and_are_seen_to_die(lab: Lab, tmp_path: Path) -> None:
    worker = start_all(lab)
    with client_of(lab, tmp_path) as client:
        (run_id,) = client.launch(**RUN)["runs"]
        assert wait_until(lambda: client.run(run_id)["state"] in FINAL, 90, 0.2), lab.story()
        run = client.run(run_id)
        assert (run["state"], run["attempt"], run["last"]["epoch"]) == ("completed", 1, 2), run["detail"]
        assert (tmp_path / "data" / "runs").is_dir(), "what is trained lies in the volume that both see"

        (endless,) = client.launch(**{**RUN, "overrides": {**RUN["overrides"], "epochs": 5000}})["runs"]
        assert wait_until(lambda: client.run(endless)["last"], 60, 0.2), lab.story()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(lab.drain_seconds("worker")) == 0, lab.story()
        drained = client.run(endless)
        assert (drained["state"], drained["losses"]) == ("queued", 0)
        assert not lab.is_well("worker")

        again = lab.start("worker")
        assert wait_until(lambda: lab.is_well("worker"), START_SECONDS, 0.5), lab.story()
        again.kill()
        again.wait()
        dead = lab.health("worker")
        assert dead.returncode == 1
        assert dead.stderr == "No worker 'worker' was heard of here for 15 s.\n"


def test_only_who_has_the_token_gets_in_and_login_prints_a_link_for_the_hosts_browser(
    lab: Lab, tmp_path: Path
) -> None:
    assert lab.run("secrets").returncode == 0
    assert lab.run("migrate").returncode == 0
    lab.start("api")
    assert wait_until(lambda: lab.is_well("api"), START_SECONDS, 0.2), lab.story()
    address = f"http://127.0.0.1:{lab.port}"
    with pytest.raises(ServiceProblem), Client(address, token="x" * 43) as stranger:
        stranger.status()
    printed = lab.run("api", ["runyard", "login"])
    assert printed.returncode == 0, printed.stderr
    link = httpx.URL(printed.stdout.strip())
    assert (link.host, link.port, link.path) == ("127.0.0.1", lab.port, "/login")
    origin = {"Origin": address}
    with httpx.Client(base_url=address, headers=origin, trust_env=False) as browser:
        assert browser.get("/api/status").status_code == 401
        assert browser.post("/api/login", json={"code": link.fragment}).status_code == 200
        assert browser.get("/api/status").status_code == 200
        assert browser.get("/").status_code == 200


def test_the_worker_image_imports_data_and_sends_for_the_rest_to_the_service(
    lab: Lab,
) -> None:
    assert lab.run("migrate").returncode == 0
    refused = lab.run("worker", ["runyard", "data", "fetch", "nothing-known"])
    assert refused.returncode == 1
    assert refused.stderr.startswith("There is no data set to download 'nothing-known'"), refused.stderr
    elsewhere = lab.run("worker", ["runyard", "runs"])
    assert elsewhere.returncode == 2
    assert "docker compose exec api runyard" in elsewhere.stderr
