"""How a recipe stands beside what the report was made with: its hyper-parameters, and where the protocol differs."""

from backend.catalog.presets import Planned, planned
from backend.catalog.references import PublishedTable
from backend.catalog.reports import ExperimentPart
from backend.report.material import Material
from backend.report.starts import kind_of_start
from backend.spec import OptimizerSpec


def hyper_parameters(table: PublishedTable, wanted: Planned) -> list[dict[str, str]]:
    """Return the three hyper-parameters that the report prints, beside those of this recipe."""
    spec = wanted.spec
    return [
        {"name": name, "published": f"{published:g}", "here": f"{here:g}"}
        for name, published, here in (
            ("Learning rate", table.learning_rate, spec.optimizer.lr),
            ("Epochs", table.epochs, spec.epochs),
            ("Batch size", table.batch_size, spec.batch_size),
        )
    ]


def differences(
    part: ExperimentPart, table: PublishedTable, wanted: Planned, material: Material
) -> list[dict[str, str]]:
    """Return what differs from the published protocol, field by field."""
    spec, published = wanted.spec, material.report.protocol
    images = material.images.get(spec.dataset.name)
    pixels = spec.dataset.image_size or (images.pixels if images else None)
    same_set = spec.dataset.name == published.dataset
    fields = [
        ("data set", published.dataset_title, published.dataset_title if same_set else spec.dataset.name),
        (
            "training images",
            f"{published.train_images:,}",
            _count(material.train_images(wanted), same_set, published.train_images),
        ),
        (
            "test images",
            f"{published.test_images:,}",
            _count(material.test_images(wanted), same_set, published.test_images),
        ),
        ("image size", f"{part.pixels} px", f"{pixels} px" if pixels else f"{part.pixels} px"),
        ("epochs", str(table.epochs), str(spec.epochs)),
        ("batch size", str(table.batch_size), str(spec.batch_size)),
        ("learning rate", f"{table.learning_rate:g}", f"{spec.optimizer.lr:g}"),
        ("optimizer", "plain SGD", _optimizer(spec.optimizer)),
        ("augmentation", "none", spec.dataset.augment),
        (
            "starting weights",
            kind_of_start(planned(part.preset, "published"), material),
            kind_of_start(wanted, material),
        ),
    ]
    return [
        {"field": name, "published": there, "here": here} for name, there, here in fields if there != here
    ]  # fmt: skip


def _count(images: int | None, same_set: bool, published: int) -> str:
    """Return a number of images; where the data set is not there, all of it would be used."""
    if images is not None:
        return f"{images:,}"
    return f"{published:,}" if same_set else "all"


def _optimizer(spec: OptimizerSpec) -> str:
    words = ["plain SGD" if spec.name == "sgd" and not spec.momentum else spec.name.upper()]
    if spec.momentum:
        words.append(f"momentum {spec.momentum:g}")
    if spec.weight_decay:
        words.append(f"weight decay {spec.weight_decay:g}")
    return ", ".join(words)
