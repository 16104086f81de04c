"""Sentence templates: hassil's expression trees, expanded by a seeded random walk.

``hassil.sample`` enumerates expansions in order, so its first thousand differ in their last word only. A random walk
chooses at every alternative, permutation, list and range independently: short samples cover the whole tree.
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

_MAX_DEPTH = 64  # rules that refer to each other would never end


class NotExpandable(Exception):
    """The template needs a list or rule that nobody has filled in (a wildcard such as ``{message}``, say)."""


def random_expansion(
    template: Sentence,
    rules: Mapping[str, Sentence],
    lists: Mapping[str, SlotList],
    rng: random.Random,
    drawn: set[str] | None = None,
) -> str:
    """One sentence of the template, each choice uniform over its branches.

    Args:
        template: the parsed template.
        rules: the expansion rules ``<name>`` that it may refer to.
        lists: the slot lists ``{name}`` that it may refer to.
        rng: the source of all randomness.
        drawn: gets the texts that fill the sentence's slots, numbers left out.

    Raises:
        NotExpandable: if a rule or list is missing, empty or a wildcard.
    """
    own: set[str] = set() if drawn is None else drawn
    return normalize_whitespace(_walk(template.expression, rules, lists, rng, own, 0)).strip()


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
        # Digits, not words: the words that hassil lists for a number mix genders and cases.
        return f"{rng.choice(list(values.get_numbers())):g}"
    if isinstance(values, TextSlotList) and values.values:
        value = walk(rng.choice(values.values).text_in)
        drawn.add(normalize_whitespace(value).strip())
        return value
    raise NotExpandable(f"{{{node.list_name}}}")
