"""Whether a SQLite file is sound, by SQLite's own check, in a limited time and without changing it."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

MOST_DAMAGES = 3
UNCHECKED = "It could not be checked"


def quick_check(path: Path, limit_seconds: float) -> list[str] | None:
    """Return what is damaged, at most a few places, or why nothing can be read (after UNCHECKED where that is no damage); None where the check came to no end in time.

    In a thread that is left behind then: older SQLites hear of no interruption within the check.
    """
    found: list[list[str]] = []
    thread = threading.Thread(target=lambda: found.append(_check(path)), name="quick-check", daemon=True)
    thread.start()
    thread.join(limit_seconds)
    return found[0] if found else None


def _check(path: Path) -> list[str]:
    try:
        # Not through the engine, which makes a WAL file of what it opens.
        address = f"file:{quote(str(path))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=5.0)) as connection:
            rows = connection.execute(f"PRAGMA quick_check({MOST_DAMAGES})").fetchall()
    except sqlite3.OperationalError as problem:
        # Locked, out of reach, no permission: that says nothing of damage.
        return [f"{UNCHECKED} ({problem})"]
    except sqlite3.Error as problem:
        return [str(problem)]
    return [] if rows == [("ok",)] else [str(row[0]) for row in rows]
