"""Makes Markdown of what docstrings have of reStructuredText: roles become links, and doctests blocks of code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":\w+:`(~?)([\w.]+)`")
_DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class Roles(griffe.Extension):
    """Rewrites docstrings as they are collected; a role whose target the site lacks becomes plain code."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            linked = _ROLE.sub(lambda role: _link(obj, *role.groups()), obj.docstring.value)
            obj.docstring.value = _DOCTEST.sub(lambda doctest: f"```pycon\n{doctest[0]}\n```", linked)


def _link(obj: griffe.Object, short: str, target: str) -> str:
    """A link that may lead nowhere, in the notation of mkdocs-autorefs."""
    shown = target.rpartition(".")[2] if short else target
    try:
        target = obj.resolve(target)
    except griffe.NameResolutionError:
        pass  # a full path, as most are
    return f'<autoref optional identifier="{target}"><code>{shown}</code></autoref>'
