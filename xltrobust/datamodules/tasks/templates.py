"""Random expansions of sentence templates, which are expression trees of the package hassil.

``hassil.sample`` enumerates expansions in order, so that its first thousand differ only in their last words. A random
walk makes an independent choice at every alternative, permutation, list and range, so that a few draws already cover
the whole tree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.intents import RangeSlotList, SlotList, TextSlotList
from hassil.util import normalize_whitespace

_MAX_DEPTH = 64  # of nested rules, which may refer to each other without end


class NotExpandable(Exception):
    """A template needs a rule or a list that is missing, or a wildcard such as ``{message}``."""


def random_expansion(
    template: Sentence,
    rules: Mapping[str, Sentence],
    lists: Mapping[str, SlotList],
    rng: random.Random,
    drawn: set[str] | None = None,
) -> str:
    """Draws a sentence of the template; every choice is uniform over its branches.

    Args:
        template: the parsed template.
        rules: the expansion rules ``<name>`` that the template may refer to.
        lists: the slot lists ``{name}`` that the template may refer to.
        rng: makes all choices.
        drawn: the texts that fill the sentence's slots are added to it, except numbers.

    Raises:
        NotExpandable: if a rule or list that was drawn is missing, empty or a wildcard.
    """
    values: set[str] = set() if drawn is None else drawn
    return normalize_whitespace(_walk(template.expression, rules, lists, rng, values, 0)).strip()


def _walk(
    node: Expression,
    rules: Mapping[str, Sentence],
    lists: Mapping[str, SlotList],
    rng: random.Random,
    drawn: set[str],
    depth: int,
) -> str:
    def walk(child: Expression) -> str:
        return _walk(child, rules, lists, rng, drawn, depth + 1)

    if depth > _MAX_DEPTH:
        raise NotExpandable("rules nested too deep")
    if isinstance(node, TextChunk):
        return node.original_text
    if isinstance(node, Alternative):
        return walk(rng.choice(node.items))
    if isinstance(node, Permutation):
        return " ".join(walk(child) for child in rng.sample(node.items, len(node.items)))
    if isinstance(node, Group):
        return "".join(walk(child) for child in node.items)
    if isinstance(node, RuleReference):
        if node.rule_name not in rules:
            raise NotExpandable(f"<{node.rule_name}>")
        return walk(rules[node.rule_name].expression)
    if isinstance(node, ListReference):
        if node.is_inline_range:
            first, last, step = node.get_inline_range() or (0, 0, 1)
            return str(rng.randrange(first, last + 1, step))
        return _list_value(node, lists, rng, drawn, walk)
    raise NotExpandable(type(node).__name__)


def _list_value(
    node: ListReference,
    lists: Mapping[str, SlotList],
    rng: random.Random,
    drawn: set[str],
    walk: Callable[[Expression], str],
) -> str:
    values = lists.get(node.list_name)
    if isinstance(values, RangeSlotList):
        # Digits and not number words: hassil's words for one number mix genders and cases.
        return f"{rng.choice(list(values.get_numbers())):g}"
    if isinstance(values, TextSlotList) and values.values:
        value = walk(rng.choice(values.values).text_in)
        drawn.add(normalize_whitespace(value).strip())
        return value
    raise NotExpandable(f"{{{node.list_name}}}")
