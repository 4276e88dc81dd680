"""HTML put together so that no text can become markup: whatever is not made here is escaped."""

from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str | None, **attributes: str | int | None) -> Markup:
    """Return an element. A child that is no Markup is text; None is left out, as is an attribute of None.

    Attributes that are words of Python end in "_"; a "_" within is a hyphen: class_, data_epoch.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Markup:
    return Markup("".join(_html(child) for child in children if child is not None))


def _html(child: str) -> str:
    return child if isinstance(child, Markup) else escape(child)
