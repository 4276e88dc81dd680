"""The `runyard` command. All but `up`, `db`, and `import` and `fetch` of `data` and `weights` speak HTTP to a running service.

Exit codes: 0 done; 1 refused or failed, with one sentence; 2 the command line itself is wrong.
"""

import sys

from backend.cli.commands import app
from backend.errors import RunyardError


def main() -> None:
    """Run the command line; a refusal is one sentence on standard error."""
    try:
        app()
    except RunyardError as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
