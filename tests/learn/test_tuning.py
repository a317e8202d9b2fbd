from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from mmembed.learn.tuning import averaged, partway  # noqa: E402

pytestmark = pytest.mark.torch


def test_the_average_has_the_mean_of_all_weights() -> None:
    networks = [torch.nn.Linear(3, 2) for _ in range(3)]
    mean = torch.stack([network.weight.detach().clone() for network in networks]).mean(0)
    x = torch.ones(1, 3)
    apart = torch.stack([network(x).detach() for network in networks]).mean(0)
    soup = averaged(networks)
    assert soup is networks[0]
    assert torch.allclose(soup.weight, mean)
    assert torch.allclose(soup(x), apart)  # which is only so for linear networks


def test_the_average_of_one_is_that_one() -> None:
    network = torch.nn.Linear(3, 2)
    before = network.weight.detach().clone()
    assert torch.equal(averaged([network]).weight, before)


def test_partway_lies_between_the_weights_before_and_after() -> None:
    before, after = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    quarter = 0.75 * before.weight + 0.25 * after.weight
    whole = after.weight.clone()
    assert torch.equal(partway(before, after, 1.0).weight, whole)
    assert torch.allclose(partway(before, after, 0.25).weight, quarter)
