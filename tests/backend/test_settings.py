"""The settings: a value that cannot work is refused at start, in one sentence that names the variable."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.errors import InvalidSetting
from backend.settings import LOOPBACK, Settings, read_settings
from backend.up import _as_environment, _given_token, _without_tokens


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("RUNYARD_HOSTS", "http://lab.example", "write names without http:// and without a port"),
        ("RUNYARD_HOSTS", "lab.example:8420", "write names without http:// and without a port"),
        ("RUNYARD_HOSTS", "lab.example,*", "'*' is no host name"),
        ("RUNYARD_HOME", "/tmp/why?", "cannot hold a '?'"),
        ("RUNYARD_PORT", "http", "it must be a whole number from 0 to 65535"),
        ("RUNYARD_PORT", "70000", "it must be a whole number from 0 to 65535"),
        ("RUNYARD_LEASE_SECONDS", "nan", "it must be a number from 1 to 3600"),
        ("RUNYARD_POLL_SECONDS", "0", "it must be a number over 0 to 60"),
        ("RUNYARD_LOG_LEVEL", "loud", "it must be one of debug, info, warning, error"),
    ],
)
def test_a_value_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSetting) as refused:
        read_settings()
    assert str(refused.value).startswith(f"{variable} is '{value}'")
    assert says in str(refused.value)


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNYARD_HOME", "RUNYARD_DATABASE_URL", "RUNYARD_PORT"):
        monkeypatch.setenv(name, "")
    settings = read_settings()
    assert settings.home != Path.cwd()
    assert settings.port == 8420


@pytest.mark.parametrize("home", ["/proc/nowhere", __file__])
def test_a_home_that_cannot_be_a_folder_is_refused(home: str) -> None:
    with pytest.raises(InvalidSetting, match="RUNYARD_HOME is "):
        Settings(home=Path(home)).make_home()


def test_further_hosts_are_names_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNYARD_HOSTS", " Lab-7.example , 10.1.2.3,fe80::1,")
    assert read_settings().accepted_hosts == {*LOOPBACK, "lab-7.example", "10.1.2.3", "fe80::1"}


@pytest.mark.parametrize(
    ("host", "address", "accepts"),
    [
        ("127.0.0.1", "http://127.0.0.1:8420", set()),
        ("::1", "http://[::1]:8420", set()),
        ("0.0.0.0", "http://127.0.0.1:8420", set()),
        ("::", "http://[::1]:8420", set()),
        ("192.168.1.5", "http://192.168.1.5:8420", {"192.168.1.5"}),
    ],
)
def test_an_address_for_all_is_asked_at_the_loopback_and_is_no_name(
    host: str, address: str, accepts: set[str]
) -> None:
    settings = Settings(host=host)
    assert settings.address() == address
    assert settings.accepted_hosts == {*LOOPBACK, *accepts}


def test_children_read_the_settings_that_up_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All but the token, which comes to the API alone: workers need none."""
    ours = Settings(
        home=tmp_path, host="0.0.0.0", hosts="lab.example", lease_seconds=7, token=SecretStr("t" * 40)
    )
    handed_on = _as_environment(ours, 8421)
    assert not any("TOKEN" in name for name in handed_on)
    for name, value in handed_on.items():
        monkeypatch.setenv(name, value)
    assert read_settings() == ours.model_copy(update={"port": 8421, "token": SecretStr("")})
    for name, value in _given_token(ours).items():
        monkeypatch.setenv(name, value)
    assert read_settings() == ours.model_copy(update={"port": 8421})


def test_children_inherit_no_token() -> None:
    ours = {"PATH": "/bin", "RUNYARD_TOKEN": "t", "RUNYARD_TOKEN_FILE": "f", "RUNYARD_LOG_LEVEL": "info"}
    assert _without_tokens(ours) == {"PATH": "/bin", "RUNYARD_LOG_LEVEL": "info"}
