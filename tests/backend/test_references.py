"""The published tables, the outline of the report, and what a careful reader finds in its numbers."""

import math
from pathlib import Path

import pytest

from backend.analysis import published
from backend.analysis.chance import at_chance, chance_limit, is_blank, most_predicted
from backend.analysis.comparisons import compared, remark_on, stated_otherwise
from backend.analysis.doubled_softmax import (
    first_gradient,
    first_step,
    highest_loss,
    lowest_loss,
    saturated_loss,
    saturating_lead,
)
from backend.catalog import references
from backend.catalog.presets import presets
from backend.catalog.references import COLUMNS, PublishedTable, published_tables
from backend.catalog.reports import ComparisonPart, ExperimentPart, report, reports
from backend.errors import NotFound

TABLES = {table.table: table for table in published_tables().values()}
REPORT = report("cifar10-transfer")


def test_there_are_seven_tables_of_ten_epochs_each_with_its_preset() -> None:
    assert list(TABLES) == ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2", "3.3"]
    for table in TABLES.values():
        assert sorted(table.rows) == list(range(1, 11))
        assert presets()[table.experiment].section == table.table
        assert (table.epochs, table.batch_size) == (10, 256)
        assert table.learning_rate == (0.1 if table.table == "3.3" else 0.05)


def test_an_empty_cell_is_a_gap_and_never_zero() -> None:
    assert TABLES["1.2"].rows[2] == {"train_loss": 0.470, "train_acc": None, "test_acc": 0.835}
    assert TABLES["2.1"].rows[3] == {"train_loss": None, "train_acc": None, "test_acc": 0.943}
    assert all(value != 0 for table in TABLES.values() for value in table.values())


def test_the_tables_are_those_of_the_reference(shared: Path) -> None:
    own = Path(references.__file__).parent / "references" / "published_tables.csv"
    assert own.read_bytes() == (shared / "reference" / "published_tables.csv").read_bytes()


def test_the_outline_of_the_report_is_complete() -> None:
    assert [section.id for section in REPORT.sections] == ["0", "1", "2", "3", "S", "R"]
    ids = [part.id for section in REPORT.sections for part in section.parts if getattr(part, "id", None)]  # pyright: ignore
    assert ids == ["0.1", "0.2", "1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4", "S"]
    assert [part.id for part in REPORT.experiments()] == list(TABLES)
    for part in REPORT.experiments():
        assert published_tables()[part.preset].table == part.id


def test_every_claim_names_two_experiments_of_the_report() -> None:
    known = {part.preset for part in REPORT.experiments()}
    claims = [
        claim
        for section in REPORT.sections
        for part in section.parts
        if isinstance(part, ComparisonPart)
        for claim in part.items
    ]
    assert len(claims) == 5
    assert all(
        {claim.better, claim.worse} <= known and f"{claim.percent}%" in claim.stated for claim in claims
    )


def test_a_report_that_is_not_there_is_not_found() -> None:
    assert list(reports()) == ["cifar10-transfer"]
    with pytest.raises(NotFound, match="no report 'other'"):
        report("other")


def test_what_a_careful_reader_finds_is_computed_from_the_tables() -> None:
    found = {name: " ".join(published.remarks(table, TABLES.values())) for name, table in TABLES.items()}
    assert "first 3 epochs" in found["1.1"]
    assert "ln 10 = 2.3026" in found["1.1"]
    assert found["1.2"].startswith("3 of 30 numbers cannot be read")
    assert "1.4612. It ends at 1.470 with 99.3% training accuracy" in found["3.1"]
    assert "Sections 1 and 2 do not have this: the training loss goes down to 0.223 and 0.002" in found["3.1"]
    assert "repeats" not in found["3.1"]
    assert "0.1 × 1.4612 + 0.9 × 2.4612 = 2.3612" in found["3.2"]
    assert "2.361 in all 10 epochs" in found["3.2"]
    assert found["3.3"].startswith("Table 3.3 repeats Table 3.1 digit for digit, all 30 numbers")
    for name in ("1.1", "1.2", "2.1", "2.2"):
        assert "twice" not in found[name]
        assert "repeats" not in found[name]


