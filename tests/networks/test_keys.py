"""Every network has exactly the keys, shapes and types of its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from videoswap import networks
from videoswap.errors import UsageError

NAMES = [
    "blendswap",
    "ghost_aei_linknet_2",
    "ghost_aei_resnet_2",
    "ghost_aei_unet_1",
    "ghost_aei_unet_2",
    "ghost_aei_unet_3",
    "ghost_discriminator",
    "ghost_sr",
    "iresnet100",
    "reliableswap_fixernet",
    "reliableswap_fsgenerator",
    "reliableswap_fsgenerator_mouth",
    "reliableswap_hearnet",
]


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", NAMES)
def test_state_dict_is_the_checkpoints(name: str, contracts: Path) -> None:
    keys = json.loads((contracts / "keys" / f"{name}.keys.json").read_text())["keys"]
    state = networks.build(name, device="meta").state_dict()
    got = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for key, value in state.items()
    ]
    assert got == keys


@pytest.mark.needs_shared
def test_every_key_list_is_covered(contracts: Path) -> None:
    stems = {path.name.removesuffix(".keys.json") for path in (contracts / "keys").glob("*.json")}
    assert stems == set(NAMES)
    assert stems <= set(networks.names())


@pytest.mark.parametrize("name", networks.names())
def test_build_knows_all_its_names_and_gives_eval_mode(name: str) -> None:
    module = networks.build(name, device="meta")
    assert not any(part.training for part in module.modules())
    assert all(value.is_meta for value in module.state_dict().values())


@pytest.mark.parametrize("name", ["ghost_aei_vgg_2", "ghost_aei_unet_0", "ghost", "", "unet"])
def test_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        networks.build(name)
    assert caught.value.code == "unknown_network"
    assert "ghost_aei_unet_2" in caught.value.hint


def test_slim_blendswap_is_a_part_of_the_whole() -> None:
    whole = networks.build("blendswap", device="meta").state_dict()
    slim = networks.build("blendswap_slim", device="meta").state_dict()
    assert [k for k in whole if k.startswith(("G_ema.", "E_ema.", "mask_head_ema.", "Z_e."))] == [
        k for k in whole if k in slim
    ]
    assert set(slim) < set(whole)
    assert all(slim[k].shape == whole[k].shape for k in slim)


def test_constants_are_the_constructors() -> None:
    state = networks.build("reliableswap_fixernet").state_dict()
    assert state["vgg_mean"].flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert state["vgg_std"].flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])
    from videoswap.networks.reliableswap import FSGenerator

    matrix = FSGenerator(mouth=False, in_size=128, widths=(8, 8, 8)).trans_matrix
    assert matrix.shape == (1, 2, 3)
    assert torch.allclose(matrix[0, :, 2], torch.tensor([-1.56352194, -5.32134629]) / 2)
