"""The rules on the published tables, and what the page that lists the rules needs."""

import pytest

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.registry import RULES, between, findings_of
from backend.catalog.references import COLUMNS, published_tables

TABLES = {
    table.table: Evidence(
        10, table.epochs, {name: table.series(name) for name in COLUMNS}, name=f"Table {table.table}"
    )
    for table in published_tables().values()
}


def of(table: str) -> dict[str, Finding]:
    return {one.rule: one for one in findings_of(TABLES[table])}


def test_table_1_1_is_a_plateau_that_was_left_and_still_improves() -> None:
    found = of("1.1")
    assert list(found) == ["plateau-then-escape", "still-improving"]
    assert (found["plateau-then-escape"].epoch, found["plateau-then-escape"].until) == (1, 3)


@pytest.mark.parametrize("table", ["1.1", "1.2", "2.1", "2.2"])
def test_no_table_is_accused_that_is_not_sick(table: str) -> None:
    assert all(one.severity == "note" for one in of(table).values())


@pytest.mark.parametrize("table", ["3.1", "3.3"])
def test_tables_3_1_and_3_3_apply_softmax_twice_from_the_second_epoch_on(table: str) -> None:
    found = of(table)
    assert list(found) == ["softmax-twice"]
    assert found["softmax-twice"].epoch == 2


def test_table_3_2_has_collapsed_under_softmax_twice() -> None:
    found = of("3.2")
    assert list(found) == ["softmax-twice", "collapsed"]
    assert {one.epoch for one in found.values()} == {1}
    assert "softmax applied twice" in found["collapsed"].sentence


def test_table_3_3_repeats_3_1_and_no_other_table_repeats_one() -> None:
    (one,) = between(list(TABLES.values()))
    assert one.rule == "identical-curves"
    assert "Table 3.3 repeats Table 3.1 to the last digit, all 30 numbers" in one.sentence


@pytest.mark.parametrize("epochs", range(1, 11))
def test_no_healthy_table_is_accused_after_fewer_epochs(epochs: int) -> None:
    for table in ("1.1", "1.2", "2.1", "2.2"):
        whole = TABLES[table]
        series = {name: values[:epochs] for name, values in whole.series.items()}
        found = findings_of(Evidence(10, 10, series, test_images=10_000, ended=False))
        assert [one.rule for one in found if one.severity == "sick"] == []
        if table == "1.1" and epochs in (2, 3):
            assert [one.rule for one in found] == ["knows-nothing"], "it stands on its plateau: worth a note"


def test_every_rule_is_told_whole_and_finds_in_one_way() -> None:
    for name, rule in RULES.items():
        assert name == rule.name
        assert all((rule.title, rule.meaning, rule.threshold, rule.source))
        assert (rule.find is None) != (rule.compare is None)
        assert set(rule.explains) <= RULES.keys() - {name}
