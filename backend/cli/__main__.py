"""`python -m backend.cli`: the `runyard` command where its script is not on the path."""

from backend.cli import main

if __name__ == "__main__":
    main()
