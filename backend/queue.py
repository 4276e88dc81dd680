"""The bell: tells waiting workers, through Celery, that there may be work. Never the place of truth.

Workers also look by themselves every few seconds, so a bell that is lost, doubled or late does no harm.
It must not know the database or what the work is.
"""

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from backend.broker import Broker
from backend.contract import QUEUE_NAME, TASK_NAME

if TYPE_CHECKING:
    from celery import Celery
    from kombu.connection import Connection

logger = logging.getLogger(__name__)

MOST_RINGS = 64
"""A worker that ends a run looks for the next by itself: more bells than there are workers wake nobody."""

SILENCE_SECONDS = 1.0
"""After a failure nobody tries for so long: else each request would wait for the same time-out in turn."""

CONNECTION_OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": 1.0,
    "socket_timeout": 1.0,
    # kombu retries a connection without end by default, also with retry=False.
    "max_retries": 0,
}


class Bell:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._app: Celery | None = None
        self._connection: Connection | None = None
        self._silent_until = 0.0
        self._works = True

    def ring(self, count: int = 1) -> bool:
        """Wake up to `count` workers; return False, at once or within some 2 s, where the broker is away."""
        with self._lock:
            if time.monotonic() < self._silent_until:
                return False
            problem = self._send(min(count, MOST_RINGS))
            self._note(problem)
            return problem is None

    def close(self) -> None:
        """Close the connection; the next ring opens another."""
        with self._lock:
            self._hang_up()
            if self._app is not None:
                self._app.close()
                self._app = None

    def _send(self, count: int) -> Exception | None:
        """Send `count` messages; return what kept them from being sent."""
        was_open = self._connection is not None
        problem = self._send_once(count)
        if problem is not None and was_open:
            # The broker may have been restarted since the last ring, which only a new connection shows.
            problem = self._send_once(count)
        return problem

    def _send_once(self, count: int) -> Exception | None:
        from kombu.exceptions import OperationalError

        app, connection = self._open()
        away = (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors)
        try:
            producer = app.amqp.Producer(connection, auto_declare=False)
            for _ in range(count):
                app.send_task(TASK_NAME, producer=producer, queue=QUEUE_NAME, retry=False, ignore_result=True)
        except away as problem:
            self._hang_up()
            return problem
        return None

    def _open(self) -> "tuple[Celery, Connection]":
        if self._app is None:
            self._app = _client_app()
        connection = self._connection
        if connection is None:
            connection = self._connection = self._app.connection_for_write(
                # Given here, as CELERY_BROKER_URL in the environment would win over the app's settings.
                url=self._broker.url,
                connect_timeout=1.0,
                transport_options={**self._broker.transport_options, **CONNECTION_OPTIONS},
            )
        return self._app, connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()

    def _note(self, problem: Exception | None) -> None:
        """Log the first failure and the first success after it, not each."""
        if problem is not None:
            self._silent_until = time.monotonic() + SILENCE_SECONDS
            if self._works:
                logger.warning("The broker is away (%s); workers look for work by themselves.", problem)
        elif not self._works:
            logger.info("The broker is back.")
        self._works = problem is None


def _client_app() -> "Celery":
    # 0.2 s and 20 MB that a process which never rings does not pay.
    from celery import Celery

    app = Celery("runyard-bell", set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_default_queue=QUEUE_NAME,
    )
    return app
