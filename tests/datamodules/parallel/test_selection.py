import numpy as np
import pytest

from xltrobust.datamodules.parallel.selection import Selection, select_pairs

RNG = np.random.default_rng(0)
VOCABULARY = RNG.integers(2**64 - 1, size=3000, dtype=np.uint64)  # hashes of texts


def corpus(sizes=(600, 300, 100), texts=3000, seed=0):
    """Sources, targets and groups in random order, with repetitions and with texts that several pairs share."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int16)
    sources, targets = (VOCABULARY[rng.integers(texts, size=len(groups))] for _ in range(2))
    return sources, targets, groups


def distinct(sources, targets, groups):
    return {(int(s), int(t), int(g)) for s, t, g in zip(sources, targets, groups, strict=True)}


def rows(columns, chosen):
    return distinct(*(column[chosen] for column in columns))


def sizes(columns, chosen):
    return np.bincount(columns[2][chosen], minlength=int(columns[2].max()) + 1).tolist()


def test_without_budget_all_distinct_pairs_stay():
    columns = corpus(texts=40)
    found = select_pairs(*columns)
    kept = list(zip(*(column[found.train].tolist() for column in columns), strict=True))
    assert len(kept) == len(set(kept))
    assert set(kept) == distinct(*columns)
    assert (found.duplicates > 0).all() and len(found.held_out) == 0
    first = {}
    for row, own in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        first.setdefault(own, row)
    assert found.train.tolist() == sorted(first.values())


def test_the_same_texts_in_another_group_are_no_duplicate():
    same = VOCABULARY[:1].repeat(3)
    found = select_pairs(same, same, np.array([0, 1, 1], np.int16))
    assert found.train.tolist() == [0, 1]
    assert found.duplicates.tolist() == [0, 1]


@pytest.mark.parametrize("limits", [{}, {"max_pairs": 150}, {"max_tokens": 900}, {"max_pairs": 200, "max_tokens": 900}])
@pytest.mark.parametrize("balance", ["equal", "proportional"])
def test_counts_add_up(limits, balance):
    columns = corpus(texts=300)
    tokens = RNG.integers(1, 20, size=1000)
    found = select_pairs(*columns, tokens=tokens, held_out=20, balance=balance, **limits)
    total = np.add(sizes(columns, found.train), sizes(columns, found.held_out))
    total += found.duplicates + found.beside_held_out + found.over_budget
    assert total.tolist() == [600, 300, 100]
    assert (found.beside_held_out > 0).all()
    assert (found.over_budget.sum() > 0) == bool(limits)
    assert all(np.all(np.diff(own) > 0) for own in (found.train, found.held_out))


def test_held_out_texts_are_in_no_training_pair():
    columns = sources, targets, groups = corpus(texts=300)
    found = select_pairs(*columns, held_out=20)
    assert sizes(columns, found.held_out) == [20, 20, 20]
    held = {*sources[found.held_out].tolist(), *targets[found.held_out].tolist()}
    train = set(found.train.tolist())
    assert not held & {*sources[found.train].tolist(), *targets[found.train].tolist()}
    # All others are there: nothing is left out in vain.
    free = {
        row for row in range(1000) if sources[row] not in held and targets[row] not in held
    }  # fmt: skip
    assert rows(columns, sorted(train)) == rows(columns, sorted(free))


def test_one_pivot_holds_out_the_same_texts():
    sources = np.tile(VOCABULARY[:100], 3)
    columns = sources, VOCABULARY[100:400], np.repeat(np.arange(3), 100).astype(np.int16)
    found = select_pairs(*columns, held_out=10)
    assert sizes(columns, found.held_out) == [10, 10, 10]
    assert len(set(sources[found.held_out].tolist())) == 10
    assert found.beside_held_out.tolist() == [0, 0, 0]
    assert len(found.train) == 270


@pytest.mark.parametrize("size, held", [(1, 0), (2, 1), (3, 1), (9, 4), (10, 5), (13, 5)])
def test_at_most_half_is_held_out(size, held):
    columns = VOCABULARY[:size], VOCABULARY[size : 2 * size], np.zeros(size, np.int16)
    found = select_pairs(*columns, held_out=5)
    assert (len(found.held_out), len(found.train)) == (held, size - held)


def test_half_is_of_distinct_pairs():
    columns = VOCABULARY[[0, 0, 0, 0, 1, 1]], VOCABULARY[[2, 2, 2, 2, 3, 3]], np.zeros(6, np.int16)
    assert len(select_pairs(*columns, held_out=5).held_out) == 1


@pytest.mark.parametrize("balance, expected", [("proportional", [90, 45, 15]), ("equal", [50, 50, 50])])
def test_shares_of_a_budget(balance, expected):
    columns = np.arange(1000, dtype=np.uint64), np.arange(5000, 6000, dtype=np.uint64), corpus()[2]
    assert sizes(columns, select_pairs(*columns, max_pairs=150, balance=balance).train) == expected


def test_what_one_language_cannot_fill_goes_to_the_others():
    columns = np.arange(1000, dtype=np.uint64), np.arange(5000, 6000, dtype=np.uint64), corpus()[2]
    assert sizes(columns, select_pairs(*columns, max_pairs=500, balance="equal").train) == [200, 200, 100]
    assert sizes(columns, select_pairs(*columns, max_pairs=900, balance="equal").train) == [500, 300, 100]
    for balance in ("equal", "proportional"):
        assert sizes(columns, select_pairs(*columns, max_pairs=1000, balance=balance).train) == [600, 300, 100]


def mixed(value: int) -> int:
    """SplitMix64's finalizer, as Steele, Lea and Flood 2014 print it."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return value ^ (value >> 31)


