"""Tokens: the operator's own in its file, further ones in the database, and how clients find theirs."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from typer.testing import CliRunner

from backend.app import create_app
from backend.broker import Broker
from backend.cli import exits
from backend.cli.commands import app as commands
from backend.client import Client, NotLoggedIn, ServiceProblem
from backend.errors import InvalidSetting
from backend.gate.finding import TokenFinder
from backend.gate.keys import Keys
from backend.gate.operator_token import given_token, home_token_file, new_token, operator_token
from backend.queue import Bell
from backend.settings import Settings
from backend.store import tokens
from backend.store.session import Database
from backend.store.tables import Token
from tests.backend import clients
from tests.backend.test_api import NOBODY


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


# --- the operator's own ---------------------------------------------------------------------------------------


def test_the_first_start_makes_a_token_that_only_its_owner_can_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    made = operator_token(settings)
    file = home_token_file(settings)
    assert file.read_text() == f"{made}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(made) * 6 >= 256  # base64
    assert operator_token(settings) == made
    assert [path.name for path in settings.home.iterdir()] == ["token"]


def test_two_homes_have_two_tokens(tmp_path: Path) -> None:
    assert operator_token(Settings(home=tmp_path / "a")) != operator_token(Settings(home=tmp_path / "b"))


def test_of_two_first_starts_at_once_both_get_the_same_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looks before the first has made the file, and links after it."""
    settings = Settings(home=tmp_path / "home")
    settings.make_home()
    link, first = os.link, []

    def late(draft: str, path: Path) -> None:
        if not first:
            first.append("")
            first[0] = operator_token(settings)
        link(draft, path)

    monkeypatch.setattr(os, "link", late)
    assert operator_token(settings) == first[0]
    assert [path.name for path in settings.home.iterdir()] == ["token"]


def test_a_given_token_makes_no_file(tmp_path: Path) -> None:
    given = Settings(home=tmp_path / "home", token=SecretStr(new_token()))
    assert operator_token(given) == given.token.get_secret_value()
    file = private(tmp_path / "secret", new_token() + "\n")
    assert operator_token(Settings(home=tmp_path / "home", token_file=file)) == file.read_text().strip()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * 31, "holds 31 characters"),
        ("", "holds 0 characters"),
        ("x" * 600, "characters"),
        ("x" * 40 + "\u00e9", "holds a space or another character"),
        ("x" * 20 + " " + "y" * 20, "holds a space or another character"),
        ("x" * 40 + "\nsecond line", "holds a space or another character"),
    ],
)
def test_what_cannot_be_a_token_is_refused_without_being_shown(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(InvalidSetting, match=says) as refused:
        operator_token(Settings(home=tmp_path / "home", token_file=file))
    assert str(refused.value).startswith("RUNYARD_TOKEN_FILE")
    if text:
        with pytest.raises(InvalidSetting, match=says) as refused:
            operator_token(Settings(home=tmp_path / "home", token=SecretStr(text)))
        assert "xxx" not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_token_that_others_can_read_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, mode: int
) -> None:
    settings = Settings(home=tmp_path / "home")
    operator_token(settings)
    home_token_file(settings).chmod(mode)
    with pytest.raises(InvalidSetting, match=f"chmod 600 {home_token_file(settings)}"):
        operator_token(settings)
    file = private(tmp_path / "secret", new_token(), mode)
    with pytest.raises(InvalidSetting, match=f"chmod 600 {file}"):
        operator_token(Settings(home=tmp_path / "home", token_file=file))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_secret_that_belongs_to_somebody_else_is_taken_as_it_is(tmp_path: Path) -> None:
    """As a container is given one: of root, mode 0444, and nobody inside can change that."""
    file = private(tmp_path / "secret", new_token(), 0o444)
    os.chown(file, 12345, 12345)
    assert operator_token(Settings(home=tmp_path / "home", token_file=file)) == file.read_text()


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InvalidSetting, match="cannot be read"):
            operator_token(Settings(home=tmp_path / "home", token_file=path))


def test_a_token_and_a_file_of_one_are_one_too_many(tmp_path: Path) -> None:
    both = Settings(token=SecretStr(new_token()), token_file=private(tmp_path / "secret", new_token()))
    with pytest.raises(InvalidSetting, match="keep one of them"):
        given_token(both)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "lab-7.example"])
