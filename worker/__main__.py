"""`python -m worker`: one worker process for one device, or several together, a Celery worker with the solo pool.

Celery's prefork children may start no processes of their own ("daemonic processes are not allowed to have
children"), and a training needs one. This process itself never imports torch.
"""

import os
import signal
import socket
import sys

import structlog

from backend.broker import broker_for
from backend.devices import count_held
from backend.errors import RunyardError
from backend.logs import set_up_logging
from backend.settings import Settings, read_settings
from backend.store import migrate
from backend.store.session import Database
from backend.version import VERSION
from worker.device_facts import device_key, device_name, memory_bytes
from worker.identity import given_name, new_owner

MIGRATION_SECONDS = 60.0


def run(settings: Settings) -> None:
    """Work until TERM, then drain."""
    from worker.calibration import Calibrator
    from worker.celery_app import Presence, make_app
    from worker.forkserver import ForkServer
    from worker.supervisor import Supervisor

    fork_server = ForkServer()
    fork_server.warm_up()
    database = Database(settings.resolved_database_url)
    migrate.wait_for_revision(database, MIGRATION_SECONDS)
    device = os.environ.get("RUNYARD_WORKER_DEVICE", "cpu")
    name = given_name()
    host = socket.gethostname()
    owner = new_owner(name)
    supervisor = Supervisor(settings, database, fork_server, owner, "cpu" if device == "cpu" else "cuda")
    facts = {
        "host": host,
        "device": device,
        "device_name": device_name(device),
        "version": VERSION,
        "device_key": device_key(device, settings.cpu_threads),
        "memory_bytes": memory_bytes(device),
        "devices": count_held(device, settings.devices_per_worker),
    }
    calibrator = Calibrator(
        settings,
        database,
        fork_server.start_calibration,
        host=host,
        device=device,
        device_key=facts["device_key"],
    )
    supervisor.make_way = calibrator.make_way
    presence = Presence(settings, database, supervisor, owner, facts, calibrator)
    app = make_app(broker_for(settings), supervisor, presence)
    log_level = settings.log_level.upper()
    app.worker_main(
        [
            "worker",
            "--pool=solo",
            "--without-gossip",
            "--without-mingle",
            f"--loglevel={log_level}",
            f"--hostname={name}@{host}",
        ]
    )


def main() -> int:
    # Until Celery's own handlers stand, TERM ends the process; a second INT must not break a drain.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = read_settings()
        set_up_logging(settings.log_level)
        run(settings)
    except (RunyardError, RuntimeError) as problem:
        structlog.get_logger().error(str(problem))
        return 2
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    # Before the fork server loads torch. Threads that spin while they wait for each other take the cores that
    # others need: on a busy machine of two cores AlexNet took 52 s an epoch with spinning, 23 s without.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Celery would take it before our own setting.
    os.environ.pop("CELERY_BROKER_URL", None)
    sys.exit(main())
