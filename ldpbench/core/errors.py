"""Errors that a user can act on, each with the exit code of its family.

A message says what was expected, what was found and where; ``hint`` says what to do. The command line
prints both on one line and ends with ``exit_code``; nobody sees a traceback unless they asked for one.
"""

from collections.abc import Sequence

EXIT_DONE = 0
EXIT_FAILURES = 1
EXIT_USAGE = 2
EXIT_MISSING = 3
EXIT_INTEGRITY = 4
EXIT_INTERRUPTED = 130


class LdpbenchError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        message: What was expected, what was found and where.
        hint: What the user can do about it.
    """

    exit_code = EXIT_FAILURES
    kind = "failure"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LdpbenchError):
    """A wrong name, option or configuration value."""

    exit_code = EXIT_USAGE
    kind = "usage"


class MissingPrerequisiteError(LdpbenchError):
    """Something has to be there first: data, weights, an extra, a device, an unlocked database, disk space."""

    exit_code = EXIT_MISSING
    kind = "missing"


class StorageError(MissingPrerequisiteError):
    """A disk is full, read-only, gone or not ours. Nothing more can be recorded, so long work stops here."""

    kind = "storage"


class IntegrityError(LdpbenchError):
    """Content is not what was promised. Every fault that was found is listed, not only the first."""

    exit_code = EXIT_INTEGRITY
    kind = "integrity"

    def __init__(self, message: str, *, hint: str = "", faults: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.faults = tuple(faults)


class ImageError(IntegrityError):
    """An image file cannot be used: truncated, wrong size, wrong bit depth, not an image at all."""

    kind = "image"


class MethodError(LdpbenchError):
    """A method broke its contract: wrong shape, wrong type, an exception of its own."""

    kind = "method"
