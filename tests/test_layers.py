"""The dependency rule, on the source and at run time."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "torchvision", "scipy", "plotly", "numpy", "celery")

# What the worker may import of the service beside the layers that ARCHITECTURE.md names.
WORKER_MAY = {
    "contract",
    "spec",
    "catalog",
    "settings",
    "errors",
    "store",
    "broker",
    "devices",
    "durable",
    "processes",
    "logs",
    "loops",
    "text",
    "version",
}
ENGINE_MAY = {"spec", "errors", "catalog", "contract", "durable"}

# Layer: what it must not import. `api` is the only one that knows HTTP, `store` the only one that knows SQL.
FORBIDDEN = {
    "backend": ("torch", "torchvision", "worker", "frontend"),
    "backend/store": (
        "fastapi",
        "starlette",
        "celery",
        "backend.api",
        "backend.queue",
        "backend.figures",
        "backend.analysis",
    ),
    "backend/api": (
        "sqlalchemy.insert",
        "sqlalchemy.update",
        "sqlalchemy.delete",
        "sqlalchemy.select",
        "celery",
    ),
    "backend/gate": ("fastapi", "starlette", "httpx", "celery", "backend.api", "backend.client"),
    "backend/doctor": ("fastapi", "starlette", "celery", "backend.api", "backend.app", "backend.cli"),
    "backend/analysis": ("sqlalchemy", "fastapi", "celery", "backend.api", "backend.store"),
    "backend/report": ("sqlalchemy", "fastapi", "celery", "backend.api"),
    "backend/references": ("sqlalchemy", "fastapi", "starlette", "celery", "backend.api", "backend.store"),
    "backend/export": ("sqlalchemy", "fastapi", "starlette", "celery", "backend.api", "backend.store"),
    "backend/figures": ("sqlalchemy", "fastapi", "celery", "backend.api"),
    "backend/notebook": ("sqlalchemy", "fastapi", "starlette", "celery", "backend.api", "backend.store"),
    "backend/catalog": ("sqlalchemy", "fastapi", "celery", "backend.api", "backend.store"),
    "worker": ("fastapi", "starlette", "backend.api", "backend.app", "backend.queue", "plotly"),
    "worker/engine": (
        "sqlalchemy",
        "celery",
        "structlog",
        "backend.store",
        "backend.settings",
        "worker.recorder",
    ),
}


# The command line speaks to the service; what may use the store itself, and why.
CLI_MAY_USE_THE_STORE = {
    "commands.py": "`db upgrade` comes before any service",
    "token_commands.py": "tokens are made on the host, by whoever may read its database",
    "backup_commands.py": "a backup is taken below the service, and restored while none runs",
    "doctor_command.py": "it says what is wrong while the service or its database is away",
}
USES_THE_STORE = ("backend.store", "backend.doctor", "backend.backup")


def imports(path: Path) -> set[str]:
    """Return every module and every name that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def files(folder: str) -> list[Path]:
    return [path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_layer_imports_what_it_must_not_know(folder: str) -> None:
    found = files(folder)
    assert found
    for path in found:
        for name in imports(path):
            for banned in FORBIDDEN[folder]:
                assert name != banned and not name.startswith(f"{banned}."), f"{path} imports {name}"


@pytest.mark.parametrize(("folder", "allowed"), [("worker", WORKER_MAY), ("worker/engine", ENGINE_MAY)])
def test_the_worker_knows_only_some_parts_of_the_service(folder: str, allowed: set[str]) -> None:
    for path in files(folder):
        for name in imports(path):
            if name.startswith("backend."):
                assert name.split(".")[1] in allowed, f"{path} imports {name}"


def test_the_command_line_uses_the_store_only_where_there_is_a_reason() -> None:
    users = {path.name for path in files("backend/cli") if any(map(_uses_the_store, imports(path)))}
    assert users <= CLI_MAY_USE_THE_STORE.keys()


def _uses_the_store(name: str) -> bool:
    return name in USES_THE_STORE or name.startswith(tuple(f"{part}." for part in USES_THE_STORE))


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


@pytest.mark.thorough
def test_the_service_starts_without_the_heavy_libraries() -> None:
    loaded = loaded_by("import backend.app, backend.main")
    assert loaded.isdisjoint(HEAVY), sorted(loaded & set(HEAVY))


@pytest.mark.thorough
def test_the_workers_own_process_loads_no_torch() -> None:
    loaded = loaded_by("import worker.celery_app, worker.forkserver, worker.supervisor")
    assert "celery" in loaded
    assert loaded.isdisjoint({"torch", "torchvision", "plotly", "fastapi"})


@pytest.mark.thorough
def test_the_engine_needs_no_database_and_no_queue() -> None:
    loaded = loaded_by("import worker.engine.train")
    assert "torch" in loaded
    assert loaded.isdisjoint({"sqlalchemy", "celery", "fastapi", "structlog"})
