"""One part after the other, each in a limited time; a part that fails in an unexpected way is a fault like others.

The parts share what one learns for the next: the settings, an open database, whether the service runs.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping

from backend.client import Client
from backend.doctor import broker, crew, database, environment, gpu, home, service
from backend.doctor.finding import Finding, fault, note
from backend.errors import RunyardError
from backend.settings import Settings
from backend.store import migrate
from backend.store.session import Database

PART_SECONDS = 45.0
"""SQLite waits half a minute for whoever holds it; then it says so."""


class Examination:
    """Everything that is looked at on this machine. Use `findings` once."""

    def __init__(self, environ: Mapping[str, str], version: str) -> None:
        self._environ = environ
        self._version = version
        self._settings = Settings.model_construct()
        self._database: Database | None = None
        self._service_runs = False

    def findings(self) -> list[Finding]:
        """Return what was found, the settings first: all that follows depends on them."""
        parts: dict[str, Callable[[], list[Finding]]] = {
            environment.ABOUT: self._of_settings,
            home.ABOUT: lambda: home.judge_home(home.look_at_home(self._settings.home)),
            home.TOKEN: lambda: home.check_token(self._settings),
            database.ABOUT: self._of_database,
            service.ABOUT: self._of_service,
            broker.ABOUT: self._of_broker,
            crew.WORKERS: self._of_crew,
            gpu.ABOUT: lambda: gpu.judge_gpus(gpu.look_at_gpus(self._environ)),
        }
        found = [finding for about, part in parts.items() for finding in within(PART_SECONDS, about, part)]
        if self._database is not None:
            self._database.dispose()
        return found

    def _of_settings(self) -> list[Finding]:
        self._settings, wrong = environment.look_at_settings()
        return environment.judge_settings(wrong, self._environ)

    def _of_database(self) -> list[Finding]:
        path = database.sqlite_path(self._settings.resolved_database_url)
        wanted, version = migrate.newest_revision(), sqlite3.sqlite_version_info
        if path is not None and not path.exists():
            missing = database.DatabaseFacts(path, is_there=False)
            return database.judge_database(missing, wanted, version)
        opened = Database(self._settings.resolved_database_url)
        facts = database.look_at_database(opened)
        if facts.revision == wanted:
            self._database = opened
        else:
            opened.dispose()  # of another version: its tables may be others
        return database.judge_database(facts, wanted, version)

    def _of_service(self) -> list[Finding]:
        if self._settings.port == 0:
            return [note(service.ABOUT, "RUNYARD_PORT is 0: `runyard up` takes any port, and says which.")]
        facts = service.look_at_service(self._settings, self._version)
        self._service_runs = facts.runs and facts.refusal is None
        return service.judge_service(facts)

    def _of_broker(self) -> list[Finding]:
        return broker.judge_broker(broker.look_at_broker(self._settings), service_runs=self._service_runs)

    def _of_crew(self) -> list[Finding]:
        if self._database is not None:
            with self._database.read() as session:
                return crew.judge_crew(crew.look_at_store(session, self._settings))
        if self._service_runs:
            with Client(self._settings.address(), direct=True) as client:
                return crew.judge_crew(crew.ask_service(client))
        return [note(crew.WORKERS, "Nobody can tell: neither the database nor the service answers.")]


def within(seconds: float, about: str, part: Callable[[], list[Finding]]) -> list[Finding]:
    """Return what a part finds; a fault where it fails or comes to no end, as on a network that hangs."""
    found: list[Finding] = []

    def look() -> None:
        try:
            found.extend(part())
        except RunyardError as problem:
            found.append(fault(about, str(problem)))
        except Exception as problem:  # noqa: BLE001 -- a doctor looks at what is broken in ways that nobody thought of
            said = (str(problem).strip() or "no reason was given").splitlines()[0]
            found.append(fault(about, f"It could not be looked at: {type(problem).__name__}, {said}"))

    thread = threading.Thread(target=look, name=f"doctor-{about}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return [*found, fault(about, f"It gave no answer within {seconds:.0f} s.")]
    return found