def test_an_address_that_other_machines_reach_needs_a_given_token(tmp_path: Path, host: str) -> None:
    settings = Settings(home=tmp_path / "home", host=host)
    with pytest.raises(InvalidSetting, match=r"RUNYARD_HOST is .* RUNYARD_TOKEN_FILE"):
        operator_token(settings)
    assert not settings.home.exists()
    given = settings.model_copy(update={"token": SecretStr(new_token())})
    assert operator_token(given) == given.token.get_secret_value()


def test_settings_show_their_token_to_nobody(settings: Settings) -> None:
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert clients.TOKEN not in shown


# --- further ones ---------------------------------------------------------------------------------------------


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, database: Database) -> Database:
    """The database that the command line works on."""
    monkeypatch.setenv("RUNYARD_DATABASE_URL", database.url.render_as_string(hide_password=False))
    return database


def run_command(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(commands, ["token", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_token_is_shown_once_and_kept_as_its_hash(here: Database) -> None:
    status, made, said = run_command("create", "ada", "--role", "operator")
    made = made.strip()
    assert (status, len(made)) == (0, 43)
    assert "shown this once" in said
    with here.read() as session:
        row = session.scalars(select(Token)).one()
    assert made not in str(vars(row))
    assert made.startswith(row.prefix)
    visitor = Keys(clients.TOKEN, here).holder(made)
    assert visitor is not None
    assert (visitor.name, visitor.role) == ("ada", "operator")


def test_tokens_are_listed_by_name_with_their_use_and_end(here: Database) -> None:
    assert "runyard token create" in run_command("list")[1]
    made = run_command("create", "zoe", "--days", "7")[1].strip()
    run_command("create", "ada", "--role", "operator")
    assert Keys(clients.TOKEN, here).holder(made)
    status, said, _ = run_command("list", "--json")
    ada, zoe = json.loads(said)
    assert status == 0
    assert (ada["name"], ada["role"], ada["expires_at"], ada["last_used_at"]) == (
        "ada",
        "operator",
        None,
        None,
    )
    assert (zoe["name"], zoe["role"]) == ("zoe", "viewer")
    assert zoe["last_used_at"].startswith("20")
    assert zoe["expires_at"] > zoe["created_at"]
    assert made not in said
    titles, first, second = run_command("list")[1].splitlines()
    assert titles.split() == ["name", "role", "begins", "with", "made", "last", "used", "good", "until"]
    assert first.split()[:2] == ["ada", "operator"]
    assert first.endswith("—")
    assert second.endswith(" UTC")
    assert zoe["expires_at"][:19].replace("T", " ") in second


def test_a_name_is_given_once_at_a_time(here: Database) -> None:
    assert run_command("create", "ada")[0] == 0
    status, said, problem = run_command("create", " ada ")
    assert (status, said) == (1, "")
    assert "There is a token 'ada' already" in problem
    assert run_command("revoke", "ada")[0] == 0
    assert run_command("create", "ada")[0] == 0


def test_a_revoked_token_opens_nothing(here: Database) -> None:
    made = run_command("create", "ada")[1].strip()
    keys = Keys(clients.TOKEN, here)
    assert keys.holder(made)
    assert run_command("revoke", "ada") == (0, "The token of ada is revoked.\n", "")
    assert keys.holder(made) is None
    status, _, problem = run_command("revoke", "ada")
    assert status == 1
    assert "There is no token 'ada'." in problem


@pytest.mark.parametrize(
    "arguments", [("",), ("a\nb",), ("x" * 101,), ("ada", "--role", "root"), ("ada", "--days", "0")]
)
def test_a_token_that_cannot_be_is_refused(here: Database, arguments: tuple[str, ...]) -> None:
    assert run_command("create", *arguments)[0] == 2
    with here.read() as session:
        assert tokens.everything(session) == []


def test_a_token_ends_with_its_time(here: Database) -> None:
    clients.add_token(here, "ada", clients.VIEWER_TOKEN, life_seconds=0)
    assert Keys(clients.TOKEN, here).holder(clients.VIEWER_TOKEN) is None


def test_a_use_is_written_down_once_a_minute(here: Database) -> None:
    clients.add_token(here, "ada", clients.VIEWER_TOKEN)
    now = 5000.0
    with here.write() as session:
        session.info["clock"] = lambda: now
        (token,) = tokens.everything(session)
        written = []
        for seconds in (0, 1, 59, 60, 61, 130):
            now = 5000.0 + seconds
            written.append(tokens.note_use(session, token.id))
            session.refresh(token)
            assert tokens.is_use_due(session, token) is False
    assert written == [True, False, False, True, False, True]


def test_a_store_that_cannot_be_written_keeps_no_reader_out(sqlite_database: Database) -> None:
    clients.add_token(sqlite_database, "ada", clients.VIEWER_TOKEN)
    assert sqlite_database.url.database
    readonly = Database(f"sqlite:///file:{sqlite_database.url.database}?mode=ro&uri=true")
    try:
        assert Keys(clients.TOKEN, readonly).holder(clients.VIEWER_TOKEN) is not None
    finally:
        readonly.dispose()


# --- how a client finds its token -----------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home folder that a client looks into."""
    monkeypatch.setenv("RUNYARD_HOME", str(tmp_path / "clients-home"))
    monkeypatch.delenv("RUNYARD_TOKEN", raising=False)
    monkeypatch.delenv("RUNYARD_TOKEN_FILE", raising=False)
    (tmp_path / "clients-home").mkdir()
    yield tmp_path / "clients-home"


@pytest.fixture
def port(settings: Settings, sqlite_database: Database) -> Iterator[int]:
    """The port of a real service that knows the token of the tests."""
    with clients.serving(create_app(settings, sqlite_database, Bell(Broker(NOBODY)))) as port:
        yield port


def ask(port: int, **given: object) -> dict:
    with Client(f"http://127.0.0.1:{port}", **given) as client:  # pyright: ignore
        return client.status()


def test_a_client_finds_the_token_in_the_home_folder_once_it_is_there(home: Path, port: int) -> None:
    with Client(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(NotLoggedIn, match=str(home / "token")):
            client.status()
        private(home / "token", clients.TOKEN)
        assert client.status()["workers"] == []


def test_the_stream_is_for_those_who_are_logged_in(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    with Client(address, token=new_token()) as stranger, pytest.raises(NotLoggedIn):
        list(stranger.follow(1, "x-0"))
    with (
        Client(address, token=clients.TOKEN) as client,
        pytest.raises(ServiceProblem, match="There is no run 1"),
    ):
        list(client.follow(1, "x-0"))


def test_what_is_given_counts_before_what_is_found(
    home: Path, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private(home / "token", new_token())
    secret = private(tmp_path / "secret", clients.TOKEN)
    with pytest.raises(NotLoggedIn, match="another service's"):
        ask(port)
    assert ask(port, token=clients.TOKEN)
    assert ask(port, token_file=secret)
    monkeypatch.setenv("RUNYARD_TOKEN_FILE", str(secret))
    assert ask(port)
    with pytest.raises(NotLoggedIn, match="the one given to the client"):
        ask(port, token=new_token())
    with pytest.raises(NotLoggedIn, match="missing"):
        ask(port, token_file=tmp_path / "nowhere")
    monkeypatch.delenv("RUNYARD_TOKEN_FILE")
    monkeypatch.setenv("RUNYARD_TOKEN", new_token())
    with pytest.raises(NotLoggedIn, match="of RUNYARD_TOKEN or"):
        ask(port)


def test_the_token_of_this_machine_is_sent_to_no_other(home: Path) -> None:
    private(home / "token", new_token())
    assert TokenFinder(None, None, is_local=True).find() == (home / "token").read_text()
    assert TokenFinder(None, None, is_local=False).find() is None
    assert Client("http://lab-7.example:8420")._finder.find() is None
    assert Client("http://127.0.0.1:8420")._finder.find() == (home / "token").read_text()


def test_a_client_shows_no_token_that_others_can_read(home: Path, port: int) -> None:
    private(home / "token", clients.TOKEN, 0o644)
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(InvalidSetting, match="chmod 600"):
        client.status()


def test_the_command_line_prints_a_link_and_says_what_to_do_without_a_token(
    home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNYARD_PORT", str(port))
    refused = CliRunner().invoke(commands, ["login"])
    assert (refused.exit_code, refused.stdout) == (exits.NOT_LOGGED_IN, "")
    assert "RUNYARD_HOME" in refused.stderr
    private(home / "token", clients.TOKEN)
    done = CliRunner().invoke(commands, ["login"])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"http://127.0.0.1:{port}/login#")
