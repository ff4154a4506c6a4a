"""Centers that are divided over processes give loss and gradients of one process."""

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from tests.helpers.processes import in_two_processes
from videoswap.training.classification import classify
from videoswap.training.margins import Centers, Margin

MARGIN = Margin(8.0, 0.3)

CODE = """
import sys
import torch
from accelerate import Accelerator
from videoswap.training.classification import classify
from videoswap.training.margins import Centers, Margin

accelerator = Accelerator()
rank, world = accelerator.process_index, accelerator.num_processes
given = torch.load(sys.argv[1], weights_only=True)
made = []
for chosen, labels in given["cases"]:
    embeddings = given["embeddings"].chunk(world)[rank].clone().requires_grad_()
    centers = Centers(*given["centers"].shape)
    centers.weight.data = given["centers"].clone()
    centers.divide(rank, world)
    margin = Margin(8.0, 0.3)
    found = classify(centers, margin, embeddings, labels.chunk(world)[rank], chosen)
    found["total"].backward()
    made.append([*found.values(), embeddings.grad, centers.weight.grad])
torch.save([[one.detach() for one in case] for case in made], f"{sys.argv[2]}{rank}")
"""


def test_one_process_computes_the_cross_entropy():
    centers, embeddings = Centers(5, 4), torch.randn(6, 4)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    found = classify(centers, MARGIN, embeddings, labels)
    cosines = F.normalize(embeddings) @ F.normalize(centers.weight).T
    assert found["total"] == F.cross_entropy(MARGIN(cosines, labels), labels)
    assert found["right"] == (cosines.argmax(dim=1) == labels).float().mean()


@pytest.mark.parametrize(("people", "world"), [(7, 2), (3, 4), (8, 1)])
def test_every_process_has_its_rows(people, world):
    whole, found = Centers(people, 4).weight.detach(), []
    for rank in range(world):
        centers = Centers(people, 4)
        centers.weight.data = whole
        rows = centers.divide(rank, world)
        assert torch.equal(centers.weight, whole[rows])
        found += range(people)[rows]
        chosen = torch.tensor([0, 2])
        own, first = centers.own(chosen)
        assert torch.equal(centers.weight[own], whole[chosen[first : first + len(own)]])
    assert found == list(range(people))


def test_two_processes_give_loss_and_gradients_of_one(tmp_path):
    pytest.importorskip("accelerate")
    torch.manual_seed(3)
    table, embeddings = torch.randn(2, 7, 4, dtype=torch.float64)
    embeddings = embeddings[:6]
    table[4] = embeddings[1] + 0.1 * table[4]  # somebody is recognized
    cases = [
        (None, torch.tensor([0, 4, 2, 6, 5, 0])),
        (torch.tensor([0, 2, 4, 6]), torch.tensor([0, 2, 1, 3, 3, 0])),
        (torch.tensor([4, 6]), torch.tensor([0, 0, 1, 1, 0, 1])),  # one process has nobody
    ]
    given = {"centers": table, "embeddings": embeddings, "cases": cases}
    torch.save(given, tmp_path / "given")
    in_two_processes(CODE, tmp_path / "given", tmp_path / "made")
    made = [torch.load(tmp_path / f"made{rank}", weights_only=True) for rank in (0, 1)]
    for number, (chosen, labels) in enumerate(cases):
        centers, whole = Centers(7, 4), embeddings.clone().requires_grad_()
        centers.weight.data = table.clone()
        found = classify(centers, MARGIN, whole, labels, chosen)
        found["total"].backward()
        parts = [one[number] for one in made]
        for total, right, *_ in parts:
            torch.testing.assert_close(total, found["total"].detach())
            assert right == found["right"] > 0
        # The loop takes the mean of the gradients of what all processes share.
        torch.testing.assert_close(torch.cat([one[2] for one in parts]) / 2, whole.grad)
        torch.testing.assert_close(torch.cat([one[3] for one in parts]), centers.weight.grad)
