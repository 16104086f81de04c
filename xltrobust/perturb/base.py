"""The parts of an attack: perturbations propose edits, constraints refuse some, searches choose by a victim's answers.

The decomposition is TextAttack's (Morris et al., 2020), but here a search is a generator of questions, so that the
engine (:mod:`xltrobust.perturb.engine.attack`) can put the questions about many examples into one batch.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from xltrobust.arguments import Part
from xltrobust.errors import UserError
from xltrobust.example import Example, Language, Side, language_name
from xltrobust.perturb.edits import _SIDES, Edit
from xltrobust.perturb.goal import Goal


class Victim(Protocol):
    """Anything that answers N examples with logits or probabilities, one answer per example along the first axis.

    The goal determines the shape of an answer (:attr:`~xltrobust.perturb.goal.Goal.answer_shape`); goals for
    classifiers of whole texts need (N, C) for C classes.
    """

    def __call__(self, examples: Sequence[Example], /) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class TextGradient:
    """The gradient of an example's margin with respect to the embeddings of its T tokens, of both sides together.

    Args:
        sides: the side of each token, shape (T,): 0 for ``text``, 1 for ``text_pair``, -1 for special tokens.
        spans: start and end of each token in the text of its side, in characters, shape (T, 2).
        embeddings: the tokens' embeddings, shape (T, H).
        gradients: those of the goal's margin (:meth:`~xltrobust.perturb.goal.Goal.margin`), shape (T, H).
    """

    sides: np.ndarray
    spans: np.ndarray
    embeddings: np.ndarray
    gradients: np.ndarray


class WhiteBoxVictim(Victim, Protocol):
    """A victim that gives gradients as well as answers."""

    def gradients(self, examples: Sequence[Example], goal: Goal, /) -> list[TextGradient]:
        """One gradient per example, of the goal's margin. Each costs a forward and a backward pass."""

    def word_vectors(self, words: Sequence[str], /) -> np.ndarray:
        """The mean of each word's subword embeddings, shape (N, H); zero for a word of no subwords."""


class Perturbation(Part, ABC):
    """Proposes small changes to a text, without asking any model. All its randomness comes from ``rng``.

    Attributes:
        sides: the texts of a pair that it may change.
        lacking: why it cannot change some languages, as messages say it: the language has no "letter case".
        instead: the class that messages recommend for those languages.
        invisible: whether its edits are meant not to be seen. Texts that look the same then count as different ones.
    """

    sides: tuple[Side, ...] = ("text", "text_pair")
    lacking: str = "text that it could change"
    instead: str = "TypoPerturbation"
    invisible: bool = False

    @abstractmethod
    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        """All single edits that it proposes, each of which changes the text; empty if there are none."""

    def sample(self, example: Example, rng: random.Random) -> Edit | None:
        """One random edit, or None if there is none. Override it where listing all candidates is slow."""
        candidates = self.candidates(example, rng)
        return rng.choice(candidates) if candidates else None

    def supports(self, language: str) -> bool:
        """Whether it can change texts in this language. If not, ``candidates`` proposes nothing for them."""
        return True

    def caveat(self, languages: Sequence[str]) -> str:
        """A sentence on those of the languages that it changes in another way than the rest; empty if there are none.

        It is printed when an attack starts, and repeated in reports.
        """
        return ""

    def changes(self, language: Language) -> bool:
        """Whether it can change examples in a language; of a pair of languages, one it may change is enough."""
        if isinstance(language, str):
            return self.supports(language)
        return any(self.supports(code) for side, code in zip(_SIDES, language, strict=True) if side in self.sides)

    def require(self, language: Language) -> None:
        """Refuse a language that it cannot change.

        Raises:
            UserError: saying why the language cannot be changed, and which perturbation to use instead.
        """
        if not self.changes(language):
            kind, name = type(self).__name__, language_name(language)
            raise UserError(f"{kind} cannot change {name}: it has no {self.lacking}; use {self.instead} instead.")


