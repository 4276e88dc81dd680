"""The settings: a value that cannot work is refused at start, in one sentence that names the variable."""

from pathlib import Path

import pytest

from backend.errors import InvalidSetting
from backend.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("RUNYARD_HOST", "0.0.0.0", "reachable from other machines"),
        ("RUNYARD_HOST", "192.168.1.5", "reachable from other machines"),
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
