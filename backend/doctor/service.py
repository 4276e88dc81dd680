"""The service: whether it answers, is alive and ready, is of this version and lets this command in; and who has its port."""

import json
import time
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil

from backend.client import Client, ServiceProblem
from backend.doctor.database import judge_clock
from backend.doctor.finding import Finding, fault, note, ok
from backend.errors import RunyardError
from backend.ports import is_free
from backend.processes import is_alive
from backend.settings import Settings

ABOUT = "service"
ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class ServiceFacts:
    """`answers`: somebody speaks HTTP there. `is_runyard`: in the words of this program.

    `alive` and `ready` are None where all is well, else what the service says is not.
    """

    address: str
    version_here: str
    answers: bool = False
    is_runyard: bool = False
    alive: str | None = None
    ready: str | None = None
    version: str | None = None
    refusal: str | None = None
    """Why it did not let this command in."""
    ahead_seconds: float | None = None
    port_is_free: bool = True
    up_process: int | None = None
    """The process of `runyard up` on this home folder, where it runs."""
    was_used: bool = True
    """Whether anything was ever started on this home folder."""

    @property
    def runs(self) -> bool:
        return self.answers and self.is_runyard


@dataclass(frozen=True)
class _Answer:
    status: int
    body: Any
    date: str | None


def look_at_service(settings: Settings, version_here: str) -> ServiceFacts:
    address = settings.address()
    began = time.time()
    health = _ask(settings, "/api/health")
    if health is None:
        free = is_free(settings.host, settings.port) if settings.is_local else True
        up, used = running_up(settings.home), settings.home.is_dir()
        return ServiceFacts(address, version_here, port_is_free=free, up_process=up, was_used=used)
    alive = _complaint(health)
    if alive is None and not (isinstance(health.body, dict) and "database" in health.body):
        return ServiceFacts(address, version_here, answers=True)
    ahead = _ahead(health.date, (began + time.time()) / 2)
    ready = _ask(settings, "/api/ready")
    version, refusal = _version(address)
    return ServiceFacts(
        address,
        version_here,
        answers=True,
        is_runyard=True,
        alive=alive,
        ready="It gave no answer to whether it is ready." if ready is None else _complaint(ready),
        version=version,
        refusal=refusal,
        ahead_seconds=ahead,
        up_process=running_up(settings.home),
    )


def judge_service(facts: ServiceFacts) -> list[Finding]:
    if not facts.answers:
        return [_judge_silence(facts)]
    if not facts.is_runyard:
        sentence = f"What answers at {facts.address} is no Runyard: another program has the port."
        return [fault(ABOUT, sentence, "set RUNYARD_PORT to a free one, or end that program")]
    found = [_judge_standing(facts)]
    if facts.refusal is not None:
        remedy = "set RUNYARD_HOME as the service has it, or RUNYARD_TOKEN_FILE"
        found.append(fault(ABOUT, f"It does not let this command in: {facts.refusal}", remedy))
    elif facts.version not in (None, facts.version_here):
        sentence = f"It is version {facts.version}, and this command {facts.version_here}."
        found.append(fault(ABOUT, sentence, "start it again, with `runyard up` of this version"))
    if facts.ahead_seconds is not None:
        found += judge_clock("the service's", facts.ahead_seconds)
    return found


def _judge_standing(facts: ServiceFacts) -> Finding:
    if facts.alive is not None:
        return fault(
            ABOUT, f"It answers at {facts.address}, but is not alive: {facts.alive}", "start it again"
        )
    if facts.ready is not None:
        sentence = f"It is alive at {facts.address}, but cannot serve: {facts.ready}"
        return fault(
            ABOUT,
            sentence,
            "see what is said of the database; else look into logs/api.log of the home folder",
        )
    return ok(ABOUT, f"It is alive and ready at {facts.address}.")


def _judge_silence(facts: ServiceFacts) -> Finding:
    silent = f"Nobody answers at {facts.address}"
    if facts.up_process is not None:
        sentence = f"{silent}, although `runyard up` is process {facts.up_process}."
        remedy = "look into logs/api.log of the home folder; RUNYARD_PORT must be as it was given to `up`"
        return fault(ABOUT, sentence, remedy)
    if not facts.port_is_free:
        sentence = f"{silent}, and another program has the port."
        return fault(ABOUT, sentence, "set RUNYARD_PORT to a free one, or end that program")
    if not facts.was_used:
        return note(ABOUT, f"{silent}: nothing was started here yet.", "runyard up")
    return fault(ABOUT, f"{silent}.", "runyard up (or set RUNYARD_HOST and RUNYARD_PORT to where it runs)")


def running_up(home: Path) -> int | None:
    """Return the process of `runyard up` on a home folder; None where there is none. Takes no lock: `up` may just start."""
    try:
        process = int((home / "up.lock").read_text())
        words = psutil.Process(process).cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return process if "up" in words and is_alive(process) else None


def _ask(settings: Settings, path: str) -> _Answer | None:
    """Return what is answered to a GET without a login; None where nobody answers. Never goes through a proxy."""
    with closing(HTTPConnection(settings.local_host, settings.port, timeout=ANSWER_SECONDS)) as connection:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            text = response.read(100_000)
        except (OSError, HTTPException, ValueError):
            return None
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        return _Answer(response.status, body, response.getheader("Date"))


def _complaint(answer: _Answer) -> str | None:
    """Return what a refusal of ours says; None for an answer that is none."""
    try:
        return None if answer.status < 400 else str(answer.body["error"]["message"])
    except (TypeError, KeyError):
        return None


def _version(address: str) -> tuple[str | None, str | None]:
    """Return the version of the service, or why it did not tell."""
    try:
        with Client(address, timeout_seconds=ANSWER_SECONDS, direct=True) as client:
            return client.status()["version"], None
    except ServiceProblem as problem:
        return None, None if problem.status == 503 else str(
            problem
        )  # its fault is told by whether it is ready
    except RunyardError as problem:
        return None, str(problem)


def _ahead(date: str | None, now: float) -> float | None:
    """Return how far the service's clock is ahead, to a second: its header tells no more."""
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5 - now
    except ValueError:
        return None
