"""The broker: whether bells can go. Without one no run is lost: idle workers look by themselves."""

import os
from dataclasses import dataclass
from pathlib import Path

from backend.broker import LONGEST_SOCKET_PATH, REDIS_URL, SOCKET_TIMEOUTS, EmbeddedBroker, find_server
from backend.doctor.finding import Finding, fault, note, ok
from backend.settings import Settings

ABOUT = "broker"
WITHOUT = "runs still start, within RUNYARD_POLL_SECONDS of their turn"


@dataclass(frozen=True)
class BrokerFacts:
    """`kind` is embedded, files or redis. `problem` is why it does not answer; None where it does."""

    kind: str
    place: str
    problem: str | None = None
    is_there: bool = True
    is_moved: bool = False
    """The socket lies elsewhere, as the way to the home folder is too long for one."""


def look_at_broker(settings: Settings) -> BrokerFacts:
    """Look without making a folder, as `broker_for` would."""
    folder, wish = settings.home / "broker", settings.broker_url
    if wish == "filesystem" or (wish == "embedded" and find_server() is None):
        messages = folder / "messages"
        writable = os.access(messages, os.W_OK | os.X_OK)
        problem = None if writable or not messages.exists() else "it cannot be written to"
        return BrokerFacts("files", str(messages), problem, messages.exists())
    if wish == "embedded":
        return _look_at_embedded(folder)
    if not REDIS_URL.fullmatch(wish):
        return BrokerFacts(
            "redis", "RUNYARD_BROKER_URL", "it is none of embedded, filesystem and redis://..."
        )
    return BrokerFacts("redis", _without_password(wish), _problem_of_redis(wish))


def judge_broker(facts: BrokerFacts, *, service_runs: bool) -> list[Finding]:
    if facts.kind == "redis":
        if facts.problem is None:
            return [ok(ABOUT, f"{facts.place} answers.")]
        sentence = f"{facts.place} does not answer: {facts.problem} ({WITHOUT})."
        return [fault(ABOUT, sentence, "start it, or mend RUNYARD_BROKER_URL")]
    if facts.kind == "files":
        if facts.problem is not None:
            return [fault(ABOUT, f"{facts.place}: {facts.problem} ({WITHOUT}).", f"chmod 700 {facts.place}")]
        return [ok(ABOUT, f"Bells go through files in {facts.place}.")]
    moved = (
        " Its socket lies there as the way to the home folder is too long for one." if facts.is_moved else ""
    )
    if facts.problem is None:
        return [ok(ABOUT, f"The embedded one answers at {facts.place}.{moved}")]
    if service_runs:
        sentence = f"The embedded one does not answer at {facts.place}: {facts.problem} ({WITHOUT}).{moved}"
        return [
            fault(
                ABOUT, sentence, "look into logs/broker.log of the home folder; `runyard up` starts it again"
            )
        ]
    return [note(ABOUT, f"The embedded one does not run: `runyard up` starts it.{moved}")]


def _look_at_embedded(folder: Path) -> BrokerFacts:
    path, is_moved = folder / "valkey.sock", False
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        try:
            path, is_moved = Path((folder / "socket-folder").read_text()) / "valkey.sock", True
        except OSError:
            return BrokerFacts("embedded", "a folder in /tmp", "it was never started", is_moved=True)
    broker = EmbeddedBroker(url="", folder=folder, server=Path(), socket_path=path)
    problem = None if broker.is_ready() else "nobody listens" if path.exists() else "there is no socket"
    return BrokerFacts("embedded", str(path), problem, path.exists(), is_moved)


def _problem_of_redis(url: str) -> str | None:
    from redis import Redis, RedisError

    address = url.replace("redis+socket://", "unix://", 1)
    try:
        with Redis.from_url(address, **SOCKET_TIMEOUTS) as redis:
            redis.ping()
    except (RedisError, ValueError, OSError) as problem:
        return str(problem).strip().splitlines()[0].rstrip(".") or type(problem).__name__
    return None


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
