"""What single edits would do, against numbers worked out by hand and against the truth where it is linear."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from perturb.sentences import HARDER, SENTENCES
from perturb.victims import Replacing
from perturb.white_box import TABLE, WhiteBox
from transformers import AutoModelForSequenceClassification

from conftest import LABELS, save_tiny_encoder
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.models.pretrained_classifier import PretrainedClassifier
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb import Edit, GradientSearch, GreedySearch, attack
from xltrobust.perturb.base import FirstOrder, TextGradient
from xltrobust.perturb.engine.answers import Answers
from xltrobust.perturb.engine.first_order import first_order_effects, widened
from xltrobust.perturb.goal import Misclassification
from xltrobust.text.words import normalize, word_parts

ABC = Example("0", "en", "a b c", 0)
GOAL = Misclassification()


def vector(character):
    """(code modulo 7, code modulo 5): different for most characters, and known by hand."""
    return np.array([ord(character) % 7, ord(character) % 5], float)


class Characters:
    """Each character that is not white space is a token; the slope of the n-th token of a text is (n, -1).

    A special token stands before each text, far away, with the slope (100, 100).
    """

    def gradients(self, batch, goal):
        found = []
        for own in batch:
            sides, spans, embeddings, slopes = [], [], [], []
            for side, text in enumerate([own.text, own.text_pair or ""]):
                sides, spans = [*sides, -1], [*spans, (0, 0)]
                embeddings, slopes = [*embeddings, np.array([50.0, 50.0])], [*slopes, (100.0, 100.0)]
                at = [at for at, character in enumerate(text) if not character.isspace()]
                sides += [side] * len(at)
                spans += [(start, start + 1) for start in at]
                embeddings += [vector(text[start]) for start in at]
                slopes += [(float(n), -1.0) for n in range(1, len(at) + 1)]
            found.append(TextGradient(*map(np.array, (sides, spans, embeddings, slopes))))
        return found

    def word_vectors(self, words):
        kept = [[vector(character) for character in word if not character.isspace()] for word in words]
        return np.array([np.mean(own, axis=0) if own else np.zeros(2) for own in kept])


def effect(text, edit, text_pair=None):
    return first_order_effects([FirstOrder(Example("0", "en", text, 0, text_pair), [edit])], Characters(), GOAL)[0][0]


def by_hand(step, slope):
    return np.dot(step, slope) - np.hypot(*step) * np.hypot(*slope)


def test_a_word_is_exchanged_for_another():
    # a, b, c and d are 97 to 100: (6, 2), (0, 3), (1, 4) and (2, 0); "ab" is (3, 2.5), "cd" (1.5, 2), "cb" (0.5, 3.5).
    assert effect("ab cd", Edit(0, 1, "c")) == pytest.approx(by_hand((-2.5, 1), (1 + 2, -2)))
    assert effect("ab cd", Edit(3, 5, "ab")) == pytest.approx(by_hand((1.5, 0.5), (3 + 4, -2)))
    assert effect("ab cd", Edit(0, 2, "ba")) == 0  # the same mean


def test_an_edit_that_touches_two_words_is_one_step_of_both():
    # The mean of all four is (2.25, 2.25); "acd" is (3, 2), and "abxcd" has an x, 120, that is (1, 0).
    assert effect("ab cd", Edit(1, 3, "")) == pytest.approx(by_hand((0.75, -0.25), (10, -4)))
    assert effect("ab cd", Edit(2, 3, "x")) == pytest.approx(by_hand((10 / 5 - 2.25, 9 / 5 - 2.25), (10, -4)))
    assert effect("ab cd", Edit(2, 3, "")) == 0  # the same letters


def test_what_is_put_between_words_is_a_step_from_the_origin_along_the_slopes_of_all():
    # No word is next to the place between the two spaces. All slopes: (1 + 2, -2) and the special tokens' 2 (100, 100).
    assert effect("a  b", Edit(2, 2, "c")) == pytest.approx(by_hand((1, 4), (203, 198)))
    assert effect("", Edit(0, 0, "c")) == pytest.approx(by_hand((1, 4), (200, 200)))
    assert effect("a  b", Edit(1, 1, "c")) == pytest.approx(by_hand((3.5 - 6, 3 - 2), (1, -1)))  # "ac" for "a"


def test_words_of_unspaced_scripts_are_those_of_the_segmenter():
    # 厨, 21416, is (3, 1), 房, 25151, (0, 1), 除, 38500, (0, 0). The edit is next to 关掉 too.
    assert word_parts("关掉厨房的灯") == ((0, 2), (2, 4), (4, 5), (5, 6))
    before = np.mean([vector(character) for character in "关掉厨房"], axis=0)
    after = np.mean([vector(character) for character in "关掉除房"], axis=0)
    expected = by_hand(after - before, (1 + 2 + 3 + 4, -4))
    assert effect("关掉厨房的灯", Edit(2, 3, "除")) == pytest.approx(expected) and after[0] - before[0] == -0.75


def test_right_to_left_text_is_counted_in_the_order_of_its_letters():
    # אב, 1488 and 1489, is (4, 3), (5, 4); גד, 1490 and 1491, (6, 0), (0, 1).
    assert effect("אב גד", Edit(4, 5, "ג")) == pytest.approx(by_hand((6 - 3, 0 - 0.5), (3 + 4, -2)))


def test_the_sides_of_a_pair_are_apart():
    assert effect("ab", Edit(0, 1, "c"), "ab ab") == pytest.approx(by_hand((-2.5, 1), (3, -2)))
    assert effect("ab", Edit(3, 4, "c", "text_pair"), "ab ab") == pytest.approx(by_hand((-2.5, 1), (7, -2)))
    assert effect("ab", Edit(0, 2, "cd"), "ba") == effect("ab", Edit(0, 2, "cd", "text_pair"), "ba")


@pytest.mark.parametrize("language", [*SENTENCES, *HARDER])
def test_edits_are_widened_to_whole_words_and_no_further(language):
    text = (SENTENCES | HARDER)[language]
    edits = [Edit(at, at + length, new) for at in range(len(text)) for length in (0, 1, 3) for new in ("", "x", " ")]
    edits, example = [edit for edit in edits if edit.end <= len(text)], Example("0", language, text, 0)
    for edit in edits:
        side, start, end, word = widened(example, edit)
        assert side == 0 and start <= edit.start and edit.end <= end
        assert word == normalize(text[start : edit.start] + edit.replacement + text[edit.end : end])
        assert not any(first < cut < last for first, last in word_parts(text) for cut in (start, end))
        for at in [*range(start, edit.start), *range(edit.end, end)]:
            assert any(first <= at < last for first, last in word_parts(text))
    (effects,) = first_order_effects([FirstOrder(example, edits)], Characters(), GOAL)
    assert effects.shape == (len(edits),) and (effects <= 1e-9).all() and (effects < -1).any()


@pytest.mark.parametrize("side", ["text", "text_pair"])
@pytest.mark.parametrize("language", SENTENCES)
def test_where_the_margin_is_linear_in_the_letters_the_change_is_foretold_exactly(language, side):
    weights = np.array([0.7, -1.3])

    class Linear(Characters):
        def gradients(self, batch, goal):
            return [replace(own, gradients=0 * own.gradients + weights) for own in super().gradients(batch, goal)]

    text = SENTENCES[language]
    example = replace(Example("0", language, "other words", 0, "other words"), **{side: text})
    edits = [Edit(at, at + 1, "q", side) for at, old in enumerate(text) if old.isalpha()]
    (effects,) = first_order_effects([FirstOrder(example, edits)], Linear(), GOAL)
    for edit, found in zip(edits, effects, strict=True):
        _, start, end, word = widened(example, edit)
        if len(word) == end - start:  # or else normalization changes more than the one letter
            change = vector("q") - vector(text[edit.start])
            most = np.hypot(*change) * np.hypot(*weights)  # the mean changes by less, as its tokens' slopes are more
            assert found == pytest.approx(weights @ change - most, abs=1e-9)


def test_the_slopes_of_a_saved_classifier_are_those_of_finite_differences(tmp_path: Path):
    save_tiny_encoder(tmp_path)
    torch.manual_seed(1)
    names = dict(enumerate(LABELS[::-1]))  # another order than the task's
    AutoModelForSequenceClassification.from_pretrained(tmp_path, id2label=names).save_pretrained(tmp_path)
    tokenization, module = Tokenization(str(tmp_path), 64), PretrainedClassifier(str(tmp_path), LABELS)
    examples = [Example("0", "de", "rot", 2, "grün"), Example("1", "zh", "红色的房子", 0, None)]
    found = [ClassifierVictim(module, tokenization).gradients([own], GOAL)[0] for own in examples]
    module.double()
    for own, gradient in zip(examples, found, strict=True):
        batch = tokenization.collate([tokenization.table([own]).row(0)])

        def margin(embeddings, batch=batch, label=own.label):
            with torch.no_grad():
                rows = module.model(
                    inputs_embeds=torch.tensor(embeddings)[None], attention_mask=batch["attention_mask"]
                )
            logits = rows.logits[0].tolist()[::-1]
            return logits[label] - max(value for at, value in enumerate(logits) if at != label)

        values = gradient.embeddings.astype(float)
        for at in np.ndindex(values.shape):
            step = 1e-5 * (np.arange(values.size) == np.ravel_multi_index(at, values.shape)).reshape(values.shape)
            slope = (margin(values + step) - margin(values - step)) / 2e-5
            assert slope == pytest.approx(gradient.gradients[at], abs=2e-5)


def test_words_beyond_the_maximum_length_change_nothing():
    class Short(Characters):
        def gradients(self, batch, goal):
            kept = [(own, own.spans[:, 1] <= 4) for own in super().gradients(batch, goal)]
            return [TextGradient(*(getattr(own, f.name)[read] for f in fields(own))) for own, read in kept]

    edits = [Edit(0, 1, "c"), Edit(5, 6, "c"), Edit(8, 9, "zzz")]
    (effects,) = first_order_effects([FirstOrder(Example("0", "en", "ab d bb aa", 0), edits)], Short(), GOAL)
    assert effects[0] < 0 and effects[1:].tolist() == [0, 0]


def test_a_gradient_is_asked_for_once_and_only_where_there_are_edits():
    victim, edits = WhiteBox(), [Edit(0, 1, "a2")]
    own, questions = Answers(victim, [], GOAL, None), [FirstOrder(ABC, edits), FirstOrder(replace(ABC, text="a"), [])]
    assert [len(effects) for effects in own.to(questions * 2)] == [1, 0, 1, 0]
    assert victim.differentiated == ["a b c"] and own.asked == 1
    own.to([FirstOrder(replace(ABC, label=1), edits), FirstOrder(ABC, [Edit(2, 3, "b1")])])
    assert victim.differentiated == ["a b c"] * 3


@pytest.mark.parametrize("search", [GradientSearch(), GreedySearch(ranking="gradient")])
def test_a_budget_too_small_for_the_gradient_leaves_nothing_tried(search):
    for budget, queries, backwards in ((1, 1, 0), (2, 1, 0), (3, 2, 1), (4, 3, 1)):
        victim = WhiteBox()
        (result,) = attack([ABC], victim, perturbation=Replacing(TABLE), search=search, budget=budget)
        assert (result.queries, result.backwards) == (queries, backwards)
        assert (result.adversarial is None) is (budget < 4) and len(victim.differentiated) == backwards
