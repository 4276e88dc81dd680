"""Tables of a person's own: what is read from CSV and TOML, and the sentence for all that cannot be."""

import pytest

from backend.catalog.references import published_tables
from backend.catalog.reports import REPORT, report
from backend.errors import InvalidReference
from backend.references.reading import MOST_CHARACTERS, read_reference
from backend.references.tables import AT_THE_END, builtin, from_json
from backend.references.template import TEMPLATES

GOOD = "experiment,epoch,test_acc\nmine,1,0.5\n"


def test_both_templates_are_read_as_the_same_numbers() -> None:
    csv, toml = (read_reference("mine", kind, text) for kind, text in TEMPLATES.items())
    assert list(csv.tables) == list(toml.tables) == ["resnet18-fine-tuned", "vgg16-fine-tuned"]
    first = csv.tables["resnet18-fine-tuned"]
    assert first.facts == toml.tables["resnet18-fine-tuned"].facts
    assert first.facts == {"dataset": "cifar10", "learning_rate": 0.05, "num_epochs": 10, "batch_size": 256}
    assert first.rows[2] == {"test_acc": 0.927}  # an empty cell is a gap, never zero
    assert first.rows[10] == {"train_loss": 0.002, "train_acc": 1.0, "test_acc": 0.950}
    for one in (csv, toml):
        assert one.tables["vgg16-fine-tuned"].rows == {AT_THE_END: {"test_acc": 0.937}}
    assert (csv.tolerance_points, toml.tolerance_points) == (0.05, 0.1)
    assert (csv.title, toml.title) == ("mine", "Our lab, ResNet-18 and VGG16")


def test_what_was_stored_is_what_was_read() -> None:
    made = read_reference("mine", "toml", TEMPLATES["toml"])
    assert from_json(made.name, made.title, made.tolerance_points, made.as_json()) == made


def test_a_value_without_an_epoch_stands_beside_the_last_one_only() -> None:
    table = read_reference("mine", "csv", "experiment,test_acc\na,0.5\n").tables["a"]
    assert table.value("test_acc", 7) is None
    assert table.value("test_acc", 7, is_last=True) == table.last("test_acc") == 0.5
    assert table.series("test_acc") == ([], [])


def test_runyards_own_reference_has_every_published_number() -> None:
    made = builtin(published_tables(), report(REPORT).protocol)
    for name, table in published_tables().items():
        for epoch, row in table.rows.items():
            assert {metric: made.tables[name].value(metric, epoch) for metric in row} == row
        assert made.tables[name].last("test_acc") == table.last("test_acc")


def test_a_mark_of_its_encoding_blank_lines_and_spaces_change_nothing() -> None:
    text = "\ufeffexperiment, epoch ,test_acc\r\n\r\n mine , 1 , 0.5 \r\n"
    assert read_reference("mine", "csv", text).tables["mine"].rows == {1: {"test_acc": 0.5}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must name the column 'experiment'"),
        ("experiment,epoch\n", "one of train_loss, train_acc, test_acc"),
        ("experiment,test_acc\n", "no row"),
        ("experiment,accuracy\na,1\n", "column 'accuracy'"),
        ("experiment,test_acc,test_acc\n", "'test_acc' twice"),
        ("experiment,test_acc\na\n", "Line 2 has 1 fields; the first line names 2 columns."),
        ("experiment,test_acc\n,0.5\n", "Line 2 names no experiment."),
        ("experiment,test_acc\na,94.5\n", "share from 0 to 1. Write 0.945 for 94.5%."),
        ("experiment,test_acc\na,-0.1\n", "Line 2: test_acc is -0.1"),
        ("experiment,test_acc\na,nan\n", "test_acc is 'nan'; it must be a number"),
        ("experiment,test_acc\na,1e999\n", "it must be a number"),
        ("experiment,train_loss\na,-1\n", "it must be 0 or more"),
        ("experiment,epoch,test_acc\na,0,0.5\n", "epoch is 0; it must be a whole number from 1"),
        ("experiment,epoch,test_acc\na,1.5,0.5\n", "whole number"),
        ("experiment,epoch,test_acc\na,1,0.5\na,1,0.6\n", "Line 3 repeats epoch 1 of 'a'."),
        ("experiment,test_acc\na,0.5\na,0.6\n", "values without an epoch of 'a'"),
        ("experiment,batch_size,epoch,test_acc\na,1,1,0.5\na,2,2,0.5\n", "says something else of 'a'"),
        ("experiment,learning_rate,test_acc\na,0,0.5\n", "more than 0"),
        ('experiment,test_acc\n"a,0.5\n', "cannot be read as CSV"),
        (f"experiment,test_acc\n{'a' * 101},0.5\n", "1 to 100 visible characters"),
        ("experiment,test_acc\na\x07b,0.5\n", "visible characters"),
        ("experiment,test_acc\n" + "a,0.5\n" * 5001, "5,001 rows"),
        ("x" * (MOST_CHARACTERS + 1), "500,001 characters"),
    ],
)
def test_a_csv_that_cannot_be_one_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidReference) as refused:
        read_reference("mine", "csv", text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tables = 1", "tables must be a list"),
        ("tables = [1]", "Table 1 is no table"),
        ("[[tables]]\nexperiment = 'a'", "no row"),
        ("[[tables]]\nexperiment = 'a'\nrows = [1]", "rows must be a list of tables"),
        ("[[tables]]\nexperiment = 'a'\n[[tables.rows]]\ntest_acc = nan", "it must be a number"),
        ("[[tables]]\nexperiment = 'a'\n[[tables.rows]]\ntest_acc = true", "it must be a number"),
        ("[[tables]]\nexperiment = 'a'\n[[tables.rows]]\nf1 = 1", "a field 'f1'"),
        ("[[tables]]\nwho = 'a'", "a field 'who'"),
        ("[[tables]]\n[[tables.rows]]\ntest_acc = 0.5", "names no experiment"),
        ("tolerance_points = -1\n[[tables]]\nexperiment='a'\n[[tables.rows]]\ntest_acc=0.5", "from 0 to 100"),
        ("tolerance_points = 'x'\n[[tables]]\nexperiment='a'\n[[tables.rows]]\ntest_acc=0.5", "is 'x'"),
        ("= 1", "cannot be read as TOML"),
        ("a = " + "[" * 5000, "cannot be read as TOML"),
        (".".join(["a"] * 8000) + " = 1", "a key of many parts"),
        ("x = {" + " . ".join(["a"] * 8000) + " = [1]}", "a key of many parts"),
        ('"a".' * 8000 + "b = 1", "a key of many parts"),
    ],
)
def test_a_toml_that_cannot_be_one_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidReference) as refused:
        read_reference("mine", "toml", text)
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["", "published", "a b", "-a", "a/b", "x" * 101, "a\n", "é"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(InvalidReference, match="name"):
        read_reference(name, "csv", GOOD)
