"""`runyard up`: the broker, the API and one worker per device on this machine, until Ctrl-C.

It must not know what they do, only how they are started, seen ready and stopped.
"""

import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from backend.broker import EmbeddedBroker, broker_for
from backend.children import Child, Plan
from backend.client import Client, ServiceProblem
from backend.command_name import command_name
from backend.devices import devices_for, devices_of_workers, held_together
from backend.errors import InvalidSetting, RunyardError
from backend.gate.operator_token import operator_token
from backend.home_lock import HomeInUse, holding_home
from backend.ports import answers, any_free_port, is_free
from backend.processes import wait_until
from backend.settings import Settings
from backend.signals import StopSignals

# Seconds since the wish to stop. Workers get nearly all of it, for their trainings to write a checkpoint.
API_STOPS_AT = 7.0
BROKER_STOPS_AT = 8.0
KILL_AT = 8.5

TOKEN_VARIABLES = ("RUNYARD_TOKEN", "RUNYARD_TOKEN_FILE")
TICK_SECONDS = 0.1
SLOW_START_SECONDS = 60.0
BROKER_WAIT_SECONDS = 10.0
PORT_WAIT_SECONDS = 3.0
"""The API of an owner that was killed needs a moment to close its streams."""


@dataclass(frozen=True)
class Commands:
    """What to run as the API and as a worker."""

    api: Sequence[str] = (sys.executable, "-m", "backend.main")
    worker: Sequence[str] = (sys.executable, "-m", "worker")


class CannotStart(RunyardError):
    """Why `runyard up` ends; for the terminal, never over HTTP."""


def run_up(settings: Settings, *, workers: int | None = None, commands: Commands | None = None) -> int:
    """Run everything until Ctrl-C or TERM; return the exit code.

    `workers` None means as many as hold all devices. Must be called from the main thread.
    """
    try:
        settings.make_home()
        token = operator_token(settings)
        _refuse_a_missing_database(settings)
        with StopSignals() as signals, holding_home(settings.home):
            return _Runner(settings, workers, commands or Commands(), signals, token).run()
    except (CannotStart, HomeInUse, InvalidSetting) as refusal:
        _complain(str(refusal))
        return 1


def _refuse_a_missing_database(settings: Settings) -> None:
    """Say at once what is wrong with the database, instead of starting children that cannot work.

    Raises:
        InvalidSetting: its address means nothing.
        CannotStart: nobody answers there, or it has not the schema that this version needs.
    """
    from backend.store import migrate
    from backend.store.session import STORE_AWAY, Database

    database = Database(settings.resolved_database_url)
    if database.is_sqlite:
        return
    try:
        found = migrate.current_revision(database)
    except STORE_AWAY as problem:
        reason = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
        raise CannotStart(f"The database of RUNYARD_DATABASE_URL does not answer: {reason}.") from None
    finally:
        database.dispose()
    if found != migrate.newest_revision():
        raise CannotStart(
            f"The database is {f'at revision {found}' if found else 'empty'}, and this version needs "
            f"{migrate.newest_revision()}: run `runyard db upgrade`."
        )


