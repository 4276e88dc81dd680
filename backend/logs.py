"""How processes of ours write their own logs: one line an event, to standard error."""

import contextlib
import logging
import sys
from typing import TextIO

import structlog


class Unfailing:
    """A stream whose writes never fail: a log on a full disk must not end the thread that had something to say.

    It would be the thread that trains, expires leases or reads events, and none of these needs its log.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def set_up_logging(level: str) -> None:
    """Send structlog's and the libraries' messages to standard error, from `level` up."""
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = Unfailing(sys.stderr)
    logging.basicConfig(stream=stream, level=number, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),  # pyright: ignore[reportArgumentType],
    )
