"""Tables as texts: nothing in a cell is taken for a command, for TeX or for Markdown, and rounding is the page's."""

import csv
import io
import json
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.export import latex as tex
from backend.export import markdown as md
from backend.export import page_numbers as page
from backend.export.csv_text import cell, csv_text
from backend.export.formats import file_name, written
from backend.export.markup import joined, tag
from backend.export.points import FIELDS, Whose, points_text
from backend.export.table import Head, Table, full_head, groups

STAMP = {"version": "1.2", "exported_at": "2026-01-02T03:04:05.000Z", "cursor": "abc-7"}
HOSTILE = '=1+1|"a",\n&%$#_{}~^\\<b>[x]*`--'


def a_table(**changes) -> Table:
    heads = [
        Head("Recipe", numeric=False),
        Head("published", group="Test acc., %"),
        Head("measured", group="Test acc., %"),
    ]
    return Table(
        **{
            "name": "1.1",
            "caption": "A table",
            "fields": ["recipe", "published", "measured"],
            "records": [["lr 0.1", 0.123456789, "nan"], [HOSTILE, None, -1.5]],
            "heads": heads,
            "rows": [["lr 0.1", "12.3", "NaN"], [HOSTILE, "·", "−150.0"]],
            "notes": ["50% of it & more"],
            **changes,
        }
    )


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "-", "+", "=", "-1.5e", "--1"]
)
def test_a_text_that_begins_like_a_formula_gets_a_quote(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["lr 0.1", "a=b", "a-b", "'=1", "", "-1.5", "+3", "-1e-05", "-inf", "inf", "nan", "-.5"]
)
def test_other_texts_and_numbers_as_texts_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.1, "-0.1"), (1 / 3, "0.3333333333333333"), (3, "3"), (None, ""), (True, "true"), (False, "false")],
)
def test_numbers_keep_all_their_digits_and_their_sign(value: object, text: str) -> None:
    assert cell(value) == text  # pyright: ignore[reportArgumentType]


def test_csv_is_read_back_as_it_was_written() -> None:
    found = list(csv.reader(io.StringIO(csv_text(a_table()))))
    assert found == [
        ["recipe", "published", "measured"],
        ["lr 0.1", "0.123456789", "nan"],
        [f"'{HOSTILE}", "", "-1.5"],
    ]


