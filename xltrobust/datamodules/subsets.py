"""Smaller train, dev and test sets, chosen so that labels keep their shares and languages stay comparable."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from xltrobust.example import Example
from xltrobust.seeding import derived_seed


def representative_subset(examples: Sequence[Example], limit: int | None, *seed: object) -> list[Example]:
    """At most ``limit`` examples, in the order that they had.

    Labels keep their shares, and within a label groups take turns, so that few groups lose all their examples. The
    choice depends on nothing but labels, groups, ids and ``seed``: translations that share these are chosen together in
    all languages, which keeps comparisons paired. A smaller subset is part of a larger one.

    Args:
        examples: of one split in one language.
        limit: how many to keep; None keeps all.
        seed: another seed chooses others.
    """
    if limit is None or limit >= len(examples):
        return list(examples)
    order = {place: derived_seed("subset", *seed, example.id) for place, example in enumerate(examples)}
    members: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place in sorted(order, key=order.__getitem__):
        example = examples[place]
        members[example.label, example.group or example.id].append(place)
    by_label: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for (label, group), places in members.items():
        group_order = derived_seed("subset", *seed, group)
        by_label[label] += [(turn, group_order, place) for turn, place in enumerate(places)]
    sizes = Counter(example.label for example in examples)
    # The r-th of the n examples of a label stands at (r + 1/2) / n: whatever lies below a bound has each label's share.
    ranked = [
        ((rank + 0.5) / sizes[label], order[place], place)
        for label, entries in by_label.items()
        for rank, (_, _, place) in enumerate(sorted(entries))
    ]
    return [examples[place] for place in sorted(place for _, _, place in sorted(ranked)[:limit])]
