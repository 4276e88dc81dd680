"""What is to be said of a version of SQLite."""

# https://sqlite.org/wal.html, "WAL-reset bug": a checkpoint that meets a commit can lose it.
SAFE_SQLITE = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


def sqlite_warnings(version: tuple[int, ...]) -> list[str]:
    """Return what is to be said of a version of SQLite."""
    fixed = version >= SAFE_SQLITE[0] or any(
        version[:2] == safe[:2] and version >= safe for safe in SAFE_SQLITE[1:]
    )
    if fixed:
        return []
    shown = ".".join(str(part) for part in version)
    return [
        f"SQLite {shown} has a rare fault in its write-ahead log that can damage the database; "
        "3.51.3, 3.50.7 and 3.44.6 mend it. Back up, or use Postgres."
    ]