@given(
    st.lists(
        st.one_of(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.floats()),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_the_cells_hold_no_line_of_csv_begins_one_with_a_command(cells: list) -> None:
    table = Table("x", "x", [f"f{place}" for place in range(len(cells))], [cells], [], [[]])
    (_, record) = csv.reader(io.StringIO(csv_text(table), newline=""))
    for value, text in zip(cells, record, strict=True):
        if isinstance(value, float):
            assert float(text) == value or math.isnan(value)
        elif text.startswith(("=", "+", "-", "@")):
            float(text)


def test_json_holds_the_exact_rows_with_the_stamp_and_no_nan() -> None:
    found = json.loads(written([a_table()], "json", STAMP), parse_constant=lambda name: pytest.fail(name))
    assert {name: found[name] for name in STAMP} == STAMP
    (table,) = found["tables"]
    assert table["rows"][0] == {"recipe": "lr 0.1", "published": 0.123456789, "measured": "nan"}
    assert (table["name"], table["caption"], table["notes"]) == ("1.1", "A table", ["50% of it & more"])


def test_latex_is_a_booktabs_table_with_groups_and_their_rules() -> None:
    lines = written([a_table()], "latex", STAMP).splitlines()
    assert lines[0] == "% Runyard 1.2, 2026-01-02T03:04:05.000Z, store abc-7"
    assert r"\begin{tabular}{@{}lrr@{}}" in lines
    at = lines.index(r"\toprule")
    assert lines[at + 1 : at + 5] == [
        r" & \multicolumn{2}{c}{Test acc., \%} \\",
        r"\cmidrule(lr){2-3}",
        r"Recipe & published & measured \\",
        r"\midrule",
    ]
    assert r"lr 0.1 & 12.3 & NaN \\" in lines
    assert r"\par\smallskip 50\% of it \& more" in lines
    assert written([a_table()], "latex", STAMP).count(r"\begin{") == written(
        [a_table()], "latex", STAMP
    ).count(r"\end{")


def test_latex_without_groups_has_one_line_of_heads() -> None:
    text = tex.latex(a_table(heads=[Head("a"), Head("b"), Head("c")]))
    assert "cmidrule" not in text
    assert r"a & b & c \\" in text


def test_latex_sets_every_sign_as_it_stands() -> None:
    assert tex.escaped(HOSTILE) == (
        r"=1+1\textbar{}''a'', \&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}"
        r"\textless{}b\textgreater{}{[}x{]}*`-{}-"
    )
    assert tex.escaped("−0.3 ± 0.1 — ∞") == r"$-$0.3 $\pm$ 0.1 --- $\infty$"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_no_text_leaves_its_cell_in_latex_or_markdown(text: str) -> None:
    plain = tex.escaped(text)
    for sign in ("&", "%", "#", "_"):
        assert plain.count(sign) == plain.count("\\" + sign)
    # Whatever braces stand there are in pairs, and none closes what it did not open.
    depth = 0
    for place, sign in enumerate(plain):
        escaped_here = place > 0 and plain[place - 1] == "\\"
        depth += 0 if escaped_here else {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    line = md.markdown(a_table(rows=[[text, "", ""]])).splitlines()[4]
    assert line.count("|") - line.count("\\|") == 4


def test_markdown_is_a_table_with_escaped_pipes_in_one_line_each() -> None:
    lines = written([a_table()], "markdown", STAMP).splitlines()
    assert lines[:5] == [
        "**A table**",
        "",
        "| Recipe | Test acc., %, published | Test acc., %, measured |",
        "| :--- | ---: | ---: |",
        "| lr 0.1 | 12.3 | NaN |",
    ]
    assert r"=1+1\|" in lines[5]
    assert r"\<b\>" in lines[5]
    assert lines[7] == r"50% of it \& more"


def test_heads_are_grouped_by_their_neighbours_alone() -> None:
    heads = [Head("a"), Head("b", group="x"), Head("c", group="x"), Head("d"), Head("e", group="x")]
    assert groups(heads) == [(None, 1), ("x", 2), (None, 1), ("x", 1)]
    assert [full_head(head) for head in heads[:2]] == ["a", "x, b"]


def test_names_of_files_hold_nothing_but_letters_digits_and_hyphens() -> None:
    assert file_name("latex", "table", "../../etc/passwd", 3) == "runyard-table-etc-passwd-3.tex"
    assert file_name("csv", 'a"\r\nX: y') == "runyard-a-X-y.csv"
    assert len(file_name("json", "x" * 500)) == 80 + len(".json")


# By hand, and held against the page's own functions in tests/browser/test_exports.py.
@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9486, "94.9"),
        (0.6125, "61.3"),
        (0.1225, "12.3"),
        (1.0, "100.0"),
        (0.0, "0.0"),
        (None, "—"),
        (0.00049, "0.0"),
    ],
)
def test_shares_are_rounded_as_the_page_does(share: float | None, text: str) -> None:
    assert page.percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.4612, "2.461"),
        (0.0005, "5.0e-4"),
        (0.0, "0.000"),
        (123.5, "124"),
        (99.9996, "100.000"),
        (9.96e-5, "1.0e-4"),
    ],
)
def test_losses_are_rounded_as_the_page_does(value: float, text: str) -> None:
    assert page.loss(value) == text


