"""A Postgres database into a file and back, by the programs that come with Postgres; their last sentence is told where they fail."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import URL

from backend.backup.manifest import BackupProblem
from backend.store import backups

PASSWORD = "password"

SCHEMA = f"--schema={backups.SCHEMA}"
"""Ours alone: a restore sets aside no other, and what concerns the whole database (an extension, say) may need a superuser."""


def dump(url: URL, snapshot: str, target: Path) -> None:
    """Write the state that `snapshot` names into a file in pg_dump's custom format.

    Raises:
        BackupProblem: pg_dump is not here, or failed.
    """
    _run("pg_dump", url, ["--format=custom", f"--snapshot={snapshot}", SCHEMA, f"--file={target}"])


def load(url: URL, source: Path) -> None:
    """Bring a file of `dump` into an empty database: all of it or nothing.

    Raises:
        BackupProblem: pg_restore is not here, or failed.
    """
    _run("pg_restore", url, ["--single-transaction", "--exit-on-error", SCHEMA, str(source)])


def told(url: URL) -> str:
    """Return an address without its secrets."""
    return url.set(password=None).difference_update_query(_secrets(url)).render_as_string()


def _secrets(url: URL) -> set[str]:
    """Return the names of what an address keeps secret in its query; `passfile` only names a file."""
    return {name for name in url.query if "password" in name.lower() or "secret" in name.lower()}


def _run(program: str, url: URL, options: list[str]) -> None:
    found = shutil.which(program)
    if found is None:
        raise BackupProblem(
            f"{program} is not on the PATH: install the client programs of Postgres, of the server's version."
        )
    if others := sorted(_secrets(url) - {PASSWORD}):
        raise BackupProblem(
            f"The database address has {' and '.join(others)}, which {program} would show to every account of this machine; "
            "write a service file of Postgres, and ?service=NAME instead."
        )
    # Not on the command line, where every account of the machine could read it.
    password = url.query.get(PASSWORD) or url.password
    secret = (
        {"PGPASSWORD": password[-1] if isinstance(password, tuple) else str(password)} if password else {}
    )
    address = told(url.set(drivername="postgresql"))
    done = subprocess.run(
        [found, "--no-password", "--no-owner", "--no-privileges", f"--dbname={address}", *options],
        env={**os.environ, **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupProblem(f"{program} failed: {_first_error(done.stderr) or f'status {done.returncode}'}.")


def _first_error(said: str) -> str:
    """Return what came first: the lines after it only say where, or are its consequences."""
    lines = said.strip().splitlines()
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return (errors or lines or [""])[0].rstrip(".")
