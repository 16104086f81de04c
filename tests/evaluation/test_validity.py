import random

import pytest

from xltrobust.errors import UserError
from xltrobust.evaluation.validity import agreement, perturbation_of, readings
from xltrobust.example import Example
from xltrobust.metrics.changes import changes
from xltrobust.perturb import Replay, TextVictim, TypoPerturbation, WordDropping, apply_edits
from xltrobust.perturb.draws import random_edits

WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima".split()


def rows(count: int, perturbation=None, edits: int = 3) -> list[dict]:
    """Texts of twelve words in German and Russian codes, attacked by hand: the word ``golf`` disappears."""
    made = []
    for number in range(count):
        words = random.Random(number).sample(WORDS, 12)
        text, language = " ".join(words), ("de", "ru")[number % 2]
        attacked = " ".join(word for word in words if word != "golf")
        if perturbation is not None:
            example = Example(str(number), language, text, 0)
            drawn = random_edits(example, perturbation, (), edits, random.Random(7))
            attacked = apply_edits(example, drawn).text
        made.append(
            {"id": str(number), "group": str(number), "language": language, "label": 0, "text": text, "text_pair": None,
             "adversarial_text": attacked, "adversarial_text_pair": None, "broken_at": number if number % 4 else None}
        )  # fmt: skip
    return made


CODES = {"de": "de", "ru": "ru"}
READER = TextVictim(lambda texts: [["golf" in text, "golf" not in text] for text in texts])


def test_an_attack_on_what_the_reader_reads_agrees_less_than_random_edits():
    found = readings(rows(40), CODES, WordDropping(), READER, seed=0)
    assert len(found) == 40 and not any(each.attacked for each in found)
    kept = sum(each.random for each in found) / 40
    assert 0.75 < kept < 1  # one word of twelve, drawn at random
    assert all(each.changed.words == each.changed_at_random.words == 1 / 12 for each in found)
    table = agreement(found, ["de", "ru"])
    assert list(table) == ["de", "ru", "avg"] and table["avg"]["examples"] == 40 and table["de"]["examples"] == 20
    for one in table.values():
        low, high = one["difference"][1:]
        assert one["attacked"][0] == 0 and low <= -one["random"][0] <= high < 0
        assert one["words_changed"] == [pytest.approx(1 / 12, abs=1e-4)] * 2


def test_the_random_edits_are_as_many_as_the_attacks():
    perturbation = TypoPerturbation()
    found = readings(rows(12, perturbation), CODES, perturbation, READER, seed=1)
    assert [each.changed.words for each in found] == [each.changed_at_random.words for each in found]
    characters = [(each.changed.characters, each.changed_at_random.characters) for each in found]
    assert all(abs(attacked - drawn) <= 2 / 60 for attacked, drawn in characters)


def test_random_edits_depend_on_the_seed_and_the_example_alone():
    data, perturbation = rows(10, TypoPerturbation()), TypoPerturbation()
    asked: list[list[str]] = []

    def classify(texts):
        asked.append(sorted(texts))
        return [[1.0, 0.0]] * len(texts)

    for seed, some in ((0, data), (0, data[::-1]), (1, data)):
        readings(some, CODES, perturbation, TextVictim(classify), seed)
    drawn = asked[2::3]
    assert drawn[0] == drawn[1] != drawn[2]


def test_rows_without_an_attacked_text_are_left_out():
    data = [row | {"adversarial_text": None} for row in rows(3)]
    assert readings(data, CODES, WordDropping(), READER, seed=0) == []
    assert agreement([], ["de"]) == {}


def test_perturbations_are_made_again_from_the_record():
    perturbation = TypoPerturbation(operations=("swap",))
    record = {"recipe": {"perturbation": perturbation.described()}}
    again = perturbation_of(record, "here")
    assert again.described() == perturbation.described()
    with pytest.raises(UserError, match="^here: its perturbation, Replay, cannot be made again from the record"):
        perturbation_of({"recipe": {"perturbation": Replay({}).described()}}, "here")


def test_the_amount_is_that_of_the_texts():
    one = rows(1)[0]
    (found,) = readings([one], CODES, WordDropping(), READER, seed=0)
    pair = (Example("0", "de", text, 0) for text in (one["text"], one["adversarial_text"]))
    assert found.changed == changes(*pair)
