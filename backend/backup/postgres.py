"""A Postgres database into a file and back, by the programs that come with Postgres; their last sentence is told where they fail."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import URL

from backend.backup.manifest import BackupProblem

SET_ASIDE = "set_aside_"
"""How the schemas begin that a restore has set aside: no part of what is backed up."""


def dump(url: URL, snapshot: str, target: Path) -> None:
    """Write the state that `snapshot` names into a file in pg_dump's custom format.

    Raises:
        BackupProblem: pg_dump is not here, or failed.
    """
    options = ["--format=custom", f"--snapshot={snapshot}", f"--exclude-schema={SET_ASIDE}*"]
    _run("pg_dump", url, [*options, f"--file={target}"])


def load(url: URL, source: Path) -> None:
    """Bring a file of `dump` into an empty database: all of it or nothing.

    Raises:
        BackupProblem: pg_restore is not here, or failed.
    """
    _run("pg_restore", url, ["--single-transaction", "--exit-on-error", str(source)])


def _run(program: str, url: URL, options: list[str]) -> None:
    found = shutil.which(program)
    if found is None:
        raise BackupProblem(
            f"{program} is not on the PATH: install the client programs of Postgres, of the server's version."
        )
    # Not on the command line, where every account of the machine could read it.
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    address = url.set(drivername="postgresql", password=None).render_as_string()
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