class _Runner:
    def __init__(
        self,
        settings: Settings,
        workers: int | None,
        commands: Commands,
        signals: StopSignals,
        token: str,
    ) -> None:
        self._settings = settings
        self._signals = signals
        self._token = token
        self._port = _choose_port(settings)
        self._url = f"{settings.address(self._port)}/"
        self._environment = {
            **_without_tokens(os.environ),
            **_as_environment(settings, self._port),
            "PYTHONUNBUFFERED": "1",
        }
        self._broker = broker_for(settings)
        self._broker_child = self._own_broker()
        self._api = self._child("api", commands.api, _given_token(settings))
        held = held_together(devices_for(os.environ), settings.devices_per_worker)
        devices = devices_of_workers(held, workers)
        self._workers = [
            self._child(f"worker-{index}", commands.worker, device.environment(index))
            for index, device in enumerate(devices)
        ]
        self._started_at = time.monotonic()
        self._is_ready = self._is_slow = False

    @property
    def _children(self) -> list[Child]:
        return [*self._workers, self._api, *self._broker_child]

    def run(self) -> int:
        drain_seconds = self._settings.drain_seconds
        if drain_seconds > KILL_AT:
            _complain(
                f"RUNYARD_DRAIN_SECONDS is {drain_seconds:g}, but `runyard up` ends its workers "
                f"{KILL_AT} s after it is stopped."
            )
        try:
            self._start_broker()
            while not self._signals.asked_to_stop:
                self._tend()
                self._signals.pause(TICK_SECONDS)
        finally:
            self._stop()
        return 0

    def _start_broker(self) -> None:
        """Have the broker answer before anyone connects to it: saves the first warning of each child."""
        for child in self._broker_child:
            child.start()
        wait_until(self._broker_is_decided, BROKER_WAIT_SECONDS)

    def _broker_is_decided(self) -> bool:
        dead = any(not child.is_running() for child in self._broker_child)
        return self._signals.asked_to_stop or dead or self._broker.is_ready()

    def _tend(self) -> None:
        for child in self._children:
            death = child.tend()
            if child.hopeless:
                raise CannotStart(
                    f"Stopped, as {death or child.plan.name} (all of it is in {child.log.path})."
                )
            if death is not None:
                _complain(f"{death} (starting it again)")
            for line in child.log.new_errors():
                _complain(f"{child.plan.name}: {line}")
        if not self._is_ready:
            self._look_whether_ready()

    def _look_whether_ready(self) -> None:
        if answers(self._settings.local_host, self._port, "/api/ready"):
            self._is_ready = True
            _say(f"Runyard is at {self._url}  (data in {self._settings.home}; Ctrl-C stops it)")
            _say(self._way_in())
        elif not self._is_slow and time.monotonic() - self._started_at > SLOW_START_SECONDS:
            self._is_slow = True
            _complain(f"{self._url} does not answer yet; see {self._api.log.path}")

    def _way_in(self) -> str:
        try:
            with Client(self._url, timeout_seconds=5, token=self._token, direct=True) as client:
                link = client.login_link()
        except ServiceProblem:
            return f"Open {self._url} (`{command_name()} login` prints a link that logs in)"
        return f"Open {link} (this link works once; `{command_name()} login` prints another)"

    def _stop(self) -> None:
        """TERM to the workers, then the API, then the broker; SIGKILL to what is left. At most 10 s."""
        began = time.monotonic()
        for children, latest in (
            (self._workers, API_STOPS_AT),
            ([self._api], BROKER_STOPS_AT),
            (self._broker_child, KILL_AT),
        ):
            for child in children:
                child.stop()
            self._wait_gone(children, began + latest)
        # The workers' last chance: the API and the broker are usually gone in a moment.
        self._wait_gone(self._children, began + KILL_AT)
        for child in self._children:
            if not child.kill(limit_seconds=0.3):
                _complain(f"{child.plan.name} (group {child.pid}) would not end.")
        if isinstance(self._broker, EmbeddedBroker):
            self._broker.tidy()

    def _wait_gone(self, children: Sequence[Child], until: float) -> None:
        while not all(child.is_gone() for child in children) and time.monotonic() < until:
            self._signals.pause(0.05)

    def _own_broker(self) -> list[Child]:
        """Return the broker's child, or nothing where the broker is not ours to run."""
        if not isinstance(self._broker, EmbeddedBroker):
            return []
        return [self._child("broker", self._broker.command(), lock=self._broker.lock)]

    def _child(
        self,
        name: str,
        command: Sequence[str],
        extra: dict[str, str] | None = None,
        lock: Path | None = None,
    ) -> Child:
        plan = Plan(name, command, {**self._environment, **(extra or {})}, lock)
        return Child(plan, self._settings.home / "logs" / f"{name}.log")


def _as_environment(settings: Settings, port: int) -> dict[str, str]:
    """Return the settings as the children will read them: they may have come from the command line."""
    values = {**settings.model_dump(mode="json", exclude={"token", "token_file"}), "port": port}
    return {f"RUNYARD_{name.upper()}": str(value) for name, value in values.items()}


def _without_tokens(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for children that need no token: broker, workers, and the trainings below them."""
    return {name: value for name, value in environment.items() if name.upper() not in TOKEN_VARIABLES}


def _given_token(settings: Settings) -> dict[str, str]:
    """Return what tells the API the token that was given to us; one in the home folder it finds by itself."""
    token, file = settings.token.get_secret_value(), settings.token_file
    values = {"RUNYARD_TOKEN": token, "RUNYARD_TOKEN_FILE": str(file) if file else ""}
    return {name: value for name, value in values.items() if value}


def _choose_port(settings: Settings) -> int:
    """Return the port to serve on; for port 0 one that the system picks."""
    if settings.port == 0:
        return any_free_port(settings.host)
    if not wait_until(lambda: is_free(settings.host, settings.port), PORT_WAIT_SECONDS, 0.1):
        raise CannotStart(
            f"Port {settings.port} on {settings.host} is taken by another program; "
            f"set RUNYARD_PORT to a free one, or to 0 for any."
        )
    return settings.port


def _say(text: str) -> None:
    _print(text, sys.stdout)


def _complain(text: str) -> None:
    _print(text, sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    # Where that is a file on a full disk, what runs must not end for a sentence about it.
    with contextlib.suppress(OSError):
        print(text, file=stream, flush=True)