def test_points_durations_and_short_numbers_read_as_on_the_page() -> None:
    assert [page.signed_points(one) for one in (0.25, -0.25, 0.04, -0.04, None)] == [
        "+0.3",
        "−0.3",
        "0.0",
        "0.0",
        "—",
    ]
    assert [page.duration(one) for one in (0.0334, 2.55, 38.4, 182.0, 3840.0, None, -1.0)] == [
        *("33 ms", "2.5 s", "38 s", "3 m 02 s", "1 h 04 m", "—", "—"),
    ]
    assert [page.short(one) for one in (0.0, 0.925, 1240.4, 0.0000314, 99.96, None)] == [
        *("0", "0.925", "1,240", "3.1e-5", "100", "—"),
    ]


def test_an_accuracy_tells_how_sure_it_is_by_what_it_is_made_of() -> None:
    none = {"kind": "none", "mean": None, "low": None, "high": None, "values": []}
    assert page.accuracy(none) == "—"
    wilson = {"kind": "wilson", "mean": 0.412, "low": 0.402, "high": 0.4222, "values": [0.412]}
    assert page.accuracy(wilson) == "41.2 (40.2–42.2)"
    assert page.accuracy({**none, "kind": "two", "mean": 0.41, "values": [0.4, 0.42]}) == "40.0, 42.0"
    three = {"kind": "t", "mean": 0.412, "low": 0.404, "high": 0.42, "values": [0.41, 0.412, 0.414]}
    assert page.accuracy(three) == "41.2 ± 0.8"
    assert page.accuracy({**three, "low": 0.4118, "high": 0.4122}) == "41.2 ± 0.02"
    assert page.accuracy({**three, "values": [0.412] * 3}) == "41.2 (no spread)"


@dataclass
class Curve:
    epochs: list[int]
    values: list[float | None]
    nonfinite: dict[int, str] = field(default_factory=dict)


CURVES = {
    1: {"train_loss": Curve([1, 2], [0.1, None], {2: "nan"}), "test_acc": Curve([1], [1 / 3])},
    2: {},
    3: {"test_acc": Curve([4], [None], {4: "-inf"})},
}
WHOSE = [Whose(run, "a" * 12, "=lr 0.1", run - 1) for run in CURVES]
POINTS = [
    (1, "test_acc", 1, 1 / 3),
    (1, "train_loss", 1, 0.1),
    (1, "train_loss", 2, "nan"),
    (3, "test_acc", 4, "-inf"),
]


def test_points_are_written_in_csv_with_the_names_of_those_that_are_no_numbers() -> None:
    text = "".join(points_text(WHOSE, CURVES.__getitem__, "csv", STAMP))
    head, *found = csv.reader(io.StringIO(text))
    assert tuple(head) == FIELDS
    assert found == [
        [
            str(run),
            "a" * 12,
            "'=lr 0.1",
            str(run - 1),
            metric,
            str(epoch),
            value if isinstance(value, str) else repr(value),
        ]
        for run, metric, epoch, value in POINTS
    ]


@pytest.mark.parametrize("whose", [WHOSE, WHOSE[1:], WHOSE[1:2], []])
def test_points_are_written_in_strict_json_whatever_runs_have_none(whose: list[Whose]) -> None:
    text = "".join(points_text(whose, CURVES.__getitem__, "json", STAMP))
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert {name: found[name] for name in STAMP} == STAMP
    shown = {one.run for one in whose}
    assert [(one["run"], one["metric"], one["epoch"], one["value"]) for one in found["points"]] == [
        point for point in POINTS if point[0] in shown
    ]
    assert all(one["label"] == "=lr 0.1" for one in found["points"])


def test_points_are_read_run_by_run_as_they_are_asked_for() -> None:
    read: list[int] = []
    pieces = points_text(WHOSE, lambda run: (read.append(run), CURVES[run])[1], "csv", STAMP)
    next(pieces)
    assert read == []
    next(pieces)
    assert read == [1]


def test_no_text_becomes_markup() -> None:
    made = tag("p", "<b>&", tag("i", '"x"'), None, title='a"<', data_epoch=1, id=None)
    assert made == '<p title="a&quot;&lt;" data-epoch="1">&lt;b&gt;&amp;<i>&quot;x&quot;</i></p>'
    assert joined("<", made) == f"&lt;{made}"
