"""Why something failed, in words."""

import sqlite3

import pytest

from videoswap.errors import first_line, out_of_memory, reason_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotADirectoryError(20, "Not a directory", "/a/b"), "Not a directory"),
        (sqlite3.OperationalError("disk I/O error."), "disk I/O error"),
        (KeyError(), "KeyError"),
    ],
)
def test_a_reason_has_no_number_and_no_path(error, words):
    assert reason_of(error) == words


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("[enforce fail] can't allocate memory: you tried"), True),
        (RuntimeError("GET was unable to find an engine to execute this computation"), True),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("onnxruntime::BFCArena: Failed to allocate memory for requested"), True),
        (MemoryError(), True),
        (RuntimeError("shapes differ"), False),
        (None, False),
    ],
)
def test_what_means_that_memory_ran_out(error, memory):
    assert out_of_memory(error) is memory


def test_what_an_error_came_out_of_counts():
    try:
        try:
            raise RuntimeError("CUDA out of memory")
        finally:
            raise ValueError("capture_end failed")
    except ValueError as error:
        assert out_of_memory(error)


def test_the_first_line_of_what_a_library_says():
    assert (
        first_line(RuntimeError("no kernel image.\nCUDA kernel errors might")) == "no kernel image"
    )
    assert first_line(RuntimeError()) == "RuntimeError"
