"""The parser of ``fit``: its help in sections, and what it reads in the arguments before they are parsed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import DefaultHelpFormatter
from pytorch_lightning.cli import LightningArgumentParser
from rich.text import Text
from rich_argparse import RichHelpFormatter

PROG = "xltrobust fit"
_NAMES = re.compile(r"[\w./-]+(,[\w./-]+)*")


class SectionedHelp(DefaultHelpFormatter, RichHelpFormatter):
    """Options in sections, coloured on a terminal, with types and defaults as jsonargparse tells them."""

    text_markup = False  # brackets are brackets
    group_name_formatter = str

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any) -> str:
        return super()._format_usage(
            usage, list(actions), groups, prefix
        )  # one base gives a tuple, which the other refuses

    def _rich_expand_help(self, action: Any) -> Text:
        return Text(self._expand_help(action), style="argparse.help")


class FitParser(LightningArgumentParser):
    """Says how the command is used in one line, where there are a hundred options to list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("usage", f"{PROG} [--config FILE ...] [--SECTION.OPTION VALUE ...]")
        kwargs.setdefault("formatter_class", SectionedHelp)
        super().__init__(*args, **kwargs)


def with_named_attacks(arguments: Sequence[str]) -> list[str]:
    """The arguments, with attacks in place of their names: ``--adversarial.attacks typo_greedy,lookalikes``.

    Raises:
        UserError: if there is no attack of a name.
    """
    from xltrobust.evaluation.attack_recipes import attacks_of_names

    option, found, waiting = "--adversarial.attacks", list[str](), False
    for argument in arguments:
        if argument == option:
            waiting = True
            continue
        argument = f"{option}={argument}" if waiting else argument
        waiting = False
        name, _, value = argument.partition("=")
        if name == option and _NAMES.fullmatch(value) and value != "null":
            argument = f"{option}={json.dumps(attacks_of_names(value.split(',')))}"
        found.append(argument)
    return [*found, option] if waiting else found


def configuration_files(arguments: Sequence[str]) -> Iterator[Path]:
    """The files that a command line names as its configuration; text given in place of a file is left to the parser."""
    for name, following in zip(arguments, [*arguments[1:], ""], strict=False):
        given = following if name in ("-c", "--config") else name.partition("--config=")[2]
        if given and os.path.isfile(given):
            yield Path(given)
