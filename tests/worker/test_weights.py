"""Weights to start from: brought by an operator, fetched, found for a run, or refused in one sentence."""

import hashlib
import pickle
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchvision.models import MobileNet_V2_Weights, SqueezeNet1_1_Weights, get_model

from backend.errors import DataProblem, UnknownName
from backend.settings import Settings
from backend.spec import Spec, parse_spec
from backend.store import attempts
from backend.store import weights as store
from backend.store.attempts import Claimed
from backend.store.families import ParentRun
from backend.store.session import Database
from tests.servers import free_port
from tests.store import scenes
from worker import imagenet
from worker.engine import checkpoint
from worker.engine.feature_cache import Lock
from worker.engine.models import build_frozen, build_model
from worker.engine.weights import StartingWeights
from worker.recorder import DatabaseRecorder
from worker.training import Verdict, train_attempt
from worker.weight_files import read_state
from worker.weights import imagenet_weights, starting_weights
from worker.weights_command import import_and_register, main

pytestmark = pytest.mark.thorough

ARCH = "squeezenet1_1"
"""The smallest file of all that torchvision publishes."""

POINTER = {"epoch": 2, "name": "attempt-1-epoch-2", "sha256": "0" * 64}


def state_of(arch: str = ARCH, classes: int = 1000) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return get_model(arch, weights=None, num_classes=classes).state_dict()


def torch_file(path: Path, state: Any) -> Path:
    torch.save(state, path)
    return path


def ignore(done: int, total: int) -> None:
    """Take note of no download."""


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that torchvision is told is its own: its address holds the file's hash, on a port where nobody answers."""
    path = torch_file(tmp_path / "made", state_of())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return publish(monkeypatch, path.rename(tmp_path / f"{ARCH}-{digest[:8]}.pth"), free_port())


def publish(monkeypatch: pytest.MonkeyPatch, path: Path, port: int) -> Path:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(
        SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", f"http://127.0.0.1:{port}/{path.name}"
    )
    return path


