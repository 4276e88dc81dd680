"""What presets owe to the published report: said and left open, in agreement with their specs."""

import re
import tomllib
from importlib.resources import files

import pytest

from backend.catalog.faithful import left_open
from backend.catalog.presets import SIZES, Preset, presets
from backend.catalog.references import published_tables
from backend.cli.preset_text import preset_lines
from tests.backend.served import run, run_json

PUBLISHED = [one for one in presets().values() if one.section]
TWINS = [one for one in PUBLISHED if one.corrects]


def spoken(preset: Preset) -> str:
    assert preset.faithful
    return " ".join(preset.faithful.says)


@pytest.mark.parametrize("preset", PUBLISHED, ids=lambda one: one.name)
def test_a_preset_of_a_section_says_what_the_report_does_and_what_it_leaves_open(preset: Preset) -> None:
    assert preset.faithful
    assert preset.faithful.says
    names = {one.what for one in preset.faithful.open}
    assert len(names) == len(preset.faithful.open)
    assert {
        left_open()[name].what for name in ("batch-order", "last-batch", "test-batch", "precision")
    } <= names
    for one in preset.faithful.open:
        assert one.what
        assert one.chose
        assert one.why.endswith((".", ")"))


@pytest.mark.parametrize("preset", PUBLISHED, ids=lambda one: one.name)
def test_the_numbers_in_what_the_report_says_are_those_of_the_spec(preset: Preset) -> None:
    spec = preset.spec("published")
    (said,) = re.findall(r"[Ll]earning rate (\S+), (\d+) epochs, batch size (\d+)", spoken(preset))
    assert said == (f"{spec.optimizer.lr:g}", str(spec.epochs), str(spec.batch_size))
    if not preset.corrects:
        table = published_tables()[preset.name]
        assert said == (f"{table.learning_rate:g}", str(table.epochs), str(table.batch_size))
    assert "plain minibatch SGD" in spoken(preset)
    assert (spec.optimizer.name, spec.optimizer.momentum, spec.optimizer.weight_decay) == ("sgd", 0, 0)


@pytest.mark.parametrize("preset", PUBLISHED, ids=lambda one: one.name)
def test_what_was_chosen_is_what_the_spec_does(preset: Preset) -> None:
    assert preset.faithful
    spec = preset.spec("published")
    open_ = {name: one for name, one in left_open().items() if one in preset.faithful.open}
    pixels = spec.dataset.image_size
    assert ("image-size" in open_, "pixels" in open_) == (pixels is not None, pixels is None)
    assert pixels is None or f"{pixels} pixels" in open_["image-size"].chose
    assert ("normalisation" in open_) == (spec.dataset.normalize == "none")
    assert ("alexnet" in open_) == (spec.model.arch == "alexnet")
    assert ("random-start" in open_) == (spec.model.init == "xavier_uniform")
    assert ("weights-version" in open_) == (spec.model.weights.source == "imagenet")
    assert ("features-network" in open_) == (spec.features is not None)
    assert ("features-scale" in open_) == bool(spec.features and not spec.features.standardize)
    assert open_["test-batch"].chose == str(spec.eval_batch_size)
    assert open_["precision"].chose.startswith(f"{spec.precision}:")
    full, rest = divmod(50_000, spec.batch_size)
    assert f"{full} batches of {spec.batch_size} images" in open_["last-batch"].chose
    assert rest == 80
    if spec.features:
        layer = open_["last-layer" if spec.features.pooling == "average" else "intermediate-layer"]
        assert spec.features.node in layer.chose


def test_nothing_is_kept_as_open_that_no_preset_names() -> None:
    named = set()
    for preset in PUBLISHED:
        text = (files("backend.catalog") / "presets" / f"{preset.name}.toml").read_text("utf-8")
        named |= set(tomllib.loads(text)["faithful"]["open"])
    assert named == left_open().keys()


@pytest.mark.parametrize("twin", TWINS, ids=lambda one: one.name)
def test_a_corrected_twin_differs_by_the_loss_and_by_standardising_alone(twin: Preset) -> None:
    assert twin.corrects
    for size in SIZES:
        corrected, as_published = twin.spec(size), presets()[twin.corrects].spec(size)
        assert corrected.loss.name == "cross_entropy"
        assert as_published.loss.name == "cross_entropy_of_probabilities"
        if corrected.features:
            assert corrected.features.standardize
        else:  # of pixels: the deviation of each channel of this data set
            assert corrected.dataset.normalize == "dataset"
        undone = corrected.model_dump()
        undone["loss"] = as_published.loss.model_dump()
        undone["dataset"]["normalize"] = as_published.dataset.normalize
        if undone["features"]:
            undone["features"]["standardize"] = False
        assert undone == as_published.model_dump()


def test_every_experiment_of_section_3_has_its_twin() -> None:
    third = [one.name for one in PUBLISHED if one.section.startswith("3") and not one.corrects]
    assert [one.corrects for one in TWINS] == third


@pytest.mark.thorough
@pytest.mark.usefixtures("service")
def test_the_command_line_tells_all_about_one_preset() -> None:
    code, text, _ = run("presets", "softmax-resnet18-last")
    assert code == 0
    assert "The report says:\n- CIFAR-10; softmax regression on features" in text
    assert "- what of the last convolutional layer is flattened: the 512 averages" in text
    assert re.search(r"optimizer\.lr +0\.05 +0\.05\n", text)
    assert "gradient_clip" not in text
    assert run_json("presets", "softmax-resnet18-last")["faithful"]["open"][1]["chose"].startswith("the 512")
    code, _, problem = run("presets", "softmax-last")
    assert code != 0
    assert "There is no preset 'softmax-last'. Did you mean" in problem


def test_a_preset_of_no_section_is_told_without_the_report() -> None:
    preset = presets()["vgg16-pretrained"]
    sizes = {size: preset.spec(size).model_dump(mode="json") for size in SIZES}
    told = {"title": preset.title, "section": "", "about": preset.about, "faithful": None, "sizes": sizes}
    lines = list(preset_lines(told, 80))
    assert lines[0] == "VGG16 pretrained in Runyard"
    assert max(map(len, lines)) <= 80
    assert not any("report says" in line for line in lines)
