import random
from collections import Counter

import pytest

pytest.importorskip("hassil", reason="needs hassil: pip install 'xltrobust[offline]'")

from hassil import parse_sentence  # noqa: E402
from hassil.intents import RangeSlotList, TextSlotList, WildcardSlotList  # noqa: E402
from scipy.stats import chisquare  # noqa: E402

from xltrobust.datamodules.tasks.templates import NotExpandable, random_expansion  # noqa: E402

ALPHA = 1e-3


def expansions(template: str, draws: int, rules=None, lists=None, seed: int = 0) -> Counter:
    rng = random.Random(seed)
    parsed = {name: parse_sentence(rule) for name, rule in (rules or {}).items()}
    return Counter(random_expansion(parse_sentence(template), parsed, lists or {}, rng) for _ in range(draws))


@pytest.mark.parametrize(
    "template, sentences",
    [
        ("turn [the] light (on|off)", ["turn the light on", "turn the light off", "turn light on", "turn light off"]),
        ("(a|[very] b) c", ["a c", "b c", "very b c"]),
        ("(a;b;c)", ["a b c", "a c b", "b a c", "b c a", "c a b", "c b a"]),
        ("<verb> it", ["put it", "set it"]),
        ("in {room}", ["in the hall", "in hall", "in kitchen"]),
        ("at {level}%", ["at 0%", "at 50%", "at 100%"]),
        ("for {1..3:minutes} minutes", ["for 1 minutes", "for 2 minutes", "for 3 minutes"]),
        ("{2..8,3:n}", ["2", "5", "8"]),
        ("Turn ON", ["Turn ON"]),
    ],
)
def test_all_branches_are_reached_and_no_other(template, sentences):
    lists = {
        "room": TextSlotList.from_strings(["[the] hall", "kitchen"], name="room"),
        "level": RangeSlotList(name="level", start=0, stop=100, step=50),
    }
    assert set(expansions(template, 400, {"verb": "(put|set)"}, lists)) == set(sentences)


@pytest.mark.parametrize(
    "template, branches", [("(a|b|c|d) x", 4), ("[a] x", 2), ("(a;b;c)", 6), ("{room}", 5), ("{0..9:n}", 10)]
)
def test_each_choice_is_uniform(template, branches):
    lists = {"room": TextSlotList.from_strings("pqrst", name="room")}
    counts = expansions(template, 6_000, lists=lists)
    assert len(counts) == branches
    assert chisquare(list(counts.values())).pvalue > ALPHA


def test_choices_are_independent():
    counts = expansions("(a|b) (c|d)", 4_000)
    assert len(counts) == 4 and chisquare(list(counts.values())).pvalue > ALPHA


def test_the_seed_decides():
    first, again, other = (expansions("(a|b) (c|d) {0..999:n}", 20, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    "template, named",
    [("say {message}", "{message}"), ("say {empty}", "{empty}"), ("say {wild}", "{wild}"), ("<rule> x", "<rule>")],
)
def test_what_nobody_has_filled_in_is_not_expandable(template, named):
    lists = {"empty": TextSlotList(name="empty", values=[]), "wild": WildcardSlotList(name="wild")}
    with pytest.raises(NotExpandable) as error:
        expansions(template, 1, lists=lists)
    assert str(error.value) == named


def test_rules_without_an_end_are_not_expandable():
    with pytest.raises(NotExpandable, match="nested too deep"):
        expansions("<a>", 1, {"a": "<b> x", "b": "<a> y"})


def test_white_space_is_normalised():
    assert set(expansions("  a   [b]  c ", 50)) == {"a c", "a b c"}
