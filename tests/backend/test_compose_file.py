"""docker-compose.yml as compose, its schema and hadolint read it, and what must hold of every service."""

import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import psycopg.pq
import pytest

from backend.settings import Settings
from tests.compose import DOCKERFILE, FILE, ROOT, composed, images, tool

ONE_SHOTS = {"secrets", "migrate"}
SECONDS = {"s": 1, "m": 60, "h": 3600}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return composed()["services"]


def seconds(duration: str) -> float:
    """Return "1m30s" as seconds."""
    parts = re.findall(r"([\d.]+)([smh])", duration)
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
        ["docker-compose", "--file", str(FILE), "--profile", "*", "config", "--quiet"],
        ["hadolint", str(DOCKERFILE)],
    ],
    ids=lambda command: command[0],
)
def test_programs_that_know_the_format_find_nothing(command: list[str]) -> None:
    name, *arguments = command
    done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_nothing_in_the_dockerfile_is_hidden_from_hadolint() -> None:
    assert "hadolint ignore" not in DOCKERFILE.read_text()


def test_all_services_are_there(services: dict) -> None:
    assert set(services) == {"postgres", "redis", "api", "worker", "worker-gpu", *ONE_SHOTS}


def test_only_the_service_is_published_and_only_on_the_loopback(services: dict) -> None:
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert list(published) == ["api"]
    (port,) = published["api"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8420", 8420)
    assert not any(service.get("network_mode") == "host" for service in services.values())


def test_another_port_is_the_same_inside_and_outside() -> None:
    api = composed(RUNYARD_PORT="9000")["services"]["api"]
    assert (api["ports"][0]["published"], api["ports"][0]["target"]) == ("9000", 9000)
    assert api["environment"]["RUNYARD_PORT"] == "9000"


def test_the_database_and_the_broker_have_no_way_out(services: dict) -> None:
    assert composed()["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis", "migrate"):
        assert list(services[name]["networks"]) == ["inside"]
    assert services["secrets"]["network_mode"] == "none"


def test_every_service_may_do_no_more_than_it_needs(services: dict) -> None:
    for name, service in services.items():
        assert service["init"] is True, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
    assert [name for name, service in services.items() if service.get("cap_add")] == ["postgres"]


def test_our_images_do_not_run_as_root(services: dict) -> None:
    known = images()
    for name, service in services.items():
        if "build" in service:
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", known[service["build"]["target"]].user), name


def test_what_runs_on_is_restarted_and_tells_how_it_is(services: dict) -> None:
    for name, service in services.items():
        lasts = name not in ONE_SHOTS
        assert service["restart"] == ("unless-stopped" if lasts else "no"), name
        assert ("healthcheck" in service) == lasts, name


def test_the_order_of_the_start_is_made_sure_of(services: dict) -> None:
    def waits_for(name: str) -> dict[str, str]:
        return {other: wait["condition"] for other, wait in services[name]["depends_on"].items()}

    assert waits_for("postgres") == {"secrets": "service_completed_successfully"}
    assert waits_for("migrate") == {"postgres": "service_healthy"}
    for name in ("api", "worker", "worker-gpu"):
        assert waits_for(name)["migrate"] == "service_completed_successfully"


def test_a_worker_has_longer_to_stop_than_its_drain_takes(services: dict) -> None:
    for name in ("worker", "worker-gpu"):
        drain_seconds = float(services[name]["environment"]["RUNYARD_DRAIN_SECONDS"])
        assert drain_seconds > Settings.model_fields["drain_seconds"].default
        assert seconds(services[name]["stop_grace_period"]) >= drain_seconds + 20


def test_every_variable_is_one_that_something_reads(services: dict) -> None:
    known = {f"RUNYARD_{name.upper()}" for name in Settings.model_fields}
    known |= {"RUNYARD_WORKER_DEVICE", "PGPASSFILE", "CUDA_VISIBLE_DEVICES", "OMP_WAIT_POLICY"}
    for name in ("migrate", "api", "worker", "worker-gpu"):
        assert set(services[name]["environment"]) <= known, name


def test_no_secret_stands_in_the_file(services: dict) -> None:
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            secret = re.search("PASSWORD|SECRET|TOKEN|KEY", variable)
            assert not secret or (variable.endswith("_FILE") and value.startswith("/secrets/")), (
                name,
                variable,
            )
            assert not re.search(r"://[^/@]*:[^/@]*@", value or ""), (name, variable)


def test_only_the_service_sees_the_token_and_nobody_else_may_write_secrets(services: dict) -> None:
    seen = {
        (name, volume["source"]): volume.get("read_only", False)
        for name, service in services.items()
        for volume in service.get("volumes", [])
        if volume["target"].startswith("/secrets")
    }
    assert {name for name, source in seen if source == "token"} == {"secrets", "api"}
    assert {name for (name, _), read_only in seen.items() if not read_only} == {"secrets"}


def make_secrets(folder: Path) -> None:
    for name in ("password", "token"):
        (folder / name).mkdir(exist_ok=True)
    script = ROOT / "docker" / "make_secrets.py"
    subprocess.run([sys.executable, script, folder / "password", folder / "token"], check=True)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once_and_each_time_others(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        make_secrets(folder)
    first = contents(here)
    assert set(first) == {"password/postgres-password", "password/pgpass", "token/token"}
    assert all(stat.S_IMODE((here / name).stat().st_mode) == 0o600 for name in first)
    make_secrets(here)
    assert contents(here) == first
    assert set(first.values()).isdisjoint(contents(there).values())


def test_libpq_finds_the_password_where_the_file_of_it_says(
    tmp_path: Path, services: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_secrets(tmp_path)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "password" / "pgpass"))
    address = services["api"]["environment"]["RUNYARD_DATABASE_URL"]
    # Nobody listens there; what the password would be is known before.
    connection = psycopg.pq.PGconn.connect_start(f"{address}?hostaddr=127.0.0.1".encode())
    assert connection.password.decode() == (tmp_path / "password" / "postgres-password").read_text().strip()
    connection.finish()


def test_the_lock_of_the_service_is_a_part_of_the_workers_without_torch() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[\w.]+)", (ROOT / name).read_text(), re.MULTILINE))

    service, worker = pins("requirements-api.lock"), pins("requirements.lock")
    assert service < worker
    names = {pin.partition("==")[0] for pin in service}
    assert not names & {"torch", "torchvision", "safetensors", "triton"}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split(r"[\[>=;]", one)[0] for one in wanted} <= names


def test_the_lock_has_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements-api.lock").read_text()
    assert "--index" not in text
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")


def test_the_builder_is_given_all_that_the_images_copy() -> None:
    rules = (ROOT / ".dockerignore").read_text().split()
    assert "*" in rules
    for image in images().values():
        for sources, _ in image.copies:
            for source in sources:
                assert (ROOT / source).exists(), source
                assert f"!{source.partition('/')[0]}" in rules, source


def test_scripts_of_the_images_can_be_run() -> None:
    for name in ("runyard-in-api", "runyard-in-worker"):
        assert os.access(ROOT / "docker" / name, os.X_OK), name
