"""A random view of a text: what augmentation trains on, made by the perturbations that attacks use."""

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
    """Changes a text at random.

    With a table of words and no ``rate``, every word independently becomes a uniform draw from itself and its
    replacements: the distribution of RS-DA (Huang et al., 2021) and SAFER (Ye et al., 2020). With a ``rate``, as many
    random edits are made as :class:`~xltrobust.perturb.searches.random_search.RandomSearch` makes at that rate.

    Args:
        perturbation: what proposes the changes.
        rate: edits per word; None draws each word by itself.
        segmentation: what a word is without a ``rate``: by ``space`` it is what ``split(" ")`` gives, looked up as it
            is spelt, so that a capital or a comma makes it another word (as in the public code of RS-DA); by ``words``
            it is what attacks replace, case and punctuation seen to.

    Raises:
        ValueError: if ``rate`` is not in (0, 1], or is None and the perturbation does not replace words.
    """

    perturbation: Perturbation
    rate: float | None = None
    segmentation: Literal["space", "words"] = "space"

    def __post_init__(self) -> None:
        name = type(self.perturbation).__name__
        if self.rate is None and not isinstance(self.perturbation, WordSubstitution):
            raise ValueError(f"Expected argument `rate` to say how many edits {name} makes per word, but got None.")
        if self.rate is not None and not 0 < self.rate <= 1:
            raise ValueError(f"Expected argument `rate` to be a number in (0, 1], but got {self.rate!r}.")
        if self.segmentation not in ("space", "words"):
            raise ValueError(
                f"Expected argument `segmentation` to be 'space' or 'words', but got {self.segmentation!r}."
            )

    def __call__(self, example: Example, rng: random.Random) -> Example:
        """A view of an example; the texts of a pair are drawn independently."""
        if self.rate is not None:
            count = edit_count(example, self.perturbation, self.rate)
            return apply_edits(example, random_edits(example, self.perturbation, (), count, rng))
        assert isinstance(self.perturbation, WordSubstitution)
        by_space = self.segmentation == "space"
        words = _split_words(example, self.perturbation) if by_space else self.perturbation.words(example)
        drawn = (rng.choice([None, *edits]) for edits in words)
        return apply_edits(example, [edit for edit in drawn if edit is not None])


def _split_words(example: Example, perturbation: WordSubstitution) -> list[list[Edit]]:
    """The replacements of each word between single spaces that is in the table just as it is spelt."""
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
