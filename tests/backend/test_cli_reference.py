"""`runyard reference`, and what `runyard report show` says of references, over a real service."""

from pathlib import Path

import pytest

from backend.client import Client
from backend.references.template import CSV, TOML
from tests.backend.served import Served, run, run_json

pytestmark = pytest.mark.thorough


def test_a_file_is_imported_listed_shown_in_the_report_and_removed(service: Served, tmp_path: Path) -> None:
    file = tmp_path / "our-lab.csv"
    file.write_text(CSV)
    assert run("reference", "import", file) == (0, "our-lab holds 8 numbers of 2 experiments.\n", "")
    status, said, _ = run("reference", "list")
    assert status == 0
    assert [line.split()[0] for line in said.splitlines()[1:]] == ["published", "our-lab"]
    status, said, _ = run("report", "show", "--reference", "our-lab:0.5")
    assert status == 0
    assert "our-lab: Not run yet." in said
    assert "our-lab: no table of this experiment." in said
    assert run("reference", "remove", "our-lab") == (0, "our-lab is removed.\n", "")
    assert run("reference", "remove", "our-lab") == (1, "", "There is no reference 'our-lab'.\n")


def test_a_toml_has_its_own_title_and_tolerance_and_options_go_before(
    service: Served, tmp_path: Path
) -> None:
    file = tmp_path / "table.toml"
    file.write_text(TOML)
    made = run_json("reference", "import", file)
    assert (made["name"], made["title"], made["tolerance_points"]) == (
        "table",
        "Our lab, ResNet-18 and VGG16",
        0.1,
    )
    other = run_json("reference", "import", file, "--name", "b", "--title", "B", "--tolerance", 2)
    assert (other["name"], other["title"], other["tolerance_points"]) == ("b", "B", 2.0)


def test_the_template_is_what_the_help_shows(service: Served) -> None:
    assert run("reference", "template") == (0, CSV, "")
    assert run("reference", "template", "toml") == (0, TOML, "")
    status, said, _ = run("reference", "import", "--help")
    assert status == 0
    assert "experiment,table,title,dataset" in said


@pytest.mark.parametrize(
    ("name", "content", "status", "says"),
    [
        ("a.txt", CSV, 2, "must end in .csv or .toml"),
        ("a b.csv", CSV, 2, "give --name"),
        ("a.csv", "experiment,test_acc\na,95\n", 1, "Write 0.95 for 95%."),
        ("a.csv", b"\xff\xfe", 2, "is no text in UTF-8"),
        ("missing.csv", None, 2, "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_one_is_refused(
    service: Served, tmp_path: Path, name: str, content: str | bytes | None, status: int, says: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    found, _, problem = run("reference", "import", file)
    assert found == status
    assert says in " ".join(problem.replace("│", " ").split())


def test_the_client_makes_edits_and_deletes_a_report(service: Served, client: Client) -> None:
    preset = {"dataset": {"name": "shapes"}}
    (run_id,) = client.launch(preset="softmax-original", overrides=preset, confirm=True)["runs"]
    made = client.create_own_report("Mine", notes="x", runs=[run_id])
    assert [one["id"] for one in client.own_reports()] == [made["id"]]
    edited = client.edit_own_report(made["id"], 1, title="Other", runs=[run_id])
    assert client.own_report(made["id"])["title"] == edited["title"] == "Other"
    client.delete_own_report(made["id"], 2)
    assert client.own_reports() == []