def a_table(name: str, losses: list[float], accuracies: list[float | None]) -> PublishedTable:
    cells = enumerate(zip(losses, accuracies, strict=True), start=1)
    rows: dict[int, dict[str, float | None]] = {
        epoch: dict(zip(COLUMNS, (loss, one, one), strict=True)) for epoch, (loss, one) in cells
    }
    return PublishedTable(name, name, 0.1, len(rows), 32, rows)


def test_softmax_twice_needs_three_epochs_that_fit() -> None:
    fitting = [highest_loss(10) - 0.5] * 3
    assert published.doubled(a_table("a", fitting, [0.5, 0.5, 0.5])) is not None
    assert published.doubled(a_table("a", fitting, [0.5, 0.5, None])) is None
    assert published.doubled(a_table("a", fitting, [0.5, 0.5, 0.53])) is None


def test_two_constant_tables_do_not_count_as_copies() -> None:
    flat = [a_table(name, [2.36] * 3, [0.1] * 3) for name in "ab"]
    assert published.repeated(flat[1], flat) is None
    rising = [a_table(name, [2.3, 2.0, 1.9], [0.1, 0.2, 0.3]) for name in "ab"]
    assert published.repeated(rising[1], rising) is not None
    assert published.repeated(rising[0], rising) is None


def test_a_plateau_that_is_never_left_is_none() -> None:
    assert published.plateau(a_table("a", [2.3026] * 3, [0.1] * 3)) is None
    assert published.plateau(a_table("a", [2.3026, 2.3026, 1.9], [0.1, 0.1, 0.3])) is not None


@pytest.mark.parametrize(
    ("better", "worse", "sentence"),
    [
        (0.897, 0.399, "0.897 against 0.399: 2.25 times, +125%, +49.8 points"),
        (0.950, 0.937, "0.950 against 0.937: 1.014 times, +1.4%, +1.3 points"),
        (0.950, 0.897, "0.950 against 0.897: 1.059 times, +5.9%, +5.3 points"),
        (0.945, 0.100, "0.945 against 0.100: 9.45 times, +845%, +84.5 points"),
        (0.5, 0.5, "0.500 against 0.500: 1.00 times, 0.0%, 0.0 points"),
        (0.25, 0.5, "0.250 against 0.500: 0.50 times, −50%, −25.0 points"),
        (0.5, 0.0, "0.500 against 0.000: +50.0 points (no ratio to 0)"),
    ],
)
def test_comparisons_as_solved_by_hand(better: float, worse: float, sentence: str) -> None:
    assert compared(better, worse) == sentence


def test_a_stated_gain_is_right_confused_with_times_or_contradicted() -> None:
    names = {"better_name": "Table A", "worse_name": "Table B"}
    assert remark_on("1.4", 0.950, 0.937, **names) == "1.4% is right, as a relative gain."
    assert remark_on("5.9", 0.950, 0.897, **names) == "5.9% is right, as a relative gain."
    assert (
        remark_on("225", 0.897, 0.399, **names)
        == "The report says 225% greater; 2.25 times is 125% greater: it took the ratio for the gain."
    )
    contradicted = remark_on("945", 0.945, 0.945, **names)
    assert "Table B contradicts it" in contradicted
    assert "needs 0.100 there" in contradicted
    assert "contradicts" in remark_on("10", 0.5, 0.0, **names)


def test_a_measured_gain_is_named_where_it_is_not_the_stated_one() -> None:
    assert stated_otherwise("1.4", 0.950, 0.937) is None
    assert (
        stated_otherwise("225", 0.897, 0.399)
        == "The report says 225% greater; measured it is 125% greater: −100 percentage points."
    )
    assert (
        stated_otherwise("5.9", 0.4, 0.5)
        == "The report says 5.9% greater; measured it is 20.0% less: −25.9 percentage points."
    )
    assert stated_otherwise("10", 0.5, 0.0) is None


