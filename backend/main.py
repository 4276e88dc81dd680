"""The API's process: reads the settings, opens the database, serves until it is told to stop."""

import os
import sys

import structlog
import uvicorn

from backend.app import create_app
from backend.broker import broker_for
from backend.errors import RunyardError
from backend.gate.operator_token import operator_token
from backend.logs import set_up_logging
from backend.queue import Bell
from backend.settings import Settings, read_settings
from backend.store import migrate
from backend.store.session import Database

STREAM_END_SECONDS = 3


class Server(uvicorn.Server):
    """A server that ends its open streams first: else it waits for them until its patience ends."""

    async def shutdown(self, sockets=None) -> None:
        self.config.app.state.stream.close()  # pyright: ignore
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        InvalidSetting: there is a token that cannot be one, or the address needs one that is given.
    """
    operator_token(settings)  # before the database: what is wrong with it is said at once
    database = Database(settings.resolved_database_url)
    if database.is_sqlite:
        migrate.upgrade(database)
    else:
        migrate.wait_for_revision(database, limit_seconds=60)
    app = create_app(settings, database, Bell(broker_for(settings)))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STREAM_END_SECONDS,
        server_header=False,
    )
    Server(config).run()
    database.dispose()


def main() -> int:
    try:
        settings = read_settings()
        set_up_logging(settings.log_level)
        serve(settings)
    except RunyardError as problem:
        structlog.get_logger().error(str(problem))
        return 2
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
