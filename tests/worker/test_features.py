"""Features: the numbers that a frozen network holds, the same whether they were made, found or remade."""

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from backend.catalog.presets import merged
from backend.errors import InvalidSpec, UnknownName
from backend.spec import FeaturesSpec, Spec
from tests.worker.tiny import OPTIONS, tiny_dataset, tiny_spec, trained
from worker.engine.data import Dataset
from worker.engine.feature_cache import Lock, key_of
from worker.engine.feature_making import Features, ingredients, obtain_features
from worker.engine.features import Extractor, RunningStatistics, Standardization, Statistics, write_array
from worker.engine.models import build_frozen
from worker.engine.recorder import MemoryRecorder, Stopped
from worker.engine.train import Outcome
from worker.engine.weights import StartingWeights

pytestmark = pytest.mark.thorough

CPU = torch.device("cpu")
ARCH = "resnet18"
WIDTH = 128 * 4 * 4
"""Of resnet18's layer2 at 32 pixels."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("data"), pixels=32, train=150, test=20)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def on_features(**changes: Any) -> Spec:
    base = {"features": {"arch": ARCH, "node": "layer2"}, "dataset": {"train_limit": 100}, "epochs": 2}
    return tiny_spec(**merged(base, changes))


def obtained(
    spec: Spec,
    dataset: Dataset,
    folder: Path | None,
    *,
    recorder: MemoryRecorder | None = None,
    weights: StartingWeights | None = None,
    quota_bytes: int = 10**9,
) -> Features:
    """Return features that hold nothing on the disk any more."""
    found = obtain_features(
        spec,
        dataset,
        recorder or MemoryRecorder(),
        weights=weights,
        folder=folder,
        quota_bytes=quota_bytes,
        device=CPU,
    )
    found.close()
    return found


def everything(features: Features) -> Tensor:
    picked = torch.arange(len(features.train))
    return torch.cat([features.train.batch(part)[0].clone() for part in picked.split(32)])


# The statistics.


def running(vectors_ND: Tensor, batch: int) -> Statistics:
    statistics = RunningStatistics()
    for part in vectors_ND.split(batch):
        statistics.add(part)
    return statistics.result()


def test_mean_and_deviation_by_hand() -> None:
    found = running(torch.tensor([[1.0, 5.0], [3.0, 5.0], [5.0, 5.0], [7.0, 5.0]]), 3)
    assert found.mean.tolist() == [4.0, 5.0]
    assert found.deviation.tolist() == [5**0.5, 0.0]  # ((9 + 1 + 1 + 9) / 4) ** 0.5
    assert found.mean_square_norm(standardized=False) == pytest.approx((1 + 9 + 25 + 49) / 4 + 25)
    assert found.mean_square_norm(standardized=True) == pytest.approx(1.0, rel=1e-6)


def test_standardised_by_hand_and_a_feature_that_never_changes_divides_by_1() -> None:
    batch = torch.tensor([[1.0, 0.3], [3.0, 0.3]])
    Standardization(running(batch, 2), CPU)(batch)
    assert batch.tolist() == [[-1.0, 0.0], [1.0, 0.0]]


def test_a_feature_that_never_changes_has_a_deviation_of_exactly_0() -> None:
    assert running(torch.full((1000, 3), 0.1), 7).deviation.tolist() == [0.0] * 3


def test_a_small_deviation_about_a_large_mean_is_not_lost() -> None:
    values = 1e6 + torch.arange(1000).reshape(-1, 1) % 2
    assert running(values.float(), 64).deviation[0] == pytest.approx(0.5)


@pytest.mark.parametrize("batch", [1, 7, 200])
def test_the_statistics_do_not_depend_on_the_batches(batch: int) -> None:
    vectors = torch.rand(200, 5, generator=torch.Generator().manual_seed(1))
    found = running(vectors, batch)
    np.testing.assert_allclose(found.mean, vectors.double().mean(dim=0).numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.deviation, vectors.double().std(dim=0, correction=0).numpy(), rtol=1e-12)


# The frozen network.


class Given:
    """Two images of noise."""

    device = CPU

    def __init__(self, pixels: int = 32) -> None:
        self.images = torch.rand(2, 3, pixels, pixels, generator=torch.Generator().manual_seed(1))

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, picked_B: Tensor) -> tuple[Tensor, Tensor]:
        return self.images[picked_B], picked_B

    def start_epoch(self, seed: int, epoch: int) -> None:
        pass


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    return build_frozen(ARCH, None, 0)


@pytest.fixture(scope="module")
def swin() -> nn.Module:
    return build_frozen("swin_t", None, 0)


def extractor(network: nn.Module, node: str, **changes: Any) -> Extractor:
    return Extractor(network, FeaturesSpec(arch=ARCH, node=node, **changes), Given())


def test_a_module_stands_for_its_output_and_its_values_are_flattened(resnet: nn.Module) -> None:
    kept: list[Tensor] = []
    hook = resnet.get_submodule("layer2").register_forward_hook(lambda *called: kept.append(called[2]))
    with torch.no_grad():
        resnet(Given().images)
    hook.remove()
    found = extractor(resnet, "layer2")
    assert (found.shape, found.dimension) == ((128, 4, 4), WIDTH)
    torch.testing.assert_close(found.vectors(Given().images), kept[0].flatten(1))


def test_pooling_averages_each_channel_over_the_image(resnet: nn.Module) -> None:
    pooled = extractor(resnet, "layer2", pooling="average")
    whole = extractor(resnet, "layer2").vectors(Given().images)
    assert (pooled.shape, pooled.dimension) == ((128, 4, 4), 128)
    torch.testing.assert_close(pooled.vectors(Given().images), whole.view(2, 128, 16).mean(dim=2))


def test_a_node_that_is_no_image_refuses_pooling(resnet: nn.Module) -> None:
    assert extractor(resnet, "flatten").dimension == 512
    with pytest.raises(InvalidSpec) as refused:
        extractor(resnet, "flatten", pooling="average")
    assert str(refused.value) == (
        "features.pooling is 'average'; node flatten has no height and width: use 'none'."
    )


@pytest.mark.parametrize("node", ["features.0", "features.7", "norm"])
def test_a_node_that_holds_channels_last_refuses_pooling(swin: nn.Module, node: str) -> None:
    with pytest.raises(InvalidSpec, match="not channels x height x width: use 'none'"):
        extractor(swin, node, pooling="average")


def test_of_a_network_with_channels_last_what_holds_them_first_is_pooled(swin: nn.Module) -> None:
    assert extractor(swin, "permute", pooling="average").dimension == 768
    assert extractor(swin, "features.0.0", pooling="average").dimension == 96


class AsManyChannelsAsPixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, kernel_size=1)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        return self.first(images_BCHW).permute(0, 2, 3, 1)


def test_channels_as_many_as_pixels_are_told_from_them() -> None:
    network = AsManyChannelsAsPixels()
    assert extractor(network, "first", pooling="average").shape == (32, 32, 32)
    with pytest.raises(InvalidSpec, match="32 x 32 x 32, not channels x height x width"):
        extractor(network, "permute", pooling="average")


def test_an_unknown_node_is_refused_with_the_near_ones() -> None:
    with pytest.raises(UnknownName, match=r"no node of resnet18 'layer9'\. Did you mean layer"):
        extractor(build_frozen(ARCH, None, 0), "layer9")


def test_a_node_without_values_of_each_image_is_refused() -> None:
    network = build_frozen("shufflenet_v2_x0_5", None, 0)
    with pytest.raises(InvalidSpec, match="holds no values of each image"):
        Extractor(network, FeaturesSpec(arch="shufflenet_v2_x0_5", node="stage2.1.chunk"), Given())


def test_an_image_does_not_change_the_features_of_another(resnet: nn.Module) -> None:
    """Batch norm is frozen: it takes its statistics from the weights and not from the batch."""
    found = extractor(resnet, "layer2")
    torch.testing.assert_close(found.vectors(Given().images)[:1], found.vectors(Given().images[:1]))


# Made, found, remade.


def test_a_second_run_finds_them_and_says_so(dataset: Dataset, tmp_path: Path) -> None:
    spec, folder = on_features(), tmp_path / "features"
    _, first = trained(spec, dataset, tmp_path / "1", features_folder=folder)
    other = on_features(optimizer={"lr": 0.01}, features={"standardize": True})
    _, second = trained(other, dataset, tmp_path / "2", features_folder=folder)
    told = [[line for line in one.lines if line.startswith("features layer2: ")] for one in (first, second)]
    assert len(told[0]) == len(told[1]) == 1
    assert told[0][0].startswith("features layer2: made in ")
    assert told[1][0].startswith("features layer2: found, 100 x 2,048, made earlier in ")
    assert [one.facts["features"]["origin"] for one in (first, second)] == ["made", "found"]
    assert first.prepared == [("making features", done, 120) for done in (0, 64, 100)]
    assert second.prepared == []


def test_found_features_train_to_the_same_numbers_as_made_ones(dataset: Dataset, tmp_path: Path) -> None:
    first, second = (
        trained(on_features(), dataset, tmp_path / str(n), features_folder=tmp_path / "features")[1]
        for n in (1, 2)
    )
    assert first.series("train_loss") == second.series("train_loss")
    assert first.series("test_loss") == second.series("test_loss")


@pytest.mark.parametrize("standardize", [False, True])
def test_remade_features_equal_the_cached_ones(dataset: Dataset, tmp_path: Path, standardize: bool) -> None:
    spec = on_features(features={"standardize": standardize})
    stored = obtained(spec, dataset, tmp_path)
    remade = obtained(spec, dataset, tmp_path / "other", quota_bytes=1000)
    assert remade.line == "features layer2: 1 MB is too large for the quota of 1 kB: remade each epoch"
    picked = torch.tensor([99, 3, 3, 50, 0, *range(15)])
    for one, other in ((stored.train, remade.train), (stored.test, remade.test)):
        within = picked % len(one)
        vectors, labels = one.batch(within)
        again, same_labels = other.batch(within)
        torch.testing.assert_close(vectors, again, rtol=1e-4, atol=1e-5)
        assert labels.tolist() == same_labels.tolist()
    assert remade.facts["mean_square_norm"] == pytest.approx(stored.facts["mean_square_norm"])


def test_a_node_that_is_a_view_is_kept_like_any_other(dataset: Dataset, tmp_path: Path) -> None:
    spec = on_features(features={"arch": "shufflenet_v2_x0_5", "node": "stage4.1.getitem_1"})
    kept, remade = obtained(spec, dataset, tmp_path), obtained(spec, dataset, None)
    assert kept.dimension == 96
    torch.testing.assert_close(everything(kept), everything(remade))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_as_such_by_every_array() -> None:
    with pytest.raises(OSError, match="No space left") as problem:
        write_array(Path("/dev/full"), np.zeros(100_000))
    assert problem.value.errno == errno.ENOSPC


def test_an_array_that_was_written_is_read(tmp_path: Path) -> None:
    values = np.array([0.1, -2.5, np.nan])
    write_array(tmp_path / "it.npy", values)
    found = np.load(tmp_path / "it.npy")
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, values)


def test_without_a_folder_they_are_remade(dataset: Dataset) -> None:
    remade = obtained(on_features(), dataset, None)
    assert remade.line == "features layer2: there is no folder to keep them in: remade each epoch"
    assert (remade.facts["origin"], remade.facts["bytes"]) == ("remade each epoch", 0)


def test_standardised_features_have_mean_0_and_deviation_1_or_0(dataset: Dataset, tmp_path: Path) -> None:
    raw = everything(obtained(on_features(), dataset, tmp_path))
    standardised = obtained(on_features(features={"standardize": True}), dataset, tmp_path)
    vectors = everything(standardised).double()
    changing = raw.double().std(dim=0) > 0
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(WIDTH).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.std(dim=0, correction=0), changing.double(), atol=1e-4, rtol=0)
    expected = vectors.square().sum(dim=1).mean().item()
    assert standardised.facts["mean_square_norm"] == pytest.approx(expected, rel=1e-4)


def test_the_facts_tell_what_they_are(dataset: Dataset, tmp_path: Path) -> None:
    found = obtained(on_features(), dataset, tmp_path)
    raw = everything(found).double()
    facts = found.facts
    assert (facts["arch"], facts["node"], facts["shape"], facts["dimension"]) == (
        ARCH,
        "layer2",
        [128, 4, 4],
        WIDTH,
    )
    assert facts["bytes"] == 120 * WIDTH * 4
    assert facts["threads"] == 1
    assert (tmp_path / facts["key"]).is_dir()
    assert facts["mean_square_norm"] == pytest.approx(raw.square().sum(dim=1).mean().item(), rel=1e-5)


def test_a_stop_is_heard_while_they_are_made_and_leaves_nothing(dataset: Dataset, tmp_path: Path) -> None:
    recorder = MemoryRecorder(stop_when=lambda it: len(it.prepared) == 2)
    outcome, _ = trained(
        on_features(), dataset, tmp_path / "run", recorder=recorder, features_folder=tmp_path / "features"
    )
    assert outcome is Outcome.STOPPED
    assert [path for path in (tmp_path / "features").iterdir() if path.is_dir()] == []
    assert recorder.epochs == []


def test_a_stop_is_heard_while_another_run_makes_them(dataset: Dataset, tmp_path: Path) -> None:
    another = Lock(tmp_path / f"{key_of(ingredients(on_features(), dataset, None, CPU))}.lock")
    assert another.alone()
    recorder = MemoryRecorder(stop_when=lambda it: len(it.prepared) == 2)
    outcome, _ = trained(
        on_features(), dataset, tmp_path / "run", recorder=recorder, features_folder=tmp_path
    )
    another.close()
    assert outcome is Outcome.STOPPED
    assert recorder.prepared == [("waiting for features that another run makes", 0, 0)] * 2


def test_a_stop_is_heard_while_the_statistics_of_remade_ones_are_taken(dataset: Dataset) -> None:
    with pytest.raises(Stopped):
        obtained(on_features(), dataset, None, recorder=MemoryRecorder(lambda it: len(it.prepared) == 1))


# What decides which they are.


@pytest.mark.parametrize(
    "changes",
    [
        {"features": {"arch": "resnet34"}},
        {"features": {"node": "layer3"}},
        {"features": {"pooling": "average"}},
        {"dataset": {"train_limit": 99}},
        {"dataset": {"test_limit": 19}},
        {"dataset": {"image_size": 64}},
        {"dataset": {"normalize": "imagenet"}},
        {"seed": 1},
    ],
    ids=str,
)
def test_each_ingredient_makes_other_features(dataset: Dataset, changes: dict[str, Any]) -> None:
    assert ingredients(on_features(**changes), dataset, None, CPU) != ingredients(
        on_features(), dataset, None, CPU
    )


@pytest.mark.parametrize("library", [torch, torchvision])
def test_another_version_of_a_library_makes_other_features(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, library: Any
) -> None:
    before = ingredients(on_features(), dataset, None, CPU)
    monkeypatch.setattr(library, "__version__", "0.0.1")
    assert ingredients(on_features(), dataset, None, CPU) != before


def test_other_data_weights_or_device_make_other_features(dataset: Dataset) -> None:
    spec = on_features()
    weights = [StartingWeights(Path(), digit * 64, "file", "a file") for digit in "ab"]
    keys = [
        ingredients(spec, dataset, None, CPU),
        ingredients(spec, dataset, None, torch.device("cuda")),
        ingredients(spec, replace(dataset, hash="f" * 64), None, CPU),
        *(ingredients(spec, dataset, one, CPU) for one in weights),
    ]
    assert all(one != other for position, one in enumerate(keys) for other in keys[:position])


@pytest.mark.parametrize(
    "changes",
    [
        {"features": {"standardize": True}},
        {"dataset": {"train_limit": 100, "test_limit": 20}},
        {"dataset": {"image_size": 32}},
        {"optimizer": {"lr": 1.0}},
        {"epochs": 7},
        {"loss": {"name": "cross_entropy_of_probabilities"}},
    ],
    ids=str,
)
def test_what_does_not_change_them_shares_them(dataset: Dataset, changes: dict[str, Any]) -> None:
    assert ingredients(on_features(**changes), dataset, None, CPU) == ingredients(
        on_features(), dataset, None, CPU
    )


def test_with_weights_all_seeds_share_them(dataset: Dataset) -> None:
    weights = StartingWeights(Path(), "a" * 64, "file", "a file")
    assert ingredients(on_features(seed=1), dataset, weights, CPU) == ingredients(
        on_features(seed=2), dataset, weights, CPU
    )


# In a training.


def test_a_training_on_features_learns(dataset: Dataset, tmp_path: Path) -> None:
    spec = on_features(features={"standardize": True}, optimizer={"lr": 0.01}, epochs=5)
    _, recorder = trained(spec, dataset, tmp_path, features_folder=tmp_path / "features")
    assert recorder.series("train_acc")[-1] > 0.5
    assert recorder.facts["model"] == {
        "changes": [],
        "mega_macs": None,
        "parameters_trained": WIDTH * 10 + 10,
        "parameters_frozen": 0,
    }


@pytest.mark.parametrize("quota_bytes", [10**9, 0], ids=["cached", "remade"])
def test_resumed_on_features_equals_uninterrupted(dataset: Dataset, tmp_path: Path, quota_bytes: int) -> None:
    spec = on_features(features={"standardize": True}, optimizer={"momentum": 0.9}, epochs=3)
    same: dict[str, Any] = {
        "features_folder": tmp_path / "features",
        "options": replace(OPTIONS, features_bytes=quota_bytes),
    }
    cut = MemoryRecorder(stop_when=lambda it: len(it.epochs) == 1 and it.steps_done % 4 == 2)
    _, whole = trained(spec, dataset, tmp_path / "whole", **same)
    _, first = trained(spec, dataset, tmp_path / "cut", recorder=cut, **same)
    _, second = trained(spec, dataset, tmp_path / "cut", attempt=2, resume=first.pointer(), **same)
    assert [one.epoch for one in second.epochs] == [2, 3]
    for name in ("train_loss", "test_loss", "train_acc", "test_acc"):
        assert whole.series(name) == first.series(name) + second.series(name)
    assert whole.epochs[-1].predictions == second.epochs[-1].predictions


def test_features_come_from_the_weights_that_are_given(
    dataset: Dataset, tmp_path: Path, resnet: nn.Module
) -> None:
    path = tmp_path / "of-seed-0.safetensors"
    save_file({name: value.contiguous() for name, value in resnet.state_dict().items()}, path)
    weights = StartingWeights(path, "c" * 64, "file", "the file 'mine'")
    of_file = on_features(seed=5, features={"weights": {"source": "file", "name": "mine"}})
    _, recorder = trained(of_file, dataset, tmp_path, weights=weights, features_folder=tmp_path / "features")
    same = obtained(of_file, dataset, tmp_path / "features", weights=weights)
    random_of_seed_0 = obtained(on_features(seed=0), dataset, None)
    torch.testing.assert_close(everything(same), everything(random_of_seed_0), rtol=1e-4, atol=1e-5)
    assert recorder.facts["weights"] == {
        "source": "file",
        "about": "the file 'mine'",
        "sha256": "c" * 64,
    }
    assert "features of resnet18, all frozen, with the file 'mine'" in recorder.lines


def test_images_too_small_for_the_network_that_sees_them_are_refused(tmp_path: Path) -> None:
    small = tiny_dataset(tmp_path / "data", pixels=12, train=20, test=10)
    spec = tiny_spec(features={"arch": "alexnet", "node": "features"})
    with pytest.raises(InvalidSpec, match="12 pixels; alexnet needs images of at least 63"):
        trained(spec, small, tmp_path)


def test_grey_images_are_given_as_three_equal_channels(tmp_path: Path) -> None:
    grey = tiny_dataset(tmp_path / "data", pixels=32, train=20, test=10, grey=True)
    outcome, _ = trained(
        on_features(dataset={"normalize": "dataset"}), grey, tmp_path, features_folder=tmp_path / "features"
    )
    assert outcome is Outcome.COMPLETED


def test_an_epoch_never_asks_the_network_again_for_features_that_are_kept(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real: Callable[[Extractor, Tensor], Tensor] = Extractor.vectors
    monkeypatch.setattr(
        Extractor, "vectors", lambda self, batch: (asked.append(len(batch)), real(self, batch))[1]
    )
    trained(on_features(epochs=3), dataset, tmp_path, features_folder=tmp_path / "features")
    assert sum(asked) == 120


@pytest.mark.parametrize("quota_bytes", [10**9, 0], ids=["cached", "remade"])
def test_a_part_of_the_vectors_is_validated_on_and_the_features_are_shared_with_runs_that_keep_none_back(
    dataset: Dataset, tmp_path: Path, quota_bytes: int
) -> None:
    same: dict[str, Any] = {
        "features_folder": tmp_path / "features",
        "options": replace(OPTIONS, features_bytes=quota_bytes),
    }
    keeping = on_features(dataset={"validation": 0.2}, batch_size=16, eval_batch_size=64)
    _, plain = trained(on_features(batch_size=16), dataset, tmp_path / "plain", **same)
    _, recorder = trained(keeping, dataset, tmp_path / "kept-back", **same)
    assert recorder.facts["features"]["key"] == plain.facts["features"]["key"]
    assert recorder.steps_done == 2 * 5  # 80 of 100 images
    assert len(recorder.series("val_loss")) == 2
    assert recorder.series("val_loss") != recorder.series("test_loss")
