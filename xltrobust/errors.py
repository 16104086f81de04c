"""Errors that the user can put right: the commands print them as one line, without a traceback."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

# What jsonargparse adds to the actual problem: that the option could be left out or name a file, the possible types,
# and the whole section that the option is in.
_UNION = "Does not validate against any of the Union subtypes"
_AROUND = re.compile(
    rf"^\s*(- )?({_UNION}|Subtypes: .*|Errors:|Given value type: .*|Given value: (.{{80,}}|NestedArg.*|Namespace.*)"
    r"|Expected a <class 'NoneType'>|Expected a path but .* either not accessible or invalid)$",
    re.MULTILINE,
)
_UNKNOWN_CLASS = re.compile(
    r"(?:- Expected a <class 'list'>\s+- )?Expected a dot import path string: (\w+)\s*(?:Given value: \1)?"
)
_SIGPIPE = 128 + 13  # the exit code that shells give to a process that a closed pipe ended


class UserError(Exception):
    """Something that a user can put right; the message is one line that says what and how."""


class MissingPackage(UserError, ModuleNotFoundError):
    """A package of one of the extras is not installed.

    Args:
        purpose: what needs it, with its verb: ``"French synonyms need"``.
        package: its name on PyPI.
        extra: which brings it.
    """

    def __init__(self, purpose: str, package: str, extra: str = "offline") -> None:
        super().__init__(f"{purpose} the package {package}: pip install 'xltrobust[{extra}]'", name=package)


@contextmanager
def one_line_errors(command: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turns user errors, and errors of the ``kinds`` given, into exit code 2 and one line on standard error.

    If the reader of a pipe has gone (``| head``), the process ends silently, with the code that shells give for that.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # at exit Python would try to write the rest
        raise SystemExit(_SIGPIPE) from None
    except (UserError, *kinds) as error:  # type: ignore[misc]
        print(f"{command}: {one_line(error)}", file=sys.stderr)
        raise SystemExit(2) from None


def one_line(error: BaseException) -> str:
    """An error's message on one line; the name of its class if it has none."""
    text = str(error)
    if _UNION in text:
        text = _AROUND.sub("", text).strip().removeprefix("- ")
    text = _UNKNOWN_CLASS.sub(
        r"no class is called \1: `xltrobust list` says what there is; one of your own is named by its import path", text
    )
    return " ".join(text.split()) or type(error).__name__


class OneLineParser(argparse.ArgumentParser):
    """Raises a :class:`UserError` for wrong arguments, where argparse would print its usage and exit."""

    def format_help(self) -> str:
        from rich_argparse import RichHelpFormatter  # takes longer to import than the rest

        class Formatter(RichHelpFormatter):
            text_markup = help_markup = False  # brackets are brackets
            group_name_formatter = str

        self.formatter_class = Formatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the arguments)")


def at_least(least: int) -> type[int]:
    """A type for command-line arguments: whole numbers of at least ``least``."""

    def parse(text: str) -> int:
        if not text.lstrip("+-").isdecimal() or len(text) > 18 or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, but got {text!r}")
        return int(text)

    return parse  # type: ignore[return-value]


class DataError(UserError, ValueError):
    """Something is wrong with the user's data; the message is one line for the terminal."""


class IncompatibleRegularizer(UserError, ValueError):
    """A regularizer cannot be combined with the encoder, or with another regularizer."""