def shares(totals: list[int], limit: int, balance: str) -> list[int]:
    """Gives the limit away one by one."""
    if sum(totals) <= limit:
        return totals
    if balance == "proportional":
        return [limit * total // sum(totals) for total in totals]
    given = [0] * len(totals)
    while limit:
        open_ = [group for group in range(len(totals)) if given[group] < totals[group]]
        for group in sorted(open_, key=lambda own: -totals[own])[:limit]:
            given[group] += 1
            limit -= 1
    return given


@pytest.mark.parametrize("kind", ["max_pairs", "max_tokens"])
@pytest.mark.parametrize("balance", ["proportional", "equal"])
@pytest.mark.parametrize("limit", [1, 2, 7, 100, 333, 2000, 9000])
def test_agrees_with_a_direct_computation(kind, balance, limit):
    seed = 5
    columns = sources, targets, groups = corpus(texts=500, seed=limit)
    tokens = np.random.default_rng(limit).integers(1, 20, size=1000)
    found = select_pairs(*columns, tokens=tokens, held_out=30, balance=balance, seed=seed, **{kind: limit})
    pool: dict[int, dict[tuple[int, int], int]] = {}
    for row, (s, t, g) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        pool.setdefault(g, {}).setdefault((s, t), row)
    held = []
    for pairs in pool.values():
        order = sorted(pairs, key=lambda own: (mixed((own[0] + seed) % 2**64), mixed((own[1] + seed) % 2**64)))
        held += [pairs[own] for own in order[: min(30, len(order) // 2)]]
    assert found.held_out.tolist() == sorted(held)
    texts = {*sources[held].tolist(), *targets[held].tolist()}
    free = {g: {p: row for p, row in own.items() if not texts & set(p)} for g, own in pool.items()}
    amount = dict.fromkeys(range(1000), 1) if kind == "max_pairs" else dict(enumerate(tokens.tolist()))
    totals = [sum(amount[row] for row in free[g].values()) for g in range(3)]
    expected = []
    for g, share in enumerate(shares(totals, limit, balance)):
        for pair in sorted(free[g], key=lambda own: mixed(own[0] ^ mixed((own[1] + seed) % 2**64))):
            if (share := share - amount[free[g][pair]]) < 0:
                break
            expected.append(free[g][pair])
    assert found.train.tolist() == sorted(expected)


def test_two_budgets_hold_both():
    columns = corpus()
    tokens = RNG.integers(1, 20, size=1000)
    both = select_pairs(*columns, tokens=tokens, max_pairs=200, max_tokens=1500)
    apart = [select_pairs(*columns, tokens=tokens, **own).train for own in ({"max_pairs": 200}, {"max_tokens": 1500})]
    assert both.train.tolist() == sorted(set(apart[0].tolist()) & set(apart[1].tolist()))
    assert tokens[both.train].sum() <= 1500


@pytest.mark.parametrize("balance", ["proportional", "equal"])
@pytest.mark.parametrize("kind, limits", [("max_pairs", range(0, 1001, 37)), ("max_tokens", range(0, 10_000, 501))])
def test_a_smaller_budget_takes_a_part_of_a_larger_one(balance, kind, limits):
    columns = corpus(texts=300)
    tokens = np.random.default_rng(1).integers(1, 20, size=1000)
    smaller: set[int] = set()
    for limit in limits:
        found = select_pairs(*columns, tokens=tokens, held_out=10, balance=balance, **{kind: limit})
        larger = set(found.train.tolist())
        amount = len(larger) if kind == "max_pairs" else tokens[found.train].sum()
        assert smaller <= larger and amount <= limit
        smaller = larger
    assert smaller


def outcome(columns, found: Selection):
    numbers = (found.duplicates, found.beside_held_out, found.over_budget)
    return rows(columns, found.train), rows(columns, found.held_out), [own.tolist() for own in numbers]


# Few sources: which of the many pairs of one source is held out must not hang on the order either.
@pytest.mark.parametrize("texts", [12, 300, 3000])
def test_the_order_of_the_rows_does_not_matter(texts):
    columns = corpus(texts=texts, seed=3)
    options = {"held_out": 5, "max_pairs": 120, "balance": "equal", "seed": 4}
    expected = outcome(columns, select_pairs(*columns, **options))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(1000)
        shuffled = tuple(column[order] for column in columns)
        assert outcome(shuffled, select_pairs(*shuffled, **options)) == expected


def test_the_seed_changes_the_choice_and_only_it_does():
    columns = corpus()
    one, again, two, negative = (select_pairs(*columns, held_out=50, max_pairs=300, seed=s) for s in (0, 0, 1, -1))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    for other in (two, negative):
        assert not np.array_equal(one.train, other.train)
        assert not np.array_equal(one.held_out, other.held_out)


def test_held_out_are_the_same_whatever_the_budget():
    columns = corpus()
    assert np.array_equal(
        select_pairs(*columns, held_out=9).held_out, select_pairs(*columns, held_out=9, max_pairs=5).held_out
    )


def test_no_rows():
    empty = np.zeros(0, np.uint64)
    found = select_pairs(empty, empty, np.zeros(0, np.int16), held_out=5, max_pairs=3)
    assert all(len(own) == 0 for own in found)


def test_rows_in_several_parts_are_those_of_one(monkeypatch):
    columns = corpus(texts=200)
    options = {"held_out": 30, "max_pairs": 200}
    whole = select_pairs(*columns, **options)
    monkeypatch.setattr("xltrobust.datamodules.parallel.selection._AT_ONCE", 64)
    assert all(np.array_equal(a, b) for a, b in zip(whole, select_pairs(*columns, **options), strict=True))


def test_what_must_not_be_used_does_not_move_the_others() -> None:
    """Whichever task it is that texts are kept unseen for, a pair held out for one is trained on for none."""
    rng = np.random.default_rng(5)
    sources, targets = (rng.integers(0, 400, 1000).astype(np.uint64) for _ in range(2))
    groups = rng.integers(0, 3, 1000).astype(np.int16)
    whole = select_pairs(sources, targets, groups, held_out=40)
    usable = sources % np.uint64(5) != 0
    part = select_pairs(sources, targets, groups, held_out=40, usable=usable)
    assert part.held_out.tolist() == [row for row in whole.held_out.tolist() if usable[row]]
    assert part.train.tolist() == [row for row in whole.train.tolist() if usable[row]]
    assert 0 < len(part.held_out) < len(whole.held_out)
    left_out = part.duplicates + part.beside_held_out + part.over_budget
    both = np.concatenate([part.train, part.held_out])
    assert (left_out + np.bincount(groups[both], minlength=3)).tolist() == np.bincount(groups[usable]).tolist()
