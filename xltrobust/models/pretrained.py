"""Names of encoders: a hub name, a local directory, or ``bundled``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xltrobust.encoders.bundled import bundled_path
from xltrobust.errors import UserError, one_line

BUNDLED = "bundled"


class UnreadableModel(UserError, ValueError, OSError):
    """A model or tokenizer is not there, damaged, or not of the kind that is wanted."""


@contextmanager
def reading_model(name: str, what: str) -> Iterator[None]:
    """Whatever goes wrong while a model's files are read is said in one line that names it.

    Args:
        name: as the user gave it.
        what: it is read as (``an encoder``).

    Raises:
        UnreadableModel: for every other error, but user errors, which pass.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of as many kinds as there are formats of weights and tokenizers
        raise UnreadableModel(f"{name}: cannot be loaded as {what} ({one_line(error)[:300]}).") from None


def resolve(name: str) -> str:
    """What ``from_pretrained`` takes for a name: ``bundled`` becomes the directory of the offline encoder."""
    return str(bundled_path()) if name == BUNDLED else name
