"""Weights in the store, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.store import weights
from backend.store.session import Database
from backend.store.weights import NewWeights


def mine(
    content: str = "a", *, arch: str = "resnet18", source: str = "file", name: str = "mine"
) -> NewWeights:
    return NewWeights(source, name, arch, content * 64, 10)


def register(database: Database, new: NewWeights, *, replace: bool = False) -> bool:
    with database.write() as session:
        return weights.register(session, new, replace=replace)


def content(database: Database, new: NewWeights) -> str | None:
    with database.read() as session:
        found = weights.find(session, new.source, new.name, new.arch)
        return found and found.sha256[0]


def test_weights_are_found_by_source_name_and_architecture(database: Database) -> None:
    assert register(database, mine())
    assert content(database, mine()) == "a"
    for other in (mine(arch="vgg16"), mine(source="imagenet"), mine(name="yours")):
        assert content(database, other) is None


def test_the_same_content_may_be_registered_again(database: Database) -> None:
    assert register(database, mine())
    assert register(database, mine())
    with database.read() as session:
        assert len(weights.everything(session)) == 1


def test_a_name_that_is_taken_means_other_content_only_where_that_is_wished(database: Database) -> None:
    assert register(database, mine("a"))
    assert not register(database, mine("b"))
    assert content(database, mine()) == "a"
    assert register(database, mine("b"), replace=True)
    assert content(database, mine()) == "b"


def test_one_name_may_mean_weights_of_several_architectures(database: Database) -> None:
    for arch in ("vgg16", "alexnet"):
        assert register(database, mine(arch=arch))
    assert register(database, mine(arch="alexnet", source="imagenet", name="IMAGENET1K_V1"))
    with database.read() as session:
        listed = [(one.arch, one.source) for one in weights.everything(session)]
    assert listed == [("alexnet", "file"), ("alexnet", "imagenet"), ("vgg16", "file")]


def test_of_two_who_take_a_name_at_once_one_is_told_that_it_is_taken(database: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda content: register(database, mine(content)), "ab"))
    assert sorted(taken) == [False, True]


def test_of_two_who_replace_a_name_at_once_both_are_told_that_they_did(database: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        replaced = list(pool.map(lambda content: register(database, mine(content), replace=True), "ab"))
    assert replaced == [True, True]


@pytest.mark.parametrize("replace", [False, True])
def test_a_refused_or_repeated_name_leaves_the_transaction_usable(database: Database, replace: bool) -> None:
    with database.write() as session:
        weights.register(session, mine("a"))
        weights.register(session, mine("b"), replace=replace)
        assert weights.register(session, mine(name="another"))
    assert content(database, mine(name="another")) == "a"
