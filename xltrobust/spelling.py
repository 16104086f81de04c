"""What a mistyped option was probably meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_UNKNOWN = re.compile(r"unrecognized arguments: (--[\w.]+)")


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: the known one that comes closest, if one does, or a full stop.

    >>> did_you_mean("standart-1", ["standard-1"]), did_you_mean("x", ["standard-1"])
    (': did you mean standard-1?', '.')
    """
    close = difflib.get_close_matches(given, list(known), n=1)
    return f": did you mean {close[0]}?" if close else "."


def with_hint(message: str, options: Iterable[str]) -> str:
    """A parser's message on an unknown option, and after it the option that comes closest, if one does.

    >>> with_hint("unrecognized arguments: --max_epochs 3", ["--trainer.max_epochs", "--model.warmup"])
    'unrecognized arguments: --max_epochs 3: did you mean --trainer.max_epochs?'
    """
    if (unknown := _UNKNOWN.search(message)) is None:
        return message
    given, known = unknown[1], sorted(options)
    ending = [option for option in known if option.endswith(f".{given.lstrip('-')}")]
    if close := ending or difflib.get_close_matches(given, known, n=1):
        return f"{message}: did you mean {close[0]}?"
    return f"{message} (--help lists the options)"
