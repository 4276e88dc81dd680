"""The Celery application of a worker: each setting with its reason, and the bootstep that looks for work."""

import threading
from typing import Any

from celery import Celery, bootsteps, signals

from backend.broker import Broker
from backend.contract import QUEUE_NAME, TASK_NAME
from backend.loops import surviving
from backend.settings import Settings
from backend.store import attempts, runs, workers
from backend.store.leases import LeaseWatch
from backend.store.session import Database
from worker.calibration import Calibrator
from worker.identity import is_dead_here
from worker.supervisor import Supervisor


def make_app(broker: Broker, supervisor: Supervisor, presence: "Presence") -> Celery:
    """Return the Celery application of one worker."""
    app = Celery("runyard", broker=broker.url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE_NAME,
        broker_transport_options=broker.transport_options,
        # The database is the truth; a bell is worth nothing once it was heard. Late acknowledgement made a
        # training of 130 s run twice at once.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        # Never unpickle what a broker hands over.
        task_serializer="json",
        accept_content=["json"],
        # A worker without a broker trains all the same: it looks for work by itself.
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A training does not end because the broker went away.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # A control queue for each worker, in a broker that nobody asks: noise.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )

    @app.task(name=TASK_NAME)
    def look_for_work() -> None:
        _supervise(supervisor)

    class LookForWork(bootsteps.StartStopStep):
        """Runs the threads of `Presence` from before the first contact with a broker until the drain is over.

        A bootstep, as `worker_ready` never fires without a broker.
        """

        requires = ("celery.worker.components:Pool",)

        def start(self, parent: Any) -> None:
            presence.start()

        def stop(self, parent: Any) -> None:
            presence.stop()

    assert app.steps is not None
    app.steps["worker"].add(LookForWork)

    # Fires at once on TERM, while a task still holds the pool; kept alive by the application.
    @signals.worker_shutting_down.connect(weak=False)
    def _drain(**_: Any) -> None:
        supervisor.drain()

    return app


class Presence:
    """A worker's own threads: one says that it is alive, one looks for work without being rung."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        supervisor: Supervisor,
        owner: str,
        facts: dict[str, Any],
        calibrator: Calibrator | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._supervisor = supervisor
        self._owner = owner
        self._facts = facts
        self._calibrator = calibrator
        self._stopping = threading.Event()
        # Often enough to be neither called lost nor late with ended leases.
        interval = min(settings.poll_seconds, settings.lease_seconds / 4, settings.worker_lost_seconds / 3)
        self._beat_seconds = interval
        self._leases = LeaseWatch(settings.lease_seconds, settings.backoff_seconds, interval)
        self._threads = [
            threading.Thread(target=self._beat, name="beat", daemon=True),
            threading.Thread(target=self._look, name="look-for-work", daemon=True),
        ]

    def start(self) -> None:
        with surviving("take back"):
            self._take_back()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Drain, wait for the training to be gone, and take leave."""
        self._supervisor.drain()
        self._stopping.set()
        for thread in self._threads:
            thread.join(self._settings.drain_seconds + 5)
        if self._calibrator:
            self._calibrator.make_way()
        with surviving("leave"), self._database.write() as session:
            workers.leave(session, self._owner)

    def _take_back(self) -> None:
        """Release at once what dead workers of this machine held: no need to wait for the ends of their leases."""
        with self._database.write() as session:
            for run in runs.owned(session):
                if run.owner is not None and is_dead_here(run.owner):
                    backoff = self._settings.backoff_seconds
                    why = "The worker process ended."
                    attempts.lose(session, run.id, run.attempt, run.owner, why, backoff_seconds=backoff)
            for worker in workers.everyone(session):
                if is_dead_here(worker.id):
                    workers.leave(session, worker.id)

    def _beat(self) -> None:
        while not self._stopping.is_set():
            with surviving("beat"):
                self._say_alive()
                if not self._supervisor.is_busy:
                    self._leases.tick(self._database)
            self._stopping.wait(self._beat_seconds)

    def _say_alive(self) -> None:
        with self._database.write() as session:
            draining = self._supervisor.draining.is_set()
            if not workers.beat(session, self._owner, draining=draining):
                workers.register(session, self._owner, **self._facts)

    def _look(self) -> None:
        while not self._stopping.is_set():
            _supervise(self._supervisor)
            if self._calibrator:
                with surviving("calibrate"):
                    self._calibrator.look(lambda: self._supervisor.is_busy)
            self._stopping.wait(self._settings.poll_seconds)


def _supervise(supervisor: Supervisor) -> None:
    with surviving("look for work"):
        supervisor.supervise_next()
