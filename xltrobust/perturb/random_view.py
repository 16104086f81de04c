"""Random views of a text for augmentation, made by the perturbations that attacks use."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from xltrobust.example import Example
from xltrobust.perturb.base import Perturbation
from xltrobust.perturb.draws import edit_count, random_edits
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.perturbations.substitution import WordSubstitution


@dataclass(frozen=True, kw_only=True)
class RandomView:
    """Perturbs a text at random.

    Without a ``rate``, every word is replaced independently by a uniform draw from itself and its replacements in a
    table: the distribution of RS-DA (Huang et al., 2021) and SAFER (Ye et al., 2020). With a ``rate``, it makes as many
    random edits as :class:`~xltrobust.perturb.searches.random_search.RandomSearch` at that rate. With
    ``words_changed``, the rate is the one at which that share of words changes in the training examples; it is found
    when training starts (:func:`~xltrobust.perturb.matching_rate.with_rate`).

    Args:
        perturbation: proposes the edits; without a ``rate`` it has to replace words by a table.
        rate: edits per word; None draws each word independently.
        words_changed: the share of words to change, in place of a ``rate``; for regularizers that train on views.
        segmentation: what a word is if there is no ``rate``. ``space``: what ``split(" ")`` gives, looked up exactly as
            written, so that "Good" or "good," is not found under "good" (as in the public code of RS-DA). ``words``:
            the words that attacks replace, without punctuation and whatever their case.

    Raises:
        ValueError: if ``rate`` is not in (0, 1], or is None and the perturbation does not replace words; if
            ``words_changed`` is not in (0, 1), or is given beside a ``rate``; if a view is asked for before the rate
            for ``words_changed`` has been found.
    """

    perturbation: Perturbation
    rate: float | None = None
    words_changed: float | None = None
    segmentation: Literal["space", "words"] = "space"

    def __post_init__(self) -> None:
        name = type(self.perturbation).__name__
        if self.words_changed is not None:
            if not 0 < self.words_changed < 1:
                raise ValueError(
                    f"Expected argument `words_changed` to be a number in (0, 1), but got {self.words_changed!r}."
                )
            if self.rate is not None:
                raise ValueError(f"Expected argument `rate` to be None beside `words_changed`, but got {self.rate!r}.")
        elif self.rate is None and not isinstance(self.perturbation, WordSubstitution):
            raise ValueError(f"Expected argument `rate` to say how many edits {name} makes per word, but got None.")
        if self.rate is not None and not 0 < self.rate <= 1:
            raise ValueError(f"Expected argument `rate` to be a number in (0, 1], but got {self.rate!r}.")
        if self.segmentation not in ("space", "words"):
            raise ValueError(
                f"Expected argument `segmentation` to be 'space' or 'words', but got {self.segmentation!r}."
            )

    def __call__(self, example: Example, rng: random.Random) -> Example:
        """A random view of an example; the two texts of a pair are perturbed independently."""
        return apply_edits(example, self.edits(example, rng))

    def edits(self, example: Example, rng: random.Random) -> list[Edit]:
        """The edits that make the view."""
        if self.rate is not None:
            count = edit_count(example, self.perturbation, self.rate)
            return random_edits(example, self.perturbation, (), count, rng)
        if self.words_changed is not None:
            raise ValueError("Expected a `rate`: the one for `words_changed` is found when a training starts.")
        assert isinstance(self.perturbation, WordSubstitution)
        by_space = self.segmentation == "space"
        words = _split_words(example, self.perturbation) if by_space else self.perturbation.words(example)
        drawn = (rng.choice([None, *edits]) for edits in words)
        return [edit for edit in drawn if edit is not None]


def _split_words(example: Example, perturbation: WordSubstitution) -> list[list[Edit]]:
    """The replacements of each word, as ``split(" ")`` gives them, that is in the table exactly as written."""
    found: list[list[Edit]] = []
    for side in perturbation.sides:
        text, language = getattr(example, side), example.side_language(side)
        if not text or not perturbation.supports(language):
            continue
        start = 0
        for word in text.split(" "):
            end = start + len(word)
            if others := perturbation.listed(word, language):
                found.append([Edit(start, end, other, side) for other in others])
            start = end + 1
    return found
