"""Every array of the contract around the networks is named by a test that compares it."""

import ast
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.locations import ROOT, SHARED

TESTS = [
    ROOT / "tests" / "engines" / "test_pipeline_goldens.py",
    *sorted((ROOT / "tests" / "training").glob("test_*.py")),
]
#: Arrays that nothing here can be compared with, and why.
WITHOUT_COUNTERPART = {
    **{
        f"blend_{name}": "pictures to train BlendFace's encoder with are not made here"
        for name in ("img_s", "img_t", "parse_s", "parse_t", "out", "color_transfer_every4")
    },
    "resize_present": "GHOST's list of empty frames; here a frame without a face has no crop",
}
COUNTED = [str(number) for number in range(10)]


def names(text: str) -> set[str]:
    """Return every name that a test file can ask for.

    Those are its words; its f-strings filled with its words and small numbers; and one of its
    words before any of these.
    """
    tree = ast.parse(text)
    words = {node.value for node in ast.walk(tree) if _is_word(node)}
    filled = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for name in _filled(node, [*words, *COUNTED])
    }
    joined = {
        node.left.value + name
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_word(node.left)
        for name in words | filled
    }
    return words | filled | joined


def _is_word(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.replace("_", "").isalnum()
    )


def _filled(node: ast.JoinedStr, words: list[str]) -> list[str]:
    parts = [[part.value] if isinstance(part, ast.Constant) else words for part in node.values]
    return ["".join(some) for some in product(*parts)] if len(parts) < 6 else []


def test_names_are_put_together_as_tests_do():
    text = """
for branch in ("gt6", "mid"):
    golden[f"mask_{branch}_u8"]
golden["plain"], golden["loss_in_" + name("Y")], [golden[f"Dfake{k}"] for k in range(3)]
"""
    found = names(text)
    wanted = {"mask_gt6_u8", "mask_mid_u8", "plain", "loss_in_Y", "Dfake2", "loss_in_Dfake0"}
    assert wanted <= found
    assert not {"mask_gt3_u8", "loss_in_X", "other"} & found


@pytest.mark.needs_shared
def test_every_array_is_named_by_a_test():
    stored = set(np.load(SHARED / "contracts" / "public" / "pipeline.npz").files)
    named = set().union(*(names(Path(path).read_text(encoding="utf-8")) for path in TESTS))
    assert stored - named == set(WITHOUT_COUNTERPART)
