"""How commands end: the codes that scripts read, and one sentence on standard error for a person."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from backend.client import NotLoggedIn, Unreachable
from backend.errors import RunyardError

DONE = 0
REFUSED = 1
WRONG_USAGE = 2
UNREACHABLE = 3
NOT_LOGGED_IN = 4
INTERRUPTED = 130
PIPE_CLOSED = 141

CODES = (
    "Exit codes: 0 done; 1 refused, or a run that was watched did not complete; 2 the command line is wrong; "
    "3 the service cannot be reached; 4 not logged in; 130 stopped by Ctrl-C. "
    "Data go to standard output, and with --json as JSON; problems go to standard error."
)


def complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def code_of(problem: RunyardError) -> int:
    """Return the exit code that tells scripts what kind of problem this was."""
    if isinstance(problem, Unreachable):
        return UNREACHABLE
    return NOT_LOGGED_IN if isinstance(problem, NotLoggedIn) else REFUSED


class Commands(TyperGroup):
    """The group of all commands: ends them in one place, so that none shows a trace of what it was doing."""

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # here, where a closed pipe can still be answered for
        except RunyardError as problem:
            complain(str(problem))
            raise typer.Exit(code_of(problem)) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _forget_output()
            raise typer.Exit(PIPE_CLOSED) from None


def _forget_output() -> None:
    """Let what is still buffered go nowhere: the interpreter would try once more to write it, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
