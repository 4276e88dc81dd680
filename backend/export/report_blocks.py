"""The blocks of a report as HTML: texts, tables beside their figures, claims, and what is to be said of each."""

from collections.abc import Callable, Iterable
from typing import Any

from backend.export import page_numbers as page
from backend.export.experiment_table import experiment_table
from backend.export.markup import Markup, joined, tag
from backend.export.report_tables import CLAIM_TITLES, Block, claim, report_tables, sweep_table
from backend.export.svg import figure_svg
from backend.export.table import Head, Table, groups

GRAVE = ("chance", "collapsed")
"""Kinds of notes that say that a number means little."""


def block_html(block: Block, title: str) -> Markup:
    """Return a block; `title` is "" where its section has said it."""
    make = _MAKERS.get(block["kind"], _text)
    heading = tag("h3", title) if title else None
    return tag("div", heading, *make(block), id=f"block-{block['id']}" if block.get("id") and title else None)


def table_html(table: Table, tones: dict[str, str]) -> Markup:
    """Return a table as the page shows it. `tones` gives the cells below a head a class, by the head's text."""
    body = [_row(table, row, tones) for row in table.rows]
    head = joined(*_head(table.heads))
    made = tag(
        "table", tag("caption", table.caption), tag("thead", head), tag("tbody", *body), data_table=table.name
    )
    return tag("div", made, class_="wide")


def _row(table: Table, row: list[str], tones: dict[str, str]) -> Markup:
    first, *rest = row
    cells = [
        tag(
            "td",
            text,
            class_=" ".join(filter(None, ("number" if head.numeric else "", tones.get(head.text)))) or None,
        )
        for head, text in zip(table.heads[1:], rest, strict=True)
    ]
    return tag(
        "tr", tag("th", first, scope="row", class_="number" if table.heads[0].numeric else None), *cells
    )


def _head(heads: list[Head]) -> Iterable[Markup]:
    spans = groups(heads)
    deep = any(group is not None for group, _ in spans)
    if not deep:
        yield tag("tr", *(_column(head) for head in heads))
        return
    above, below, place = [], [], 0
    for group, width in spans:
        if group is None:
            above.append(_column(heads[place], rowspan=2))
        else:
            above.append(tag("th", group, scope="colgroup", colspan=width, class_="group"))
            below += [_column(head) for head in heads[place : place + width]]
        place += width
    yield tag("tr", *above)
    yield tag("tr", *below)


def _column(head: Head, rowspan: int | None = None) -> Markup:
    return tag("th", head.text, scope="col", rowspan=rowspan, class_="number" if head.numeric else None)


def _text(block: Block) -> Iterable[Markup]:
    for paragraph in str(block.get("text") or "").split("\n\n"):
        if paragraph.strip():
            yield tag("p", paragraph)


def _changes(block: Block) -> Iterable[Markup]:
    yield from _text(block)
    yield table_html(_own_table(block), {})


def _own_table(block: Block) -> Table:
    (table,) = report_tables({"sections": [{"blocks": [block]}]})
    return table


def _experiment(block: Block) -> Iterable[Markup]:
    run = block["run"]
    standing = f"Run {run['id']}, {run['state']}, recipe " if run else "Not run yet, recipe "
    yield tag("p", block["about"])
    yield tag("p", standing, tag("code", block["recipe"]), ". ", _sentence(block["start"]), class_="small")
    yield tag("p", _seeds(block["seeds"]), class_="small")
    yield _facts((one["name"], _both(one)) for one in block["hyper"])
    if block["changed"]:
        changes = "; ".join(f"{one['path']}: {one['before']} → {one['after']}" for one in block["changed"])
        yield tag("p", "Changed layers: ", changes, ".", class_="small")
    table = experiment_table(block)
    names = [one["name"] for one in block["references"]]
    yield table_html(table, {"measured": "measured", **dict.fromkeys(["published", *names], "published")})
    yield from (
        tag("p", note, class_="verdict") for note in table.notes[1:]
    )  # the first one stands at the top
    yield tag("figure", Markup(figure_svg(block["figure"], block["id"], f"Curves of {block['title']}")))
    yield from _protocol(block)
    yield from _faithful(block)
    notes = sorted(block["notes"], key=lambda note: note["kind"] not in GRAVE)
    yield from _notes(notes)
    if block["twin"]:
        yield _twin(block["twin"])


