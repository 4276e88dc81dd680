"""Logins and tokens: `runyard login` asks the running service; `runyard token` works on the database, on this host."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.service import Json, open_client
from backend.cli.tables import GAP, instant, print_json, print_table
from backend.errors import InvalidSetting, NameTaken, NotFound
from backend.gate.operator_token import new_token
from backend.gate.roles import ROLES
from backend.settings import read_settings
from backend.text import is_clean

if TYPE_CHECKING:
    # The store is loaded by the commands that need it: half of the time that any other takes would go there.
    from backend.store.session import Database
    from backend.store.tables import Token

logins = typer.Typer()
token = typer.Typer(
    help="Tokens for other people and for programs: make, list and revoke them, on the host.",
    no_args_is_help=True,
)

LONGEST_NAME = 100
LONGEST_DAYS = 3650
COLUMNS = ("name", "role", "begins with", "made", "last used", "good until")


@logins.command()
def login() -> None:
    """Print a link that logs a browser in: it works once, within a day, while the service runs."""
    with open_client() as client:
        print(client.login_link())


@token.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="Who or what it is for; no two tokens share a name.")],
    role: Annotated[str, typer.Option(help="viewer (looks and changes nothing) or operator.")] = "viewer",
    days: Annotated[
        int | None,
        typer.Option(min=1, max=LONGEST_DAYS, help="Days it is good for; without end where not given."),
    ] = None,
) -> None:
    """Make a token. It is printed this once; only its SHA-256 is kept."""
    from backend.gate.keys import hash_and_prefix
    from backend.store import tokens

    name = _checked_name(name)
    if role not in ROLES:
        raise typer.BadParameter(f"--role is {role!r}; it must be {' or '.join(ROLES)}.")
    made = new_token()
    digest, prefix = hash_and_prefix(made)
    with _database() as database, database.write() as session:
        life_seconds = None if days is None else days * 86400.0
        if not tokens.create(
            session, name=name, prefix=prefix, sha256=digest, role=role, life_seconds=life_seconds
        ):
            raise NameTaken("token", name)
    print(f"The token of {name} ({role}), shown this once:", file=sys.stderr)
    print(made)


@token.command("list")
def list_tokens(json_: Json = False) -> None:
    """List the tokens: how they begin, never what they are."""
    from backend.store import tokens

    with _database() as database, database.read() as session:
        found = [_described(one) for one in tokens.everything(session)]
    if json_:
        print_json(found)
    elif found:
        print_table(COLUMNS, map(_row, found))
    else:
        print("No tokens but the operator's own. Make one: runyard token create NAME")


@token.command("revoke")
def revoke_token(name: Annotated[str, typer.Argument(help="Name of the token.")]) -> None:
    """Revoke a token: at once it opens nothing, and neither do the logins made with it."""
    from backend.store import tokens

    with _database() as database, database.write() as session:
        if not tokens.revoke(session, name):
            raise NotFound("token", name)
    print(f"The token of {name} is revoked.")


@contextmanager
def _database() -> "Iterator[Database]":
    """Yield the database of this host's settings, with the schema that this version needs.

    Raises:
        InvalidSetting: it is a server's, and has another schema.
    """
    from backend.store import migrate
    from backend.store.session import Database

    settings = read_settings()
    if not settings.database_url:
        settings.make_home()
    database = Database(settings.resolved_database_url)
    try:
        if database.is_sqlite:
            migrate.upgrade(database)
        elif migrate.current_revision(database) != migrate.newest_revision():
            raise InvalidSetting("The database has not this version's schema: run `runyard db upgrade`.")
        yield database
    finally:
        database.dispose()


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not is_clean(name):
        raise typer.BadParameter(
            f"NAME has {len(name)} characters; it must be 1 to {LONGEST_NAME} visible characters."
        )
    return name


def _described(one: "Token") -> dict[str, str | None]:
    return {
        "name": one.name,
        "role": one.role,
        "begins_with": one.prefix,
        "created_at": _iso(one.created_at),
        "last_used_at": _iso(one.last_used_at),
        "expires_at": _iso(one.expires_at),
    }


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _row(one: dict[str, str | None]) -> tuple[str, ...]:
    told = (one["name"] or GAP, one["role"] or GAP, one["begins_with"] or GAP)
    return (*told, instant(one["created_at"]), instant(one["last_used_at"]), instant(one["expires_at"]))
