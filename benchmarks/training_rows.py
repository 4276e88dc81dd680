"""The rows that any machine can show: whole trainings, the way of the images in, the pace of networks, equal curves."""

import torch
from torch.utils.data import DataLoader

from backend.spec import Spec
from benchmarks import yardstick
from benchmarks.measuring import Table, medians, peak_flops, training_flops
from benchmarks.side_by_side import COLUMNS, SideBySide, rates
from worker.engine.batches import epoch_order
from worker.engine.prepare import TrainOptions, prepared
from worker.engine.recorder import MemoryRecorder

INPUT_BATCH = 64
CURVE_SEEDS = (0, 1, 2)


def softmax(bench: SideBySide) -> None:
    """Softmax regression at 32 px, from the first line to the last; and whether both loops learn the same."""
    spec = bench.spec(
        "softmax-regression",
        train=bench.of(10_000, 500),
        test=bench.of(2_000, 100),
        epochs=bench.of(5, 2),
        batch=256,
        precision="fp32",
    )
    limits = spec.dataset
    assert limits.train_limit and limits.test_limit
    images = spec.epochs * (limits.train_limit + limits.test_limit)
    losses: dict[str, list[float]] = {}

    def plain(loader_workers: int = 0) -> None:
        epochs = bench.yardstick(spec, loader_workers=loader_workers)
        losses["yardstick"] = [epoch.train_loss for epoch in epochs]

    def ours() -> None:
        losses["engine"] = bench.engine(spec, MemoryRecorder()).series("train_loss")

    clock, repeats = bench.clock, bench.of(3, 1)
    table = Table(*COLUMNS)
    in_process, fast = medians(clock, repeats, plain, ours)
    with_workers = clock.cost(lambda: plain(bench.threads))
    for workers, slow in ((0, in_process), (bench.threads, with_workers)):
        label = f"softmax regression, whole, {workers} loader workers"
        table.row(label, *rates(images / slow, images / fast), "-", str(repeats if workers == 0 else 1))
    best = min(in_process, with_workers)
    bench.goals.at_least(f"softmax-whole-{bench.device.type}", best / fast, 10, "x")
    furthest = _furthest(losses["yardstick"], losses["engine"])
    print(
        f"  losses of {spec.epochs} epochs differ by {furthest:.2g} at most (last: {losses['engine'][-1]:.4f})"
    )
    bench.goals.at_most("softmax-losses-differ", furthest, 1e-5)


def curve(bench: SideBySide) -> None:
    """ResNet-18 at 32 px, which has batch norm and no dropout: the losses of both loops, against the spread over seeds.

    Not bit for bit: the layouts round differently, and ReLUs near zero turn a millionth into a hundredth of a gradient
    (in float64 both layouts give the same gradients to 14 digits).
    """
    epochs, count, batch = bench.of(3, 2), bench.of(512, 64), bench.of(64, 32)

    def spec(seed: int) -> Spec:
        return bench.spec(
            "resnet18", train=count, test=20, epochs=epochs, batch=batch, precision="fp32", seed=seed
        )

    losses = [[epoch.train_loss for epoch in bench.yardstick(spec(seed))] for seed in CURVE_SEEDS]
    ours = bench.engine(spec(CURVE_SEEDS[0]), MemoryRecorder()).series("train_loss")
    by_epoch = [max(one) - min(one) for one in zip(*losses, strict=True)]
    spread, furthest = max(by_epoch), _furthest(losses[0], ours)
    print(
        f"  resnet18: losses of {epochs} epochs differ by {furthest:.2g} at most, "
        f"those of {len(CURVE_SEEDS)} seeds by {spread:.2g} (last: {ours[-1]:.4f})"
    )
    bench.goals.at_most("resnet18-losses-differ-of-spread", furthest / spread, 1)


def images_in(bench: SideBySide) -> None:
    """The way of the images into a network at 224 px, one pass over them, one thread: PIL has no more."""
    count = bench.of(512, 64)
    spec = bench.spec("resnet18", pixels=224, train=count, test=10, epochs=1, batch=INPUT_BATCH)
    images, _ = yardstick.halves(spec, bench.dataset)
    order = epoch_order(len(images), spec.seed, 1)

    def loader() -> DataLoader[tuple[torch.Tensor, int]]:
        return DataLoader(images, INPUT_BATCH, sampler=order.tolist())

    def plain() -> None:
        for _ in loader():
            pass

    options = TrainOptions(device=bench.device.type, threads=1)
    torch.set_num_threads(1)
    with prepared(
        spec, bench.dataset, MemoryRecorder(), weights=None, features_folder=None, options=options
    ) as ready:

        def ours() -> None:
            for picked_B in order.split(INPUT_BATCH):
                ready.train.batch(picked_B)

        differing = 0
        for picked_B, (wanted_BCHW, _) in zip(order.split(INPUT_BATCH), loader(), strict=True):
            given_BCHW = ready.train.batch(picked_B)[0].cpu()
            differing += int((given_BCHW != wanted_BCHW).flatten(start_dim=1).any(dim=1).sum())
        repeats = bench.of(3, 1)
        slow, fast = medians(bench.clock, repeats, plain, ours)
    table = Table(*COLUMNS)
    table.row("images to floats of 224 px, one thread", *rates(count / slow, count / fast), "-", str(repeats))
    print(f"  {differing} of {count} images differ from PIL's in any bit")
    bench.goals.at_least("images-in-224px", slow / fast, 6, "x")
    bench.goals.at_most("images-in-224px-differing", differing, 0)


def convolutions(bench: SideBySide) -> None:
    """Networks at 224 px, forward and backward: the batches after the first."""
    table, peak, repeats = Table(*COLUMNS), peak_flops(bench.clock, bench.device), bench.of(3, 1)
    pixels = bench.of(224, 64)
    for arch, full_batch in (("resnet18", 32), ("alexnet", 64)):
        batch, timed = bench.of(full_batch, 4), bench.of(3, 2)
        spec = bench.spec(arch, pixels=pixels, train=batch * (timed + 1), test=10, epochs=1, batch=batch)
        slow, fast = bench.paces(spec, skipped=1, timed=timed, repeats=repeats)
        share = fast * training_flops(arch, pixels) / peak
        table.row(f"{arch}, {pixels} px, batch {batch}", *rates(slow, fast), f"{share:.0%}", str(repeats))
        bench.goals.at_least(f"{arch}-{pixels}px-{bench.device.type}", fast / slow, 1.15, "x")
    print(f"  peak: {peak / 1e9:,.0f} GFLOP per {bench.clock.unit}, a product of float32 matrices")


def _furthest(plain: list[float], ours: list[float]) -> float:
    # A maximum of floats would pass over one that is not a number.
    return float((torch.tensor(plain) - torch.tensor(ours)).abs().max())
