import torch
from torch import nn

from worker.engine.average import Average


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def set_to(network: nn.Module, value: float) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)


def test_it_begins_with_the_weights_after_the_first_step_and_then_follows_by_its_decay() -> None:
    followed = network()
    average = Average(followed, 0.75)
    for value in (8.0, 0.0, 4.0):
        set_to(followed, value)
        average.update()
    # 8, then 0.75 * 8 + 0.25 * 0 = 6, then 0.75 * 6 + 0.25 * 4 = 5.5
    assert all((one == 5.5).all() for one in average.network.parameters())


def test_buffers_are_those_of_the_network_itself() -> None:
    followed = network()
    average = Average(followed, 0.9)
    for _ in range(3):
        followed(torch.randn(5, 2))
        average.update()
    for own, theirs in zip(average.network.buffers(), followed.buffers(), strict=True):
        assert torch.equal(own, theirs)


def test_put_back_it_counts_on() -> None:
    first, second = (Average(network(), 0.5) for _ in range(2))
    first.update()
    second.load(first.state())
    set_to(second._followed, 2.0)
    before = [one.clone() for one in second.network.parameters()]
    second.update()
    # Not the first step any more, which would copy.
    for was, now in zip(before, second.network.parameters(), strict=True):
        torch.testing.assert_close(now.detach(), (was.detach() + 2.0) / 2)
