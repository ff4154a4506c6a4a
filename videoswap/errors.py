"""One hierarchy of errors: a code for programs, a message and a hint for people.

The command line turns an error into one sentence and the exit code of its kind.
"""

from __future__ import annotations


class VideoswapError(Exception):
    """Base of every error raised on purpose.

    Attributes:
        code: Short stable identifier, for example ``no_face_in_photo``.
        message: One sentence that says what is wrong.
        hint: What the user can do about it; may be empty.
        exit_code: Exit status of the command line for this kind of error.
    """

    exit_code = 1

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[VideoswapError], tuple[str, str, str]]:
        """Keep all three parts when an error crosses a process boundary."""
        return type(self), (self.code, self.message, self.hint)

    def __str__(self) -> str:
        """Return the message and, where there is one, the hint."""
        return f"{self.message} {self.hint}".strip()


def reason_of(error: BaseException) -> str:
    """Return in words why something failed, without error numbers and without paths."""
    return getattr(error, "strerror", None) or str(error).rstrip(".") or type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of what a library says of its failure, without a full stop."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0].rstrip(".")


#: What torch, cuBLAS, cuDNN and onnxruntime say when memory runs out. cuDNN has no engine left
#: where none fits into the memory that is free.
_MEMORY_RAN_OUT = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "failed to allocate memory",
    "bad allocation",
    "bad_alloc",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "unable to find an engine",
)


def out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it came out of, says that memory ran out."""
    while error is not None:
        said = str(error).lower()
        named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if named or any(sign in said for sign in _MEMORY_RAN_OUT):
            return True
        error = error.__cause__ or error.__context__
    return False


class UsageError(VideoswapError):
    """The request itself makes no sense (exit code 2)."""

    exit_code = 2


class InputError(VideoswapError):
    """A file that was given cannot be used (exit code 3)."""

    exit_code = 3


class NoFaceError(VideoswapError):
    """No face was found, or none that matches (exit code 4)."""

    exit_code = 4


class PartialError(VideoswapError):
    """Some of the work was done and some was not (exit code 5)."""

    exit_code = 5


class OutputError(VideoswapError):
    """The result cannot be written (exit code 6)."""

    exit_code = 6


class CancelledError(VideoswapError):
    """Whoever started the run ended it (exit code 130, as after Ctrl-C)."""

    exit_code = 130
