"""Two recipes over their seeds: GET /api/compare/pair, among all that are on the screen."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from backend.analysis.between_recipes import ALPHA, BetweenRecipes, TTest, between_recipes, family
from backend.analysis.more_seeds import CAUTION, MoreSeeds, more_seeds
from backend.analysis.recipes import next_seeds, seeds_wanted
from backend.api.compare_reading import AskedDep, ChoiceQuery, Comparison, read
from backend.api.compared import Compared
from backend.api.deps import DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.recipes import RecipeHash
from backend.api.wire import Wire
from backend.api.wire_recipes import SeedsWire
from backend.errors import InvalidSpec
from backend.report.material import ACTIVE

router = APIRouter(prefix="/api/compare", tags=["compare"], responses=RESPONSES)


class OfPairWire(Wire):
    """One of the two: its mean over `n` independent runs; `values` and `seeds` are in the same order."""

    recipe: str
    label: str
    n: int
    mean: float | None
    seeds: list[int]
    values: list[float]


class TestWire(Wire):
    """A difference (first minus second), its 95% interval, and how often chance alone gives one so large."""

    difference: float
    low: float
    high: float
    t: float
    df: float
    p: float


class PairedWire(Wire):
    """The difference at the seeds that both have; `test` is null with one seed, or where it is the same at every one."""

    seeds: list[int]
    difference: float
    test: TestWire | None


class SettleWire(Wire):
    """`further` seeds of each would show today's difference with the chance `power`; null where none up to `most` would."""

    kind: Literal["enough", "more", "too many", "unknown"]
    further: int | None
    power: float | None
    most: int
    text: str
    caution: str
    seeds: list[SeedsWire]
    """What to launch: those further seeds of each, or as many as make three where nothing can be estimated yet."""


class PairWire(Wire):
    """`welch` decides, with `p` corrected by Holm for the `family` of all pairs on the screen that can be tested; null where
    it may not, as `told` says. `paired` informs.
    """

    first: OfPairWire
    second: OfPairWire
    difference: float | None
    welch: TestWire | None
    p: float | None
    family: int
    separated: bool | None
    paired: PairedWire | None
    told: str
    settle: SettleWire


@router.get("/pair")
def compare_pair(
    database: DatabaseDep,
    asked: AskedDep,
    first: Annotated[RecipeHash, Query()],
    second: Annotated[RecipeHash, Query()],
    value: ChoiceQuery = "last",
) -> PairWire:
    """Compare two recipes of a comparison over their seeds: by Welch's t-test, and at the seeds that both have.

    It says nothing of two trained models: those are compared on their test images.
    """
    with database.read() as session:
        found = read(session, asked, value)
    places = _place(found, first), _place(found, second)
    if places[0] == places[1]:
        raise InvalidSpec(f"first and second are both recipe {first[:12]}: two different ones are compared.")
    one, other = (found.compared[place] for place in places)
    tests = family([each.accuracy.values if each.accuracy.kind == "t" else [] for each in found.compared])
    p = tests.p(*places)
    between = None
    if one.accuracy.n and other.accuracy.n:
        between = between_recipes(_by_seed(one), _by_seed(other))
    told, separated = _told(between, found, places, p, tests.size)
    return PairWire(
        first=_wire(one, found.called[places[0]]),
        second=_wire(other, found.called[places[1]]),
        difference=between.difference if between else None,
        welch=_test(between.welch) if between and between.welch else None,
        p=p,
        family=tests.size if p is not None else 0,
        separated=separated,
        paired=_paired(between),
        told=told,
        settle=_settle(found, places, tests.size),
    )


def _place(found: Comparison, recipe: str) -> int:
    """Return where a recipe is among those compared.

    Raises:
        InvalidSpec: it is none of them.
    """
    for place, one in enumerate(found.compared):
        if one.short == recipe[:12]:
            return place
    known = ", ".join(one.short for one in found.compared[:5])
    raise InvalidSpec(f"Recipe {recipe[:12]} is none of those that are compared, which are {known}.")


def _by_seed(one: Compared) -> dict[int, float]:
    return {outcome.seed: outcome.accuracy for outcome in one.accuracy.counted}


def _wire(one: Compared, label: str) -> OfPairWire:
    accuracy = one.accuracy
    seeds = [outcome.seed for outcome in accuracy.counted]
    return OfPairWire(
        recipe=one.short, label=label, n=accuracy.n, mean=accuracy.mean, seeds=seeds, values=accuracy.values
    )


def _test(found: TTest) -> TestWire:
    return TestWire(
        difference=found.difference,
        low=found.interval.low,
        high=found.interval.high,
        t=found.t,
        df=found.df,
        p=found.p,
    )


def _paired(between: BetweenRecipes | None) -> PairedWire | None:
    if between is None or between.paired is None:
        return None
    paired = between.paired
    return PairedWire(
        seeds=list(paired.seeds),
        difference=paired.difference,
        test=_test(paired.test) if paired.test else None,
    )


def _told(
    between: BetweenRecipes | None, found: Comparison, places: tuple[int, int], p: float | None, size: int
) -> tuple[str, bool | None]:
    """Return what may be said of the two, and whether they differ: None where that cannot be said."""
    first, second = (found.called[place] for place in places)
    if between is None:
        return f"{first} and {second}: one of them has no completed run yet.", None
    if not between.may_decide or p is None:
        return (
            between.told
            or "Three seeds of each, and a spread, are needed to judge; the test is shown as it is.",
            None,
        )
    better, worse = (first, second) if between.difference > 0 else (second, first)
    told = "p < 0.001" if p < 0.001 else f"p = {p:.3g}"
    corrected = f", corrected by Holm for all {size:,} pairs" if size > 1 else ""
    if p < ALPHA:
        return f"{better} is better than {worse}: Welch's t-test gives {told}{corrected}.", True
    return f"{first} and {second} cannot be told apart: Welch's t-test gives {told}{corrected}.", False


def _settle(found: Comparison, places: tuple[int, int], family_size: int) -> SettleWire:
    """Return how many seeds would settle it, and which to launch: the lowest that no run of the recipe has."""
    pair = [found.compared[place] for place in places]
    estimate = more_seeds(pair[0].accuracy.values, pair[1].accuracy.values, family=family_size)
    return SettleWire(
        kind=estimate.kind,
        further=estimate.further,
        power=estimate.power,
        most=estimate.most,
        text=estimate.text.removesuffix(f" {CAUTION}"),
        caution=CAUTION,
        seeds=[
            SeedsWire(
                recipe=found.compared[place].short,
                label=found.called[place],
                clone=found.compared[place].facts[0].id,
                seeds=next_seeds(found.compared[place].seeds, count),
            )
            for place in places
            if (count := _wanted(estimate, found.compared[place]))
        ],
    )


def _wanted(estimate: MoreSeeds, one: Compared) -> int:
    """Return how many seeds of a recipe to launch; those that are on their way already are not asked for twice."""
    if estimate.kind == "more":
        wanted = estimate.further or 0
    else:
        # Two seeds give an estimate, and three a judgement.
        wanted = seeds_wanted(one.accuracy.n) if estimate.kind == "unknown" and one.accuracy.n < 3 else 0
    on_their_way = {run.seed for run in one.facts if run.state in ACTIVE}
    return max(0, wanted - len(on_their_way))