def test_a_contradicted_claim_implies_the_collapsed_table_and_a_copying_error() -> None:
    said = published.meant_instead(TABLES["3.3"], 0.945 / 9.45, TABLES.values())
    assert said == (
        "So the sentence implies the collapsed model of Table 3.2, which ends at 0.100, and Table 3.3 is a copying "
        "error in the report."
    )
    assert published.meant_instead(TABLES["3.3"], 0.123, TABLES.values()) is None
    said = published.meant_instead(TABLES["2.2"], 0.897, TABLES.values())
    assert said == "So the sentence implies Table 1.2, which ends at 0.897."


def test_the_doubled_softmax_as_solved_by_hand() -> None:
    assert math.isclose(lowest_loss(10), 1.4612, abs_tol=5e-5)
    assert math.isclose(highest_loss(10), 2.4612, abs_tol=5e-5)
    assert math.isclose(saturated_loss(10, 0.1), 2.3612, abs_tol=5e-5)
    assert math.isclose(first_gradient(10), 0.09)
    assert math.isclose(first_step(10, lr=0.05, mean_square_norm=1000.0), 0.45)
    assert math.isclose(saturating_lead(10), math.log(891))


def test_the_first_gradient_is_the_slope_of_the_loss() -> None:
    def loss(logit: float) -> float:
        exponents = [math.exp(logit), *[1.0] * 9]
        probabilities = [one / sum(exponents) for one in exponents]
        return math.log(sum(map(math.exp, probabilities))) - probabilities[0]

    step = 1e-5
    assert math.isclose((loss(-step) - loss(step)) / (2 * step), first_gradient(10), rel_tol=1e-6)


def test_the_limit_of_chance_as_solved_by_hand() -> None:
    # 0.1 + 1.645 sqrt(0.1 * 0.9 / 900) = 0.1 + 1.645 * 0.01
    assert math.isclose(chance_limit(0.1, 900), 0.11645)
    assert at_chance(0.1164, 0.1, 900)
    assert not at_chance(0.1165, 0.1, 900)
    assert chance_limit(0.1, 10_000) < chance_limit(0.1, 1000)
    assert chance_limit(0.1, 1) > 0.5
    assert chance_limit(1.0, 100) == 1.0


def test_a_loss_is_that_of_guessing_within_half_a_percent() -> None:
    assert is_blank(2.3026, 10)
    assert is_blank(2.312, 10)
    assert not is_blank(2.32, 10)
    assert not is_blank(2.3612, 10)


def test_the_class_predicted_most_is_counted() -> None:
    most = most_predicted(bytes([1] * 96 + [0] * 4), ["cat", "dog"])
    assert most is not None
    assert (most.name, most.share, most.is_nearly_all) == ("dog", 0.96, True)
    even = most_predicted(bytes([0] * 95 + [1] * 5), ["cat", "dog"])
    assert even is not None
    assert (even.share, even.is_nearly_all) == (0.95, False)
    tied = most_predicted(bytes([1, 0]), ["cat", "dog"])
    assert tied is not None
    assert tied.name == "cat"
    assert most_predicted(b"", ["cat"]) is None
    wide = most_predicted((299).to_bytes(2, "little") * 3, [str(number) for number in range(300)])
    assert wide is not None
    assert wide.name == "299"


def test_written_remarks_stand_where_the_outline_puts_them() -> None:
    written = {part.id: part.notes for part in REPORT.experiments() if part.notes}
    assert set(written) == {"2.2", "3.1"}
    assert isinstance(REPORT.experiments()[3], ExperimentPart)
    assert written["2.2"][0].same_hyper_parameters_as == "resnet18-fine-tuned"
