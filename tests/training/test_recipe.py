import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import save_file

from videoswap.errors import InputError
from videoswap.networks.correction import CorrectionNetwork
from videoswap.networks.parser import ParserNetwork
from videoswap.training.recipe import load_initial


def test_a_network_gets_its_own_weights(tmp_path):
    torch.manual_seed(0)
    file, one, other = tmp_path / "parser.safetensors", ParserNetwork(), ParserNetwork()
    save_file({key: value.half() for key, value in one.state_dict().items()}, file)
    load_initial(other, file, "the parser")
    for key, value in one.state_dict().items():
        assert torch.equal(value.half().to(value.dtype), other.state_dict()[key]), key


@pytest.mark.parametrize("network", [ParserNetwork, CorrectionNetwork])
@pytest.mark.parametrize(
    ("write", "code"),
    [
        (lambda file: None, "missing_file"),
        (lambda file: file.write_bytes(b"no tensors at all"), "damaged_weights"),
        (lambda file: save_file({"last.weight": torch.zeros(3)}, file), "wrong_weights"),
    ],
)
def test_others_are_refused(network, write, code, tmp_path):
    file = tmp_path / "weights.safetensors"
    write(file)
    with pytest.raises(InputError) as caught:
        load_initial(network(), file, "this network")
    assert caught.value.code == code
