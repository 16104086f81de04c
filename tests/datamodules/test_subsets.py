from collections import Counter

import pytest

from xltrobust.datamodules.subsets import representative_subset
from xltrobust.example import Example


def examples_of(language: str = "en", sizes: dict[int, int] | None = None, group_size: int = 1) -> list[Example]:
    """Numbered examples of labels, in turns while there are some."""
    left = Counter(sizes or {0: 60, 1: 30, 2: 10})
    found: list[Example] = []
    while +left:
        for label in sorted(+left):
            number = left[label] - 1
            name = f"{label}-{number}"
            found.append(Example(name, language, f"{language} {name}", label, group=f"{label}/{number // group_size}"))
            left[label] -= 1
    return found


def test_labels_keep_their_shares():
    for limit in (10, 20, 50):
        chosen = representative_subset(examples_of(), limit)
        shares = Counter(example.label for example in chosen)
        assert [shares[label] for label in (0, 1, 2)] == [limit * part // 10 for part in (6, 3, 1)]


def test_the_order_stays_and_a_smaller_subset_is_part_of_a_larger_one():
    everything = examples_of()
    before: list[Example] = []
    for limit in (1, 7, 33, 99, 100):
        chosen = representative_subset(everything, limit)
        assert len(chosen) == limit and set(before) < set(chosen)
        assert chosen == [example for example in everything if example in chosen]
        before = chosen
    assert representative_subset(everything, None) == representative_subset(everything, 1000) == everything


def test_translations_are_chosen_together_whatever_their_order():
    chosen = {example.id for example in representative_subset(examples_of("en"), 20)}
    assert {example.id for example in representative_subset(examples_of("de")[::-1], 20)} == chosen
    # Where a few items were not translated, nearly all of the others are the same.
    fewer = [example for example in examples_of("sw") if not example.id.endswith("7")]
    assert len({example.id for example in representative_subset(fewer, 20)} & chosen) >= 15


def test_groups_take_turns():
    chosen = representative_subset(examples_of(sizes={0: 60, 1: 40}, group_size=10), 10)
    assert Counter(example.group for example in chosen) == dict.fromkeys(
        [f"0/{n}" for n in range(6)] + [f"1/{n}" for n in range(4)], 1
    )


def test_a_seed_chooses_others():
    first, second = (representative_subset(examples_of(), 20, "train", seed) for seed in (0, 1))
    assert first != second and first == representative_subset(examples_of(), 20, "train", 0)
    assert Counter(e.label for e in first) == Counter(e.label for e in second)


@pytest.mark.parametrize("limit", [3, 17])
def test_examples_without_groups_are_groups_of_their_own(limit):
    plain = [Example(str(number), "en", "", number % 2) for number in range(40)]
    counts = Counter(example.label for example in representative_subset(plain, limit))
    assert abs(counts[0] - counts[1]) <= 1