class Constraint(Part, ABC):
    """Refuses sets of edits, given the original example and all the edits to make to it.

    Searches build sets of edits one edit at a time, so if a set is allowed, its subsets should be allowed too. The
    engine counts refusals. Constraints are asked in order until one refuses; only that one's count goes up.
    """

    @abstractmethod
    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        """Whether the example may be changed by all these edits together."""


class BatchedConstraint(Part, ABC):
    """A constraint that is slow for one text and fast for many, such as one that runs a model.

    It is asked after all other constraints, about the texts of many examples together.
    """

    @property
    @abstractmethod
    def key(self) -> str:
        """Identifies everything that its judgements depend on besides the texts; they are cached under it."""

    def prepare(self) -> None:  # noqa: B027  most have nothing to load
        """Loads what it needs to judge, such as a model. Called before an attack, so that it fails early if at all.

        Raises:
            UserError: if something is missing.
        """

    @abstractmethod
    def judge(self, pairs: Sequence[tuple[Example, Example]]) -> np.ndarray:
        """Whether each of N pairs (original, perturbed) is allowed, shape (N,), boolean."""


@dataclass(frozen=True, slots=True)
class AttackResult:
    """The outcome of an attack on one example.

    Args:
        example: the original.
        adversarial: the text that broke it or, if none did, the one that came closest (random search: the last one).
            None if nothing was tried: the goal leaves the example alone, because it was misclassified to begin with for
            instance, or there was nothing to change.
        prediction: the victim's class for ``adversarial``, or for the original if that is None.
        broken: whether that answer breaks the example. Under the default goal this holds for an example that was
            misclassified to begin with, too.
        queries: forward passes: one for each text asked about, the original included, and one for each gradient.
        backwards: backward passes: one for each gradient.
        broken_at: the smallest budget (queries and backwards) that would have broken it; None if it was not broken.
        refused: how many sets of edits each constraint refused.
        broken_by: of several attacks that were tried one after the other, the name of the one that broke the example.
    """

    example: Example
    adversarial: Example | None
    prediction: int
    queries: int
    broken: bool = field(kw_only=True)
    backwards: int = 0
    broken_at: int | None = None
    refused: tuple[int, ...] = ()
    broken_by: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Asks which of n perturbed examples the batched constraints allow. Answered by n booleans, whatever the budget."""

    original: Example
    perturbed: list[Example]


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """Asks how much each of n single edits would change the margin, to first order, from one gradient.

    Answered by :func:`~xltrobust.perturb.engine.first_order.first_order_effects`, shape (n,), the lower the better for
    the attack; shape (0,) if the budget is spent.
    """

    example: Example
    edits: list[Edit]


Question: TypeAlias = list[Example] | Allowed | FirstOrder
Outcome: TypeAlias = tuple[Example, np.ndarray] | None


class Search(Part, ABC):
    """Looks for edits that break an example, as its goal has it."""

    @abstractmethod
    def run(
        self,
        example: Example,
        perturbation: Perturbation,
        constraints: Sequence[Constraint],
        goal: Goal,
        rng: random.Random,
    ) -> Generator[Question, np.ndarray, Outcome]:
        """Yields questions, is sent answers, returns the adversarial text and the victim's answer to it.

        A question is a list of n examples, answered by the victim's n answers, (n, C) for a classifier; or
        :class:`Allowed` or :class:`FirstOrder`. The engine has asked about the original already, and runs a search only
        on examples that the goal wants attacked.

        Each ``yield`` is one round. Ask together whatever does not depend on the answers of the same round, so that the
        engine can batch it. An answer shorter than its question means that the budget is spent: return the best text
        found so far.

        Return None if nothing was tried. If the text returned breaks the example, the last list of examples that was
        asked about must hold it, and hold no text that may not count as a success: ``broken_at`` is read off that list.
        """
