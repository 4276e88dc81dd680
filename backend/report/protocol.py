"""How a recipe stands beside what the report was made with: its hyper-parameters, and where the protocol differs."""

from backend.analysis.differences import NAMES
from backend.analysis.numerals import counted, percent
from backend.catalog.presets import Planned, planned
from backend.catalog.references import PublishedTable
from backend.catalog.reports import ExperimentPart
from backend.report.material import Material
from backend.report.starts import kind_of_start
from backend.spec import OptimizerSpec, ScheduleSpec, Spec


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
    # The tables print no size; it follows from what they were made with (backend/catalog/left_open.toml).
    size = f"{part.pixels} px (not printed)"
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
        ("image size", size, size if pixels in (None, part.pixels) else f"{pixels} px"),
        ("epochs", str(table.epochs), str(spec.epochs)),
        ("batch size", str(table.batch_size), str(spec.batch_size)),
        ("learning rate", f"{table.learning_rate:g}", f"{spec.optimizer.lr:g}"),
        *method(spec),
        (
            "starting weights",
            kind_of_start(planned(part.preset, "published"), material),
            kind_of_start(wanted, material),
        ),
    ]
    return [
        {"field": name, "published": there, "here": here} for name, there, here in fields if there != here
    ]  # fmt: skip


def method(spec: Spec) -> list[tuple[str, str, str]]:
    """Return how the report trained, beside how a spec does: field, published, here."""
    return [
        ("optimizer", "plain SGD", _optimizer(spec.optimizer)),
        ("schedule", "constant learning rate", _schedule(spec.schedule)),
        ("augmentation", "none", spec.dataset.augment.replace("_", " and ")),
        ("regularisation", "none", _regularisation(spec)),
        ("kept back to validate on", "none", _share(spec.dataset.validation)),
        ("early stopping", "none", _stopping(spec)),
    ]


def _count(images: int | None, same_set: bool, published: int) -> str:
    """Return a number of images; where the data set is not there, all of it would be used."""
    if images is not None:
        return f"{images:,}"
    return f"{published:,}" if same_set else "all"


def _optimizer(spec: OptimizerSpec) -> str:
    words = ["plain SGD" if spec.name == "sgd" and not spec.momentum else NAMES[spec.name]]
    if spec.momentum:
        words.append(f"{'Nesterov ' if spec.nesterov else ''}momentum {spec.momentum:g}")
    if spec.weight_decay:
        words.append(f"weight decay {spec.weight_decay:g}")
    return ", ".join(words)


def _schedule(spec: ScheduleSpec) -> str:
    words = ["constant learning rate" if spec.name == "constant" else spec.name]
    if spec.step_epochs:
        words.append(f"times {spec.gamma:g} every {counted(spec.step_epochs, 'epoch')}")
    if spec.warmup_epochs:
        words.append(f"warm-up of {spec.warmup_epochs:g} epochs")
    return ", ".join(words)


def _regularisation(spec: Spec) -> str:
    words = [
        f"{name} {value:g}"
        for name, value in (
            ("label smoothing", spec.loss.label_smoothing),
            ("gradients clipped to", spec.gradient_clip),
            ("average of weights", spec.ema),
        )
        if value
    ]
    return ", ".join(words) or "none"


def _share(share: float) -> str:
    return f"{percent(share)} of the training images" if share else "none"


def _stopping(spec: Spec) -> str:
    stopping = spec.early_stopping
    if stopping.patience is None:
        return "none"
    return f"after {counted(stopping.patience, 'epoch')} without a better {stopping.metric.replace('_', ' ')}"
