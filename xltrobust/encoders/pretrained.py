"""Where a pretrained model's files are, and one line of error for whatever is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xltrobust.encoders.bundled import bundled_path
from xltrobust.encoders.bundled_cnn import bundled_cnn_path
from xltrobust.errors import UserError, one_line

BUNDLED = "bundled"
BUNDLED_CNN = "bundled-cnn"


class UnreadableModel(UserError, ValueError, OSError):
    """A model or tokenizer is missing, damaged, or of the wrong kind."""


@contextmanager
def reading_model(name: str, what: str) -> Iterator[None]:
    """Turns any error while a model's files are read into one line that names the model.

    Args:
        name: as the user gave it.
        what: what it is read as (``an encoder``).

    Raises:
        UnreadableModel: in place of any exception except a UserError, which passes unchanged.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of as many kinds as there are formats of weights and tokenizers
        raise UnreadableModel(f"{name}: cannot be loaded as {what} ({one_line(error)[:300]}).") from None


def resolve(name: str) -> str:
    """The argument of ``from_pretrained`` for a hub name, a local directory (both unchanged) or a bundled encoder.

    For ``bundled`` and ``bundled-cnn`` it is the encoder's directory, which is written on first use.
    """
    if name == BUNDLED:
        return str(bundled_path())
    return str(bundled_cnn_path()) if name == BUNDLED_CNN else name
