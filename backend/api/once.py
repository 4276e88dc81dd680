"""What every launch over HTTP has in common: it is done once for a key, after a yes where it takes hours, then rung for."""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import BackgroundTasks, Header, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.api.machines import read_machines
from backend.confirming import check_confirmed
from backend.launching import Shelf
from backend.queue import Bell
from backend.settings import Settings
from backend.store import launches
from backend.store.launches import AcceptedLaunch, NewRun

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255, pattern="^[ -~]+$")]


def digest_of(request: BaseModel, **named: Any) -> str:
    """Return the SHA-256 of a request: a repeat is the same one whether it says yes once more or not."""
    body = {**named, **request.model_dump(exclude={"confirm"})}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def check_told(session: Session, wanted: Iterable[NewRun], shelf: Shelf, settings: Settings) -> None:
    """Refuse what takes hours and nobody has said yes to.

    Raises:
        ConfirmationNeeded: with the estimate.
    """
    stored = launches.without_parents_there(session, wanted)
    check_confirmed(stored, shelf, read_machines(session, settings))


def conclude(accepted: AcceptedLaunch, response: Response, background: BackgroundTasks, bell: Bell) -> None:
    """Answer 200 to a repeat, and ring for what is new."""
    if accepted.repeated:
        response.status_code = 200
        return
    # After the commit, and after the answer: the bell may be slow, and workers look by themselves too.
    background.add_task(bell.ring, len(accepted.run_ids) + len(accepted.parent_ids))
