"""The examiner: a thread of the service that keeps what the rules find of each run, for lists and their filter.

It follows the events. A run that ended, was rewound or moved is examined at once; one that trains, every few seconds.
What happened while the service was down is caught up at its start, and everything after an update of the rules. It takes
a fifth of a processor at most, so that ten thousand runs are examined in the background of whatever else goes on.
"""

import time
from collections import deque

import structlog

from backend.analysis.findings.registry import findings_of
from backend.contract import EventKind
from backend.errors import NotFound
from backend.examining import in_short, marks, read_evidence, rules_version
from backend.loops import Rounds, surviving
from backend.store import events, findings, runs
from backend.store.findings import Moved
from backend.store.session import STORE_AWAY, Database

log = structlog.get_logger()

POLL_SECONDS = 0.5
BUSY_SECONDS = 0.1
"""Of each poll: what is left waits for the next one."""
TRAINING_SECONDS = 5.0
"""How often a run that trains is looked at, at most."""
MOST_EVENTS = 5_000
"""Read in one poll."""


class Examiner(Rounds):
    """Polls until it is closed."""

    def __init__(self, database: Database) -> None:
        super().__init__("examiner", POLL_SECONDS)
        self._database = database
        self._rules = rules_version()
        self._cursor: int | None = None
        self._store = ""
        self._due: dict[int, float] = {}
        """When each run that moved is to be examined."""
        self._looked: dict[int, float] = {}
        """When each run that trains was."""
        self._backlog: deque[int] = deque()

    def _round(self) -> None:
        with surviving("examiner"):
            self.tick(time.monotonic())
            self.pulse.beat()

    def tick(self, now: float) -> None:
        """Take in what happened, and examine what is due, then what was left over from before, while there is time."""
        self._follow(now)
        end = time.monotonic() + BUSY_SECONDS
        due = sorted((at, run_id) for run_id, at in self._due.items() if at <= now)
        for _, run_id in due:
            self._look(run_id, now)
            if self._must_end(end):
                return
        while self._backlog:
            self._look(self._backlog.popleft(), now)
            if self._must_end(end):
                return

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be examined."""
        return self._cursor is not None and not self._due and not self._backlog

    def _must_end(self, end: float) -> bool:
        return time.monotonic() > end or self._closed.is_set()

    def _follow(self, now: float) -> None:
        with self._database.read() as session:
            store, last = events.store_id(session), events.last_id(session)
            if self._cursor is None or store != self._store or last < self._cursor:
                # At the start; or a backup was restored below us, which moves ids back.
                self._due.clear()
                self._looked.clear()
                self._backlog = deque(findings.behind(session, self._rules))
                self._cursor, self._store = last, store
                if self._backlog:
                    log.info("runs are to be examined", runs=len(self._backlog))
                return
            fresh = (
                findings.moved_after(session, self._cursor, limit=MOST_EVENTS) if last > self._cursor else []
            )
        for moved in fresh:
            self._note(moved, now)
            self._cursor = moved.id

    def _note(self, moved: Moved, now: float) -> None:
        match moved.kind:
            case EventKind.EPOCH:
                last = self._looked.get(moved.run_id)
                at = now if last is None else last + TRAINING_SECONDS
                self._due[moved.run_id] = min(at, self._due.get(moved.run_id, at))
            case EventKind.STATE | EventKind.REWIND:
                self._due[moved.run_id] = now
                self._looked.pop(moved.run_id, None)
            case _:
                pass

    def _look(self, run_id: int, now: float) -> None:
        self._due.pop(run_id, None)
        try:
            self._examine(run_id, now)
        except NotFound:  # it was deleted, and what was found of it with it
            self._looked.pop(run_id, None)
        except STORE_AWAY:
            self._due[run_id] = now
            raise
        except Exception:
            # Whatever is wrong with this one run, the others are examined: it comes again when something happens to it.
            log.exception("a run could not be examined", run=run_id)

    def _examine(self, run_id: int, now: float) -> None:
        with self._database.read() as session:
            if not runs.get(session, run_id).run.attempt:
                return  # nobody has begun it
            event_id = events.last_id(session)  # before the numbers: what comes in between is looked at again
            evidence = read_evidence(session, run_id)
            found = in_short(findings_of(evidence))
            before = findings.read(session, [run_id]).get(run_id, [])
        if evidence.ended:
            self._looked.pop(run_id, None)
        else:
            self._looked[run_id] = now
            if set(found) == set(before):
                return  # a run under way is looked at again anyway: no need to write down that it was
        with self._database.write() as session:
            if findings.replace(session, run_id, found, event_id=event_id, rules=self._rules):
                events.record(session, run_id, EventKind.FINDINGS, {"findings": marks(found)})
