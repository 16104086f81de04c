"""Errors that are the user's to mend: the commands print them as one line, without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something that a user can put right; the message is one line that says what and how."""


class MissingPackage(UserError, ModuleNotFoundError):
    """A package of the ``offline`` extra is not installed.

    Args:
        purpose: what needs it, the subject of the sentence.
        package: its name on PyPI.
    """

    def __init__(self, purpose: str, package: str) -> None:
        super().__init__(f"{purpose} the package {package}: pip install 'xltrobust[offline]'", name=package)


@contextmanager
def one_line_errors(command: str, *kinds: type[Exception]) -> Iterator[None]:
    """Ends the process with exit code 2 and one line on standard error, for user errors and the ``kinds`` given."""
    try:
        yield
    except (UserError, *kinds) as error:  # type: ignore[misc]
        print(f"{command}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
