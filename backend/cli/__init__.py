"""The `runyard` command. All but `up`, `db`, `token`, and `import` and `fetch` of `data` and `weights` speak HTTP to a service.

How commands end, and with which codes, stands in `backend.cli.exits`.
"""

from backend.cli.commands import app


def main() -> None:
    """Run the command line."""
    app(prog_name="runyard")
