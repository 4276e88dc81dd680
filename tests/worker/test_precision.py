"""What is decided about precision and compilation, with which reason. A GPU stands here only by what torch says of it."""

from typing import Any

import pytest
import torch

from backend.errors import InvalidSpec
from tests.worker.tiny import tiny_spec
from worker.engine.precision import decide_compile, decide_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def capability(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: request.param)


@pytest.mark.parametrize("wanted", ["auto", "fp32"])
def test_a_cpu_computes_in_32_bits(wanted: str) -> None:
    decision = decide_precision(wanted, CPU, single_layer=False)
    assert decision.used == "fp32"
    assert decision.to_json() == {"wanted": wanted, "used": "fp32", "why": decision.why}


def test_a_cpu_may_be_asked_for_bf16_and_has_no_tf32() -> None:
    assert decide_precision("bf16", CPU, single_layer=False).used == "bf16"
    with pytest.raises(InvalidSpec, match="precision is 'tf32', and only GPUs have it: it must be 'auto' or"):
        decide_precision("tf32", CPU, single_layer=False)


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)], indirect=True)
@pytest.mark.usefixtures("capability")
def test_a_gpu_with_its_units_takes_bf16_but_for_a_single_layer() -> None:
    assert decide_precision("auto", GPU, single_layer=False).used == "bf16"
    assert decide_precision("auto", GPU, single_layer=True).used == "fp32"
    assert decide_precision("tf32", GPU, single_layer=False).used == "tf32"


@pytest.mark.parametrize("capability", [(7, 5)], indirect=True)
@pytest.mark.usefixtures("capability")
def test_an_older_gpu_computes_in_32_bits_and_refuses_what_it_has_not() -> None:
    assert decide_precision("auto", GPU, single_layer=False).used == "fp32"
    for wanted in ("bf16", "tf32"):
        with pytest.raises(InvalidSpec, match="this GPU has no units for it"):
            decide_precision(wanted, GPU, single_layer=False)


def compiled(device: torch.device, *, images: int = 50_000, **changes: Any) -> tuple[str, str]:
    spec = tiny_spec(**{"model": {"arch": "vgg16"}, **changes})
    decision = decide_compile(spec, device, images=images, pixels=224)
    return decision.used, decision.why


def test_only_a_long_training_on_a_gpu_is_compiled_by_itself() -> None:
    assert compiled(CPU, epochs=1000)[0] == "off"
    # 3 x 15.5 G multiply-adds x 50,000 images
    assert compiled(GPU, epochs=1) == ("off", "about 46 s of training do not pay for it")
    assert compiled(GPU, epochs=100)[0] == "on"
    assert compiled(GPU, epochs=100, model={"arch": "softmax-regression"})[0] == "off"


@pytest.mark.parametrize("wanted", ["on", "off"])
@pytest.mark.parametrize("device", [CPU, GPU])
def test_what_is_asked_for_is_done(wanted: str, device: torch.device) -> None:
    assert compiled(device, compile=wanted) == (wanted, "as asked for")