@pytest.fixture
def server(published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server of the published file; the list grows with each request."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if not published.exists():
                self.send_error(404)
                return
            content = published.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        publish(monkeypatch, published, listening.server_port)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield asked
        listening.shutdown()
        thread.join()


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def spec_of(weights: dict[str, Any], *, features: bool = False) -> Spec:
    part = {"arch": ARCH, "weights": weights}
    model = {"model": {"arch": "softmax-regression"}, "features": {**part, "node": "features"}}
    return parse_spec({"dataset": {"name": "shapes"}, **(model if features else {"model": part})})


def a_claim(parent: ParentRun | None = None, *, goes_on: bool = False) -> Claimed:
    return Claimed(7, 1, "worker", {}, 1, POINTER if goes_on else None, None, parent)


def refusal(*arguments: Any) -> str:
    with pytest.raises(DataProblem) as refused:
        starting_weights(*arguments, ignore)
    return str(refused.value)


def brought(path: Path, settings: Settings, database: Database, *, replace: bool = False) -> store.NewWeights:
    return import_and_register(ARCH, path, settings, database, name="mine", replace=replace)


def everything(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        return [(one.source, one.name, one.arch) for one in store.everything(session)]


# Which weights torchvision has


def test_a_file_is_recognised_by_the_hash_in_its_published_name() -> None:
    files = [("V1", "net-aaaa1111.pth"), ("V2", "net0.5_top1_67.8-bbbb2222cc.pth")]
    assert imagenet.recognised("bbbb2222cc" + "0" * 54, files) == "V2"
    assert imagenet.recognised("bbbb2222" + "0" * 56, files) is None
    assert imagenet.recognised("0" * 64, []) is None


def test_runs_start_from_the_first_weights_that_fit_the_size_of_the_network() -> None:
    assert imagenet.standard("resnet50").name == "IMAGENET1K_V1"
    assert imagenet.standard("vit_h_14").name == "IMAGENET1K_SWAG_LINEAR_V1"


def test_weights_without_an_output_layer_are_not_listed() -> None:
    assert [one.name for one in imagenet.published("vgg16")] == ["IMAGENET1K_V1"]


# Reading files


@pytest.mark.parametrize("is_old", [False, True])
def test_a_file_of_torch_and_one_of_safetensors_hold_the_same_tensors(tmp_path: Path, is_old: bool) -> None:
    state = {"a": torch.rand(2, 3), "b": torch.tensor(3)}
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=not is_old)
    save_file(state, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        read = read_state(tmp_path / name)
        assert all(torch.equal(read[key], value) for key, value in state.items())


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_hostile_pickle_runs_nothing_and_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    paths = [torch_file(tmp_path / "new.pth", {"a": Hostile(mark)}), tmp_path / "bare.pth"]
    paths[1].write_bytes(pickle.dumps(Hostile(mark)))
    for path in paths:
        with pytest.raises(DataProblem, match="holds more than tensors"):
            read_state(path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", None])
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    state = {"a": torch.rand(50, 50)}
    if name.endswith("pth"):
        torch.save(state, path)
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    with pytest.raises(DataProblem, match="is broken, or holds more than tensors"):
        read_state(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([torch.zeros(1)], "holds a list; it must hold tensors by name"),
        ({"epoch": 3}, "holds a int under 'epoch'"),
        ({"state_dict": {"a": torch.zeros(1)}}, "holds a dict under 'state_dict'"),
        ({"a": torch.zeros(3).to_sparse()}, "holds a Tensor under 'a'; it must hold plain tensors"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: Any, match: str) -> None:
    with pytest.raises(DataProblem, match=match):
        read_state(torch_file(tmp_path / "a.pth", content))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="There is no file"):
        read_state(tmp_path)


# Importing


def test_an_imported_file_is_kept_and_a_run_starts_from_it(
    tmp_path: Path, settings: Settings, database: Database
) -> None:
    state = state_of(classes=7)
    new = brought(torch_file(tmp_path / "a.pth", state), settings, database)
    assert new.classes == 7
    spec = spec_of({"source": "file", "name": "mine"})
    found = starting_weights(spec, a_claim(), settings, database, ignore)
    assert found
    assert found.path.name == f"{ARCH}-mine-{new.sha256[:12]}.safetensors"
    assert found.about == "the file 'mine'"
    assert hashlib.sha256(found.path.read_bytes()).hexdigest() == found.sha256 == new.sha256
    network = build_frozen(ARCH, found, 0)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_the_same_weights_are_the_same_content_whichever_file_they_came_in(
    tmp_path: Path, settings: Settings, database: Database
) -> None:
    state = state_of()
    save_file(state, tmp_path / "a.safetensors")
    backwards = torch_file(tmp_path / "a.pth", dict(reversed(state.items())))
    first = brought(tmp_path / "a.safetensors", settings, database)
    assert brought(backwards, settings, database) == first


def test_a_name_that_is_taken_is_not_taken_silently(
    tmp_path: Path, settings: Settings, database: Database
) -> None:
    old = brought(torch_file(tmp_path / "a.pth", state_of()), settings, database)
    other = torch_file(tmp_path / "b.pth", state_of(classes=7))
    with pytest.raises(DataProblem, match="add --replace"):
        brought(other, settings, database)
    new = brought(other, settings, database, replace=True)
    spec = spec_of({"source": "file", "name": "mine"}, features=True)
    started = starting_weights(spec, a_claim(), settings, database, ignore)
    assert started
    assert started.sha256 == new.sha256 != old.sha256


def test_a_run_on_features_goes_on_with_the_weights_it_began_with(
    tmp_path: Path, settings: Settings, database: Database
) -> None:
    old = brought(torch_file(tmp_path / "a.pth", state_of()), settings, database)
    brought(torch_file(tmp_path / "b.pth", state_of(classes=7)), settings, database, replace=True)
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    with database.write() as session:
        attempts.describe(session, run_id, 1, {"weights": {"sha256": old.sha256}})
    goes_on = Claimed(run_id, 2, claimed.owner, claimed.spec, claimed.recipe_id, POINTER, None)
    spec = spec_of({"source": "file", "name": "mine"}, features=True)
    found = starting_weights(spec, goes_on, settings, database, ignore)
    assert found
    assert found.sha256 == old.sha256
    # Its checkpoint was broken: it begins once more, and on the same weights.
    goes_back = replace(goes_on, checkpoint=None, data_hash="d" * 64)
    assert starting_weights(spec, goes_back, settings, database, ignore) == found


def test_a_file_that_does_not_fit_the_architecture_is_refused_and_nothing_is_left(
    tmp_path: Path, settings: Settings, database: Database
) -> None:
    path = torch_file(tmp_path / "a.pth", {"fc.weight": torch.zeros(10, 512)})
    with pytest.raises(
        DataProblem, match=rf"These weights \(a.pth\) do not fit {ARCH}: 'features.0.weight' is missing"
    ):
        brought(path, settings, database)
    assert everything(database) == []
    assert not settings.weights_folder.exists() or list(settings.weights_folder.iterdir()) == []


def test_a_file_that_is_not_torchvisions_needs_a_name(
    tmp_path: Path, settings: Settings, database: Database
) -> None:
    path = torch_file(tmp_path / "a.pth", state_of())
    with pytest.raises(
        DataProblem, match=r"a.pth is not torchvision's.* b8a52dc0… is wanted; --name NAME marks"
    ):
        import_and_register(ARCH, path, settings, database, name=None, replace=False)


def test_torchvisions_own_file_is_registered_as_such_and_a_run_finds_it(
    published: Path, settings: Settings, database: Database
) -> None:
    for _ in range(2):
        import_and_register(ARCH, published, settings, database, name=None, replace=False)
    assert everything(database) == [("imagenet", "IMAGENET1K_V1", ARCH)]
    found = starting_weights(spec_of({"source": "imagenet"}), a_claim(), settings, database, ignore)
    assert found
    assert found.about == "the ImageNet weights IMAGENET1K_V1"
    assert load_file(found.path).keys() == state_of().keys()


def test_a_name_marks_even_torchvisions_file_as_the_operators_own(
    published: Path, settings: Settings, database: Database
) -> None:
    brought(published, settings, database)
    assert everything(database) == [("file", "mine", ARCH)]


@pytest.mark.parametrize("arch", ["resnet19", "softmax-regression"])
def test_weights_of_no_model_of_torchvision_are_refused(
    arch: str, tmp_path: Path, settings: Settings, database: Database
) -> None:
    with pytest.raises(UnknownName, match="no model of torchvision"):
        import_and_register(arch, tmp_path / "a.pth", settings, database, name="mine", replace=False)


# Fetching


def test_weights_that_are_not_here_are_fetched_once_with_their_progress(
    server: list[str], published: Path, settings: Settings, database: Database
) -> None:
    told: list[tuple[int, int]] = []
    tell = lambda done, total: told.append((done, total))  # noqa: E731
    spec = spec_of({"source": "imagenet"}, features=True)
    first = starting_weights(spec, a_claim(), settings, database, tell)
    assert starting_weights(spec, a_claim(goes_on=True), settings, database, tell) == first
    assert server == [f"/{published.name}"]
    assert told[-1] == (published.stat().st_size,) * 2
    assert first
    assert [path.name for path in settings.weights_folder.iterdir() if path.name[0] != "."] == [
        first.path.name
    ]


def test_two_runs_that_start_at_once_fetch_one_file(
    server: list[str], settings: Settings, database: Database
) -> None:
    threads = [
        threading.Thread(target=imagenet_weights, args=(ARCH, settings, database, ignore)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server) == 1


class Enough(Exception):
    """Raised by who is told of a download."""


def test_who_waits_for_the_download_of_another_says_so_and_may_give_up(
    server: list[str], settings: Settings, database: Database
) -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 2:
            raise Enough

    settings.weights_folder.mkdir(parents=True)
    with closing(Lock(settings.weights_folder / f".lock-{ARCH}")) as another:
        assert another.alone()
        with pytest.raises(Enough):
            imagenet_weights(ARCH, settings, database, tell)
    assert told == [(0, 0)] * 2
    assert server == []
    assert imagenet_weights(ARCH, settings, database, ignore)


def test_a_download_that_is_given_up_leaves_nothing(
    server: list[str], settings: Settings, database: Database
) -> None:
    def tell(done: int, total: int) -> None:
        assert 0 < done < total
        raise Enough

    with pytest.raises(Enough):
        imagenet_weights(ARCH, settings, database, tell)
    assert unfinished(settings) == []


def test_what_a_killed_download_left_is_removed_by_the_next(
    server: list[str], settings: Settings, database: Database
) -> None:
    left = settings.weights_folder / f".fetching-{ARCH}"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    imagenet_weights(ARCH, settings, database, ignore)
    assert unfinished(settings) == []


def unfinished(settings: Settings) -> list[Path]:
    return [path for path in settings.weights_folder.iterdir() if path.is_dir()]


@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "drained"])
def test_a_run_hears_while_it_fetches_weights_that_it_must_stop(
    server: list[str], settings: Settings, database: Database, is_cancelled: bool
) -> None:
    spec = spec_of({"source": "imagenet"})
    claimed = Claimed(7, 1, "worker", spec.model_dump(mode="json"), 1, None, None, None)
    recorder = DatabaseRecorder(database, claimed, spec.epochs, 60)
    recorder.cancel_requested, recorder.drain_requested = is_cancelled, not is_cancelled
    verdict = train_attempt(claimed, settings, database, recorder, "cpu")
    assert verdict == Verdict("stopped", cancelled=is_cancelled)
    assert len(server) == 1
    assert unfinished(settings) == []


def test_a_run_whose_last_epoch_is_committed_needs_its_weights_no_more(
    settings: Settings, database: Database
) -> None:
    spec = spec_of({"source": "file", "name": "gone"}, features=True)
    pointer = {**POINTER, "epoch": spec.epochs}
    claimed = Claimed(7, 2, "worker", spec.model_dump(mode="json"), 1, pointer, None, None)
    recorder = DatabaseRecorder(database, claimed, spec.epochs, 60)
    assert train_attempt(claimed, settings, database, recorder, "cpu") == Verdict("completed")


def test_damaged_weights_are_fetched_again(server: list[str], settings: Settings, database: Database) -> None:
    first = imagenet_weights(ARCH, settings, database, ignore)
    first.path.write_bytes(b"damaged")
    assert imagenet_weights(ARCH, settings, database, ignore) == first
    assert len(server) == 2
    build_frozen(ARCH, first, 0)


def test_without_a_network_one_sentence_names_both_commands(
    published: Path, settings: Settings, database: Database
) -> None:
    sentence = refusal(spec_of({"source": "imagenet"}), a_claim(), settings, database)
    assert sentence == (
        f"The ImageNet weights of {ARCH} are not here and could not be downloaded (Connection refused); "
        f"`runyard weights import {ARCH} FILE` or `runyard weights fetch {ARCH}` brings them."
    )
    assert everything(database) == []


def test_a_server_that_has_no_such_file_is_told_in_one_sentence(
    server: list[str], published: Path, settings: Settings, database: Database
) -> None:
    published.unlink()
    sentence = refusal(spec_of({"source": "imagenet"}), a_claim(), settings, database)
    assert "(the server answered 404 Not Found)" in sentence


def test_a_file_that_came_changed_is_refused_and_removed(
    server: list[str], published: Path, settings: Settings, database: Database
) -> None:
    torch_file(published, {"a": torch.zeros(1)})
    sentence = refusal(spec_of({"source": "imagenet"}), a_claim(), settings, database)
    assert f"{published.stem[-8:]}… was wanted" in sentence
    assert [path for path in settings.weights_folder.iterdir() if not path.name.startswith(".lock")] == []


# What a run starts from


def test_a_random_start_needs_no_weights(settings: Settings, database: Database) -> None:
    assert starting_weights(spec_of({"source": "none"}), a_claim(), settings, database, ignore) is None


def test_a_network_that_goes_on_from_its_own_checkpoint_needs_no_weights(
    settings: Settings, database: Database
) -> None:
    for weights in (
        {"source": "imagenet"},
        {"source": "file", "name": "x"},
        {"source": "parent", "parent": "0" * 64},
    ):
        spec = spec_of(weights)
        assert starting_weights(spec, a_claim(goes_on=True), settings, database, ignore) is None


def test_a_file_that_nobody_imported_is_refused_with_the_command_that_brings_it(
    settings: Settings, database: Database
) -> None:
    sentence = refusal(spec_of({"source": "file", "name": "mine"}), a_claim(), settings, database)
    assert (
        sentence
        == f"There are no weights 'mine'; `runyard weights import {ARCH} FILE --name mine` brings them."
    )


def test_a_file_of_another_architecture_is_refused(settings: Settings, database: Database) -> None:
    with database.write() as session:
        store.register(session, store.NewWeights("file", "mine", "vgg16", "a" * 64, 10))
    sentence = refusal(spec_of({"source": "file", "name": "mine"}), a_claim(), settings, database)
    assert sentence == f"The weights 'mine' are of vgg16, and this run needs those of {ARCH}."


@pytest.mark.parametrize("damage", [b"changed", None])
def test_a_file_that_is_missing_or_changed_on_this_worker_is_refused(
    damage: bytes | None, tmp_path: Path, settings: Settings, database: Database
) -> None:
    brought(torch_file(tmp_path / "a.pth", state_of()), settings, database)
    spec = spec_of({"source": "file", "name": "mine"})
    found = starting_weights(spec, a_claim(), settings, database, ignore)
    assert found
    if damage:
        found.path.write_bytes(damage)
    else:
        found.path.unlink()
    sentence = refusal(spec, a_claim(), settings, database)
    assert f"are {'damaged' if damage else 'not'} on this worker" in sentence


# Parents


def a_parent(settings: Settings, *, changed: bool = False) -> ParentRun:
    """Save a checkpoint as a parent's training does."""
    network, _ = build_model(spec_of({"source": "none"}).model, classes=10, channels=3, pixels=32, seed=3)
    pointer = checkpoint.save(
        settings.runs_folder / "12",
        attempt=1,
        epoch=4,
        step=0,
        global_step=40,
        identity=checkpoint.Identity("d" * 64, "r" * 64, 3),
        weights={name: value.contiguous() for name, value in network.state_dict().items()},
        state={},
    )
    return ParentRun(12, "SqueezeNet", pointer.to_json(), 3, changed)


PARENT = {"source": "parent", "parent": "0" * 64}


def parents_files(settings: Settings) -> list[Path]:
    return sorted((settings.runs_folder / "12").iterdir())


@pytest.mark.parametrize("features", [False, True])
def test_a_run_starts_from_its_parents_last_checkpoint(
    features: bool, settings: Settings, database: Database
) -> None:
    parent = a_parent(settings)
    found = starting_weights(spec_of(PARENT, features=features), a_claim(parent), settings, database, ignore)
    assert isinstance(found, StartingWeights)
    assert found.about == "run 12 (SqueezeNet), epoch 4"
    assert found.sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()
    assert build_frozen(ARCH, found, 0).classifier[1].out_channels == 10


def test_a_parent_that_was_deleted_is_told(settings: Settings, database: Database) -> None:
    assert "its run was deleted" in refusal(spec_of(PARENT), a_claim(None), settings, database)


@pytest.mark.parametrize("which", [0, 1])
def test_a_parents_checkpoint_that_is_not_whole_is_refused(
    which: int, settings: Settings, database: Database
) -> None:
    claimed = a_claim(a_parent(settings))
    file = parents_files(settings)[which]
    file.write_bytes(file.read_bytes()[:-1])
    sentence = refusal(spec_of(PARENT), claimed, settings, database)
    assert sentence.startswith(
        "The checkpoint attempt-1-epoch-4 of the parent, run 12 (SqueezeNet), is truncated or changed: "
    )
    file.unlink()
    assert "is not on this worker: there is no" in refusal(spec_of(PARENT), claimed, settings, database)


def test_features_of_a_parent_that_was_trained_again_are_not_mixed_with_those_before(
    settings: Settings, database: Database
) -> None:
    parent = a_parent(settings, changed=True)
    spec = spec_of(PARENT, features=True)
    sentence = refusal(spec, a_claim(parent, goes_on=True), settings, database)
    assert sentence.endswith("Retry this run from the start.")
    begins = a_claim(replace(parent, changed=False))  # its claim has noted what the parent is now
    assert starting_weights(spec, begins, settings, database, ignore) is not None


def test_a_run_that_goes_back_to_its_start_is_not_begun_on_another_network(
    settings: Settings, database: Database
) -> None:
    parent = a_parent(settings, changed=True)
    goes_back = replace(a_claim(parent, goes_on=True), checkpoint=None)
    assert "its weights would now be those of another network" in refusal(
        spec_of(PARENT), goes_back, settings, database
    )


# The command


def test_the_command_imports_and_says_what_it_is(
    published: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNYARD_HOME", str(settings.home))
    assert main(["import", "--", ARCH, str(published)]) == 0
    assert f"{ARCH}: the ImageNet weights IMAGENET1K_V1, 1,000 output units" in capsys.readouterr().out
    assert main(["import", "--name", "mine", "--replace", "--", ARCH, str(published)]) == 0
    assert f"{ARCH}: the file mine, 1,000 output units" in capsys.readouterr().out
    assert main(["fetch", "--", ARCH]) == 0, "what is here needs no network"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["import", "--", ARCH, "nothing.pth"], "There is no file nothing.pth."),
        (
            ["import", "--name", "a b", "--", ARCH, "nothing.pth"],
            "model.weights.name is 'a b'; it may hold letters",
        ),
        (["fetch", "--", "resnet19"], "There is no model of torchvision 'resnet19'. Did you mean"),
        (
            ["fetch", "--", ARCH],
            f"could not be downloaded (Connection refused); `runyard weights import {ARCH} FILE`",
        ),
    ],
)
def test_the_command_refuses_in_one_sentence(
    arguments: list[str],
    sentence: str,
    published: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RUNYARD_HOME", str(settings.home))
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_the_command_says_when_runs_will_take_other_imagenet_weights(
    published: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNYARD_HOME", str(settings.home))
    path = torch_file(published.with_name("second"), state_of("mobilenet_v2"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(
        MobileNet_V2_Weights.IMAGENET1K_V2.value, "url", f"http://127.0.0.1/m-{digest[:8]}.pth"
    )
    assert main(["import", "--", "mobilenet_v2", str(path)]) == 0
    assert "Runs that start from imagenet take IMAGENET1K_V1" in capsys.readouterr().out
