import hashlib
from collections import Counter

import numpy as np
import pytest

from xltrobust.datamodules.parallel.corpus import ParallelCorpus
from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair
from xltrobust.errors import DataError
from xltrobust.text.words import count_words

ENGLISH = "red blue green house tree door lamp room wall road".split()
WORDS = {
    "en": ENGLISH,
    "de": "rot blau grün haus baum tür licht raum wand weg".split(),
    "fr": "rouge bleu vert maison arbre porte lampe salle mur route".split(),
    "zh-CN": "红 蓝 绿 房 树 门 灯 室 墙 路".split(),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "parallel"


class Listed(Bitext):
    """Pairs from a list; counts how often it is read and may break off."""

    def __init__(self, pairs, *, name="listed", fails_after=None):
        self.pairs, self.name, self.fails_after, self.read = list(pairs), name, fails_after, 0

    def __iter__(self):
        self.read += 1
        for number, pair in enumerate(self.pairs):
            if number == self.fails_after:
                raise DataError(f"{self.name}:{number}: broken; mend it.")
            yield pair

    def provenance(self):
        return {"source": self.name, "version": "1", "licence": "CC0-1.0"}

    def stamp(self):
        return [self.name, hashlib.sha256(repr(self.pairs).encode()).hexdigest()]


def sentence(language: str, number: int) -> str:
    """Six words that spell the number."""
    joint = "" if language == "zh-CN" else " "
    return joint.join(WORDS[language][int(digit)] for digit in f"{number:06}")


def translated(one: str, two: str, numbers) -> list[SentencePair]:
    return [SentencePair(sentence(one, n), sentence(two, n), one, two) for n in numbers]


def numbers(count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).choice(1_000_000, count, replace=False).tolist()


def everything(data) -> list[SentencePair]:
    return data.pairs(range(len(data)))


def folders(cache) -> list:
    return list(cache.iterdir()) if cache.exists() else []


def several() -> list[SentencePair]:
    """Two pivots, two directions, and one language pair both ways."""
    return [
        *translated("en", "de", numbers(90, 1)),
        *translated("de", "en", numbers(60, 2)),
        *translated("de", "zh-CN", numbers(50, 3)),
        *translated("en", "fr", numbers(40, 4)),
    ]


def test_every_reason_is_counted_and_the_counts_add_up():
    good = translated("en", "de", numbers(100))
    dirty = [
        SentencePair("", "x", "en", "de"),
        SentencePair("name", "Name", "en", "de"),
        SentencePair("a" * 61, "b", "en", "de"),
        SentencePair("much too long for its translation, this is", "kurz", "en", "de"),
        good[0],
        SentencePair(good[1].source.upper(), good[1].target, "en", "de"),
    ]
    unseen = {"en": [good[10].source, good[11].source + " road"], "de-AT": [good[20].target.upper() + "!"]}
    corpus = ParallelCorpus(bitexts=[Listed([*good, *dirty])], max_length=60, held_out=7, max_pairs=50)
    data = corpus.prepare(unseen)
    counts = data.record["counts"]["en>de"]
    assert counts == {
        "read": 106, "empty": 1, "identical": 1, "too long": 1, "length ratio": 1, "duplicate": 2,
        "overlap with dev or test, exact": 2, "overlap with dev or test, contained": 1,
        "held out": 7, "beside held-out": 0, "over budget": 40, "train": 50,
    }  # fmt: skip
    assert counts["read"] == sum(own for what, own in counts.items() if what != "read")
    assert (len(data), data.record["pairs"], len(data.held_out(("en", "de")))) == (50, 50, 7)
    assert {*everything(data), *data.held_out(("en", "de"))} <= set(good) - {good[10], good[11], good[20]}


def test_the_record_says_where_pairs_come_from():
    bitexts = [Listed(translated("en", "de", numbers(20)), name="one"), Listed(several(), name="two")]
    record = ParallelCorpus(bitexts=bitexts, max_pairs=70, split_seed=3).prepare({}).record
    assert record["sources"] == [
        {"source": name, "version": "1", "licence": "CC0-1.0"} for name in ("one", "two")
    ]  # fmt: skip
    assert record["languages"] == [["en", "de"], ["de", "en"], ["de", "zh-CN"], ["en", "fr"]]
    assert record["counts"]["en>de"]["read"] == 110
    assert record["settings"]["max_pairs"] == 70 and record["settings"]["seed"] == 3
    assert len(record["hash"]) == 64


@pytest.mark.parametrize(
    "language, row, side, extra",
    [("en-GB", 5, 0, ""), ("de-CH", 6, 1, "!"), ("de", 155, 0, ""), ("zho_Hans", 155, 1, "。")],
)
def test_overlap_is_looked_for_on_both_sides_in_every_language(language, row, side, extra):
    pairs = several()
    text = pairs[row][side]
    unseen = {language: [text + extra], "es": [pairs[0].source, pairs[0].target]}
    data = ParallelCorpus(bitexts=[Listed(pairs)], held_out=0, containment=1.0).prepare(unseen)
    assert set(pairs) - set(everything(data)) == {own for own in pairs if text in own[:2]} == {pairs[row]}


def test_all_languages_and_directions_keep_their_own_pairs():
    pairs = several()
    data = ParallelCorpus(bitexts=[Listed(pairs)], held_out=0).prepare({})
    assert data.languages == [("en", "de"), ("de", "en"), ("de", "zh-CN"), ("en", "fr")]
    assert everything(data) == pairs
    for own in data.languages:
        expected = [pair for pair in pairs if pair[2:] == own]
        assert data.pairs(data.rows(own)) == expected
        assert data.held_out(own) == []
    assert data.lengths.tolist() == [len(pair.source) + len(pair.target) for pair in pairs]
    rows = [17, 3, 220, 3]
    assert data.pairs(rows) == data.pairs(np.array(rows)) == [pairs[row] for row in rows]


def test_held_out_texts_are_in_no_training_pair_on_either_side_in_any_language():
    own = numbers(80)
    pairs = [
        *translated("en", "de", own), *translated("de", "en", own), *translated("en", "fr", own),
        *translated("de", "fr", own),
    ]  # fmt: skip
    data = ParallelCorpus(bitexts=[Listed(pairs)], held_out=10).prepare({})
    held = [pair for languages in data.languages for pair in data.held_out(languages)]
    assert Counter(pair[2:] for pair in held) == dict.fromkeys(data.languages, 10)
    texts = {text for pair in held for text in pair[:2]}
    train = everything(data)
    assert train and not texts & {text for pair in train for text in pair[:2]}
    assert {*train, *held} == {p for p in pairs if p in set(held) or not texts & set(p[:2])}


def test_letter_case_does_not_hide_a_held_out_text():
    pairs = translated("en", "de", numbers(40))
    shouted = [SentencePair(own.source.upper(), own.target + " weg", "en", "de") for own in pairs]
    data = ParallelCorpus(bitexts=[Listed([*pairs, *shouted])], held_out=10).prepare({})
    held = {own.source.casefold() for own in data.held_out(("en", "de"))}
    assert held and not held & {own.source.casefold() for own in everything(data)}


def test_at_most_half_of_a_language_is_held_out():
    pairs = [*translated("en", "de", range(9)), *translated("en", "fr", range(100, 400))]
    data = ParallelCorpus(bitexts=[Listed(pairs)]).prepare({})
    assert [len(data.held_out(own)) for own in data.languages] == [4, 150]
    assert [len(data.rows(own)) for own in data.languages] == [5, 150]


def test_a_budget_of_words_counts_both_texts():
    data = ParallelCorpus(bitexts=[Listed(several())], held_out=0, max_tokens=1000).prepare({})
    used = Counter()
    for pair in everything(data):
        used[pair[2:]] += count_words(pair.source) + count_words(pair.target)
    totals = Counter()
    for pair in several():
        totals[pair[2:]] += count_words(pair.source) + count_words(pair.target)
    for own in data.languages:
        share = 1000 * totals[own] / totals.total()
        longest = 12
        assert share - longest - 1 < used[own] <= share
    assert used.total() <= 1000


@pytest.mark.parametrize("balance", ["equal", "proportional"])
def test_smaller_budgets_are_part_of_larger_ones_whatever_the_order(balance):
    pairs = several()
    chosen = []
    for budget in (20, 60, 150):
        found = []
        for order in (pairs, pairs[::-1]):
            corpus = ParallelCorpus(bitexts=[Listed(order)], held_out=5, max_pairs=budget, balance=balance)
            data = corpus.prepare({})
            found.append((set(everything(data)), *({own: set(data.held_out(own)) for own in data.languages},)))
        assert found[0] == found[1]
        chosen.append(found[0])
    assert chosen[0][0] < chosen[1][0] < chosen[2][0]
    assert chosen[0][1] == chosen[1][1] == chosen[2][1]
    assert len(chosen[1][0]) == 60 or balance == "proportional"


def test_the_hash_is_of_what_is_left():
    pairs = several()

    def own_hash(pairs, unseen=(), **options):
        return ParallelCorpus(bitexts=[Listed(pairs)], held_out=3, **options).prepare({"en": unseen}).record["hash"]

    expected = own_hash(pairs)
    assert own_hash([*pairs, pairs[0], SentencePair("", "", "en", "de")]) == expected  # what is left out has no part
    assert own_hash(pairs, max_length=200) == expected
    assert own_hash(pairs, split_seed=1) != expected
    assert own_hash(pairs, max_pairs=30) != expected
    assert own_hash(pairs, unseen=[pairs[0].source]) != expected
    assert own_hash([pairs[0]._replace(target="rot"), *pairs[1:]]) != expected
    renamed = [own._replace(target_language="nl") if own[2:] == ("en", "de") else own for own in pairs]
    assert own_hash(renamed) != expected


def test_what_was_prepared_is_found_again(cache):
    source = Listed(several())
    first = ParallelCorpus(bitexts=[source], max_pairs=50).prepare({"en": ["a text"], "de": ["b", "c"]})
    assert source.read == 1
    again = ParallelCorpus(bitexts=[source], max_pairs=50).prepare({"de": ["c", "b", "c"], "en": ("a text",)})
    assert source.read == 1
    assert everything(first) == everything(again) and first.record == again.record
    assert len(folders(cache)) == 1
    assert {path.name for path in folders(cache)[0].iterdir()} == {
        "train.arrow", "held_out.arrow", "record.json", "manifest.json"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["train.arrow", "held_out.arrow", "record.json"])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_damaged_file_is_made_anew(cache, name, share):
    source = Listed(several())
    first = everything(ParallelCorpus(bitexts=[source]).prepare({}))
    path = folders(cache)[0] / name
    with path.open("r+b") as stream:
        stream.truncate(int(share * path.stat().st_size))
    with pytest.warns(UserWarning, match="damaged or incomplete; it is made anew"):
        assert everything(ParallelCorpus(bitexts=[source]).prepare({})) == first
    assert source.read == 2 and len(folders(cache)) == 1


def test_without_a_cache_pairs_are_prepared_all_the_same(monkeypatch):
    monkeypatch.setattr("xltrobust.cache._elsewhere", {})
    monkeypatch.setenv("XLTROBUST_CACHE", "/proc/xltrobust")
    source = Listed(several())
    with pytest.warns(UserWarning, match="cannot be written"):
        assert len([ParallelCorpus(bitexts=[source], held_out=0).prepare({}) for _ in range(2)][1]) == len(several())
    assert source.read == 1


@pytest.mark.parametrize(
    "options",
    [
        {"max_pairs": 40}, {"max_tokens": 500}, {"max_pairs": 50, "balance": "equal"}, {"held_out": 3},
        {"max_length": 300}, {"max_length_ratio": 2.5}, {"ngram": 4}, {"containment": 0.5}, {"split_seed": 1},
    ],
)  # fmt: skip
def test_every_setting_is_prepared_by_itself(cache, options):
    source = Listed(several())
    for settings in ({"max_pairs": 50}, {"max_pairs": 50} | options):
        ParallelCorpus(bitexts=[source], **settings).prepare({})
    assert source.read == 2
    assert len(folders(cache)) == 2


def test_other_texts_are_prepared_by_themselves(cache):
    source = Listed(several())
    for unseen in ({}, {"en": ["a"]}, {"en": ["a", "b"]}, {"de": ["a", "b"]}):
        ParallelCorpus(bitexts=[source]).prepare(unseen)
    assert source.read == 4
    ParallelCorpus(bitexts=[Listed(several()[1:])]).prepare({})
    ParallelCorpus(bitexts=[Listed(several(), name="renamed")]).prepare({})
    assert len(folders(cache)) == 6


def test_a_control_reads_the_same_files(cache):
    source = Listed(several())
    plain, shuffled = (ParallelCorpus(bitexts=[source], control=own).prepare({}) for own in (None, "shuffled_pairs"))
    assert source.read == 1
    assert (plain.control, shuffled.control) == (None, "shuffled_pairs")
    assert everything(plain) != everything(shuffled)


@pytest.mark.parametrize("after", [0, 1, 150])
def test_a_source_that_breaks_off_leaves_nothing_behind(cache, after):
    broken = Listed(several(), fails_after=after)
    for _ in range(2):
        with pytest.raises(DataError, match=f"listed:{after}: broken"):
            ParallelCorpus(bitexts=[broken]).prepare({})
        assert folders(cache) == []
    broken.fails_after = None
    assert len(ParallelCorpus(bitexts=[broken], held_out=0).prepare({})) == len(several())


def test_another_process_that_is_faster_wins(cache):
    source = Listed(several())
    other = Listed(several())

    class Slow(Listed):
        def __iter__(self):
            ParallelCorpus(bitexts=[other]).prepare({})  # meanwhile, elsewhere
            return super().__iter__()

    data = ParallelCorpus(bitexts=[Slow(several())]).prepare({})
    assert (other.read, len(folders(cache))) == (1, 1)
    assert everything(data) == everything(ParallelCorpus(bitexts=[source]).prepare({}))
    assert source.read == 0


def test_shuffled_pairs_hold_the_same_texts_and_no_translation():
    pairs = several()
    plain = ParallelCorpus(bitexts=[Listed(pairs)], held_out=10).prepare({})
    shuffled = ParallelCorpus(bitexts=[Listed(pairs)], held_out=10, control="shuffled_pairs").prepare({})
    true, wrong = everything(plain), everything(shuffled)
    assert [own.source for own in wrong] == [own.source for own in true]
    assert all(a[2:] == b[2:] and a.target != b.target for a, b in zip(true, wrong, strict=True))
    for own in plain.languages:
        targets = [Counter(pair.target for pair in found if pair[2:] == own) for found in (true, wrong)]
        assert targets[0] == targets[1]
        assert shuffled.held_out(own) == plain.held_out(own) != []
    assert shuffled.record["hash"] == plain.record["hash"]
    # Read in any order and by anybody, a row has one partner.
    again = ParallelCorpus(bitexts=[Listed(pairs)], held_out=10, control="shuffled_pairs").prepare({})
    rows = np.random.default_rng(0).permutation(len(again))
    assert again.pairs(rows) == [wrong[row] for row in rows]


def test_the_seed_of_the_shuffling():
    pairs = several()
    found = []
    for seed in (0, 1):
        corpus = ParallelCorpus(bitexts=[Listed(pairs)], held_out=0, control="shuffled_pairs", split_seed=seed)
        found.append(everything(corpus.prepare({})))
    assert [own.source for own in found[0]] == [own.source for own in found[1]]
    assert found[0] != found[1]


def refused(pairs, message, unseen=None, **options):
    with pytest.raises(DataError) as error:
        ParallelCorpus(bitexts=[Listed(pairs)], **options).prepare(unseen or {})
    assert message in str(error.value) and "\n" not in str(error.value)


def test_nothing_left_to_train_on(cache):
    refused([], "listed: no sentence pair is left to train on (none read); check")
    refused([SentencePair("a", "a", "en", "de")] * 2, "(read: 2, identical: 2)")
    pairs = translated("en", "de", [1, 2])
    refused(pairs, "(read: 2, overlap with dev or test, exact: 2)", {"en": [own.source for own in pairs]})
    refused(several(), "over budget: 240", held_out=0, max_tokens=5)
    assert folders(cache) == []


def test_arguments_out_of_range():
    source = [Listed([])]
    with pytest.raises(ValueError, match="`bitexts` to name at least one source"):
        ParallelCorpus(bitexts=[])
    for name, value in [
        ("max_pairs", 0), ("max_tokens", 0), ("held_out", -1), ("max_length", 0), ("max_length_ratio", 1.0),
        ("ngram", 0), ("containment", 0.0),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"`{name}`"):
            ParallelCorpus(bitexts=source, **{name: value})