def _seeds(seeds: dict[str, Any]) -> str:
    """Return how many seeds count, which runs they are, and why others do not."""
    if not seeds["n"]:
        counted = "No seed counts yet."
    else:
        runs = ", ".join(str(run) for run in seeds["runs"])
        counted = f"{seeds['n']} seed{'s count' if seeds['n'] > 1 else ' counts'}: run{'s' if seeds['n'] > 1 else ''} {runs}."
    return f"{counted} {seeds['left_out'] or ''}".rstrip()


def _both(one: dict[str, Any]) -> str:
    same = one["published"] is None or one["published"] == one["here"]
    return one["here"] if same else f"{one['here']} (published: {one['published']})"


def _protocol(block: Block) -> Iterable[Markup]:
    if not block["protocol"]:
        return
    heads = [Head(text, numeric=False) for text in ("Protocol differs", "Published", "Here")]
    rows = [[one["field"], one["published"], one["here"]] for one in block["protocol"]]
    yield table_html(Table(f"{block['id']}-protocol", "Where the protocol differs", [], [], heads, rows), {})


def _faithful(block: Block) -> Iterable[Markup]:
    """Yield what the report says of an experiment, and what was chosen where it says nothing."""
    told = block["faithful"]
    if not told:
        return
    if told["says"]:
        yield tag("p", "The report says: ", " ".join(told["says"]), class_="small")
    if told["open"]:
        heads = [Head(text, numeric=False) for text in ("The report leaves open", "Chosen here", "Why")]
        rows = [[_sentence(one["what"]), one["chose"], one["why"]] for one in told["open"]]
        yield table_html(Table(f"{block['id']}-open", "What the report leaves open", [], [], heads, rows), {})


def _notes(notes: Iterable[dict[str, str]]) -> Iterable[Markup]:
    items = [
        tag("li", _sentence(note["text"]), class_="grave" if note["kind"] in GRAVE else None)
        for note in notes
    ]
    if items:
        yield tag("ul", *items, class_="notes")


def _twin(twin: dict[str, Any]) -> Markup:
    last, best = twin["last"], twin["best_test_acc"]
    numbers = ""
    if last:
        beside = page.MISSING if best is None else f"{page.percent(best)}%"
        numbers = f"test accuracy {page.percent(last['test_acc'])}% (best {beside}). "
    run = f"run {twin['run']['id']}, {twin['run']['state']}. " if twin["run"] else "not run yet. "
    title = tag("b", f"Corrected twin: {twin['title']}")
    return tag("p", title, ": ", run, _sentence(numbers), twin["text"] or "")


def _comparison(block: Block) -> Iterable[Markup]:
    for item in block["items"]:
        told = claim(item)
        facts = [(title, told.get(name)) for name, title in CLAIM_TITLES.items()]
        yield tag("div", _facts((title, text) for title, text in facts if text), class_="claim")


def _sweep(block: Block) -> Iterable[Markup]:
    yield from _text(block)
    table = sweep_table(block)
    yield table_html(table, {"Test acc., %": "measured"})
    yield tag("ul", *(tag("li", note) for note in table.notes), class_="notes")


def _references(block: Block) -> Iterable[Markup]:
    items = []
    for one in block["items"]:
        # Only addresses of the web become links: a report must not carry a script in one.
        is_link = str(one["url"] or "").startswith(("https://", "http://"))
        link = joined(" ", tag("a", one["url"], href=one["url"], rel="noreferrer")) if is_link else None
        items.append(tag("li", tag("b", one["label"]), " ", one["text"], link))
    yield tag("ul", *items, class_="notes")


def _facts(facts: Iterable[tuple[str, str]]) -> Markup:
    parts = [part for name, value in facts for part in (tag("dt", name), tag("dd", value))]
    return tag("dl", *parts, class_="facts")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


_MAKERS: dict[str, Callable[[Block], Iterable[Markup]]] = {
    "text": _text,
    "changes": _changes,
    "experiment": _experiment,
    "comparison": _comparison,
    "sweep": _sweep,
    "references": _references,
}
