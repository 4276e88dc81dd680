"""Threads that must not die: what goes wrong in one round is logged, and the next round comes.

A thread that ends by an unexpected error takes a part of the service with it, silently: no page hears anything
more, no lease is expired, no worker looks for work. So each round of such a loop runs under `surviving`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from backend.store.session import STORE_AWAY

log = structlog.get_logger()


@contextmanager
def surviving(what: str) -> Iterator[None]:
    """Log whatever one round of a loop raises, and go on after it."""
    try:
        yield
    except STORE_AWAY as problem:
        log.warning("the store is out of reach", of=what, error=str(getattr(problem, "orig", problem)))
    except Exception:
        log.exception("an unexpected fault; going on", of=what)
