"""A whole report as one HTML file: it opens without a network, has no script, and prints well."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.export.formats import Stamp
from backend.export.markup import Markup, joined, tag
from backend.export.page_numbers import LEGEND
from backend.export.report_blocks import block_html
from backend.export.report_style import STYLE
from backend.export.report_tables import View


@dataclass(frozen=True)
class RecipeLine:
    """One recipe of a report: its title, its whole hash, and the run of it that is shown, where there is one."""

    title: str
    hash: str
    seed: int
    run: int | None


def report_html(view: View, recipes: Sequence[RecipeLine], stamp: Stamp) -> str:
    """Return the document. `view` is what GET /api/reports/{name} answers: every number in the file is one of it."""
    body = tag(
        "body",
        tag("a", "Skip to the report", class_="skip", href="#main"),
        _head(view, stamp),
        _contents(view),
        tag("main", *(_section(section) for section in view["sections"]), _recipes(recipes), id="main"),
    )
    return f'<!doctype html>\n<html lang="en">\n{_meta(view["title"])}\n{body}\n</html>\n'


def _meta(title: str) -> Markup:
    """Return the head. Its policy lets the file load nothing, and run nothing, whatever the texts in it hold."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    return Markup(
        '<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{tag('title', title)}\n<style>{STYLE}</style>\n</head>"
    )


def _head(view: View, stamp: Stamp) -> Markup:
    variant = view["variant"]
    facts = (
        ("Size", variant["size"]),
        ("Images", variant["dataset"]),
        ("Pretrained on", variant["pretraining"]),
        ("Seed", str(variant["seed"])),
        ("Standing", view["standing"]["summary"]),
        ("Exported", f"{stamp['exported_at'][:19].replace('T', ' ')} UTC by Runyard {stamp['version']}"),
        ("Store", f"{stamp['cursor']} (its id, and the last event that is in these numbers)"),
    )
    return tag(
        "header",
        tag("h1", view["title"]),
        tag("p", view["about"]),
        fact_list(facts),
        tag(
            "p",
            "In the tables, published numbers are slanted and measured ones bold; in the figures, published curves are "
            "dashed with hollow marks, measured ones solid. “—” was not measured, “·” cannot be read in the published copy. "
            + LEGEND,
            class_="muted small",
        ),
    )


def fact_list(facts: Iterable[tuple[str, str]]) -> Markup:
    return tag(
        "dl",
        *(part for name, value in facts for part in (tag("dt", name), tag("dd", value))),
        class_="facts",
    )


def _contents(view: View) -> Markup:
    entries = [
        tag(
            "li",
            tag("a", _numbered(section), href=f"#section-{section['id']}"),
            tag(
                "ol",
                *(
                    tag("li", tag("a", _numbered(block), href=f"#block-{block['id']}"))
                    for block in section["blocks"]
                    if block.get("id") and block["id"] != section["id"]
                ),
            ),
        )
        for section in view["sections"]
    ]
    last = tag("li", tag("a", "Recipes", href="#recipes"))
    return tag("nav", tag("ol", *entries, last), aria_label="Contents")


def _numbered(part: View) -> str:
    """Return the title of a section or a block with its number, where that is one."""
    title = part.get("title") or ""
    return f"{part['id']} {title}" if any(sign.isdigit() for sign in part["id"]) else title


def _section(section: View) -> Markup:
    title = tag("h2", _numbered(section), id=f"section-{section['id']}")
    inside = [
        block_html(block, "" if block.get("id") in (None, section["id"]) else _numbered(block))
        for block in section["blocks"]
    ]
    return tag("section", title, *inside, class_="chapter", aria_labelledby=f"section-{section['id']}")


def _recipes(recipes: Sequence[RecipeLine]) -> Markup:
    head = tag(
        "tr", *(tag("th", name, scope="col") for name in ("Recipe", "Seed", "Run", "SHA-256 of the recipe"))
    )
    rows = [
        tag(
            "tr",
            tag("th", one.title, scope="row"),
            tag("td", str(one.seed), class_="number"),
            tag("td", "—" if one.run is None else str(one.run), class_="number"),
            tag("td", tag("code", one.hash)),
        )
        for one in recipes
    ]
    explained = (
        "What was, or is to be, trained: the SHA-256 of each recipe's canonical JSON, which holds all but the seed. "
        "Two runs of the same recipe and seed are the same training."
    )
    table = tag(
        "table", tag("caption", "Recipes of this report"), tag("thead", head), tag("tbody", joined(*rows))
    )
    return tag(
        "section",
        tag("h2", "Recipes", id="recipes"),
        tag("p", explained),
        tag("div", table, class_="wide"),
        class_="chapter",
        aria_labelledby="recipes",
    )
