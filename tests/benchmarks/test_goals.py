"""Goals: what counts as met, how a program ends, and what `python -m benchmarks` makes of several."""

import math
from pathlib import Path

import pytest

from benchmarks.__main__ import main, programs
from benchmarks.goals import Goal, Goals, parse_goal


def verdicts(goals: Goals) -> list[str]:
    return [goal.verdict for goal in goals.all]


def test_a_goal_is_met_at_its_very_bound() -> None:
    goals = Goals()
    goals.at_least("a", 10, 10, "x")
    goals.at_most("b", 1, 1, "s")
    assert verdicts(goals) == ["met", "met"]


def test_a_value_that_is_no_number_misses_in_both_directions() -> None:
    goals = Goals()
    goals.at_least("a", math.nan, 10)
    goals.at_most("b", math.nan, 10)
    assert verdicts(goals) == ["missed", "missed"]


def test_nothing_is_judged_where_a_reason_says_so() -> None:
    goals = Goals("too short")
    goals.at_least("a", 1, 10)
    assert str(goals.all[0]) == "GOAL a 1 >=10 unshown (too short)"


@pytest.mark.parametrize(
    "goal",
    [
        Goal("ratio", "12.3x", ">=10x", "met"),
        Goal("ratio", "9x", ">=10x", "missed"),
        Goal("epoch", "-", "<=2.5s", "unshown", "there is no GPU (yet)"),
    ],
)
def test_a_goal_is_read_back_from_its_line(goal: Goal) -> None:
    assert parse_goal(f"{goal}\n") == goal


@pytest.mark.parametrize(
    "line", ["", "GOAL", "GOALS a 1 >=1 met", "GOAL a 1 >=1 perhaps", "goal a 1 >=1 met"]
)
def test_other_lines_tell_no_goal(line: str) -> None:
    assert parse_goal(line) is None


@pytest.mark.parametrize(("value", "status"), [(2.0, 0), (0.5, 1)])
def test_a_program_ends_with_1_where_a_goal_was_missed(
    value: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    goals = Goals()
    goals.at_least("a", value, 1)
    goals.unshown("b", ">=2", "why")
    with pytest.raises(SystemExit) as ended:
        goals.end()
    assert ended.value.code == status
    assert [parse_goal(line) for line in capsys.readouterr().out.split("\n") if line] == goals.all


def program(folder: Path, name: str, *goals: Goal, status: int) -> str:
    path = folder / name
    lines = [f"print({str(goal)!r})" for goal in goals]
    path.write_text("\n".join([*lines, f"raise SystemExit({status})"]))
    return str(path)


MET, MISSED = Goal("good", "1", ">=1", "met"), Goal("bad", "0", ">=1", "missed")
UNSHOWN = Goal("gpu", "-", ">=1", "unshown", "no GPU")


def test_all_goals_are_told_again_at_the_very_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = program(tmp_path, "first.py", MISSED, status=1)
    second = program(tmp_path, "second.py", MET, UNSHOWN, status=0)
    assert main([first, second]) == 1
    assert capfd.readouterr().out.splitlines()[-3:] == [str(MISSED), str(MET), str(UNSHOWN)]


def test_a_goal_that_cannot_be_shown_here_fails_nothing(tmp_path: Path) -> None:
    assert main([program(tmp_path, "one.py", MET, UNSHOWN, status=0)]) == 0


@pytest.mark.parametrize(
    ("goals", "status"),
    [((MET,), 2), ((MET,), 1), ((MISSED,), 0), ((), 0)],
    ids=["broke off", "ended like one that missed", "missed and did not say so", "told no goal"],
)
def test_a_program_that_did_not_come_to_its_end_is_a_goal_missed(
    tmp_path: Path, goals: tuple[Goal, ...], status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([program(tmp_path, "one.py", *goals, status=status)]) == 1
    last = parse_goal(capfd.readouterr().out.splitlines()[-1])
    assert last == Goal("one-runs", f"exit-{status}", "exit-0", "missed")


def test_each_program_runs_once_and_none_is_forgotten() -> None:
    assert {"start", "training", "recorder"} <= {path.stem for path in programs()}
    assert {"goals", "yardstick", "features"}.isdisjoint(path.stem for path in programs())
