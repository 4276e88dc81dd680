"""Make the secrets of docker-compose.yml where they are missing: random, each readable by its owner alone.

In volumes, by the first service to run, and not as secrets of compose: those are files of the host, mounted with the
host's owner and mode. Of mode 0600 the images' user could not read them; of any wider one Runyard and libpq refuse them.

    python make_secrets.py FOLDER_OF_PASSWORD FOLDER_OF_TOKEN
"""

import os
import secrets
import sys
from pathlib import Path

DATABASE = "postgres:5432:runyard:runyard"
"""Host, port, database and user, as libpq's password file has them."""


def make(password_folder: Path, token_folder: Path) -> None:
    """Write the database's password, libpq's file with it, and the operator's token; what is there stays."""
    password = kept_or_new(password_folder / "postgres-password", secrets.token_hex(32))
    kept_or_new(password_folder / "pgpass", f"{DATABASE}:{password}")
    kept_or_new(token_folder / "token", secrets.token_urlsafe(32))


def kept_or_new(path: Path, value: str) -> str:
    """Return what the file holds; write it first, whole or not at all, where it is not there."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{value}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return path.read_text().strip()


if __name__ == "__main__":
    make(*map(Path, sys.argv[1:3]))
