"""Seeds as they are typed."""

import typer


def parse_seeds(text: str | None) -> list[int] | None:
    """Return the whole numbers of "0,1,2"; None for None."""
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"--seeds is {text!r}; it must be whole numbers with commas, such as 0,1,2."
        ) from None
