"""Goals of attacks: which of the victim's answers break an example, and how far the others are from it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from xltrobust.arguments import Part
from xltrobust.example import Example


class Goal(Part, ABC):
    """Judges the victim's answers to the original text of an example and to perturbed versions of it.

    The engine and the searches do not know what answers mean: they ask the goal which examples to attack, which texts
    break one, and which of the others come closest. Answers are the victim's, stacked along a first axis of length n:
    shape (n, C) for C logits or probabilities per text, (n, T, C) for C per word of a text. Answers to texts of one
    example must have the same shape, so a victim has to pad where T varies.

    Attributes:
        answer_shape: names of the axes of a single answer; answers with another number of axes are refused.
    """

    answer_shape: tuple[str, ...] = ("classes",)

    @abstractmethod
    def prediction(self, answer: np.ndarray) -> int:
        """The class recorded in results for a single answer, which has no first axis."""

    @abstractmethod
    def to_attack(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Whether to attack an example whose original gets each of these answers, shape (n,), boolean.

        It has to be false for wrong answers and for those that :meth:`broken` accepts: results take every example that
        was attacked to have been answered correctly before.
        """

    @abstractmethod
    def broken(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Whether each answer breaks the example, shape (n,), boolean."""

    @abstractmethod
    def margin(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """How far each answer is from breaking the example, shape (n,); negative only if it does."""

    @abstractmethod
    def slopes(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """The derivative of each margin with respect to its answer, of the shape of ``answers``.

        White-box victims propagate it back to their embeddings, so a goal needs no automatic differentiation.
        """

    @abstractmethod
    def key(self, example: Example) -> object:
        """Identifies what margins depend on besides the answers, by a ``repr`` that is the same in every process.

        Gradients are cached under it, so that attacks with different goals can share a journal.
        """

    def check(self, answers: np.ndarray, count: int) -> None:
        """Refuses answers to ``count`` texts that this goal cannot judge.

        Raises:
            ValueError: saying which shape was expected.
        """
        if answers.ndim != 1 + len(self.answer_shape) or len(answers) != count:
            expected = ", ".join([str(count), *self.answer_shape])
            raise ValueError(f"Expected the victim's answer to have shape ({expected}), but got {answers.shape}.")


class ClassGoal(Goal):
    """A goal for classifiers of whole texts, whose answers are C logits or probabilities, shape (C,).

    Margins are differences of two logits. Unlike the probability of a class, they need no softmax, and still
    distinguish texts for which the classifier is certain.
    """

    def prediction(self, answer: np.ndarray) -> int:
        """The class of the largest logit; of several, the first."""
        return int(answer.argmax())


class Misclassification(ClassGoal):
    """Any class but the label breaks an example: the default, an untargeted attack.

    All examples answered correctly are attacked. The margin is the lead of the label over the best other class.

    >>> example = Example("0", "en", "text", label=0)
    >>> Misclassification().margin(np.array([[3, 1, 2], [0, 1, 2]]), example)
    array([ 1, -2])
    >>> Misclassification().broken(np.array([[3, 1, 2], [0, 1, 2]]), example)
    array([False,  True])
    """

    def to_attack(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """True for correct answers."""
        return answers.argmax(axis=1) == example.label

    def broken(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """True for wrong answers."""
        return answers.argmax(axis=1) != example.label

    def margin(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """The lead of the label over the best other class."""
        return _lead(answers, example.label)

    def slopes(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """1 for the label, -1 for the best other class."""
        return _lead_slopes(answers, example.label)

    def key(self, example: Example) -> object:
        """The label."""
        return example.label


class Targeted(ClassGoal):
    """One given class, the target, breaks an example.

    Examples answered correctly are attacked, as under :class:`Misclassification`, except those whose label is the
    target. The margin is the lead of the best other class over the target.

    Args:
        label: the target, as an index into the task's labels.

    Raises:
        ValueError: if ``label`` is not a whole number from 0 on, or the victim has no such class.

    >>> Targeted(label=2).margin(np.array([[3, 1, 2], [0, 1, 2]]), Example("0", "en", "text", label=0))
    array([ 1, -1])
    """

    def __init__(self, *, label: int) -> None:
        if not isinstance(label, int) or isinstance(label, bool) or label < 0:
            raise ValueError(f"Expected argument `label` to be an index of a class (0, 1, …), but got {label!r}.")
        self.label = label

    def check(self, answers: np.ndarray, count: int) -> None:
        """Refuses answers without the target class, too."""
        super().check(answers, count)
        if self.label >= answers.shape[1]:
            classes = answers.shape[1]
            raise ValueError(
                f"Expected argument `label` to be below the number of classes, {classes}, but got {self.label}."
            )

    def to_attack(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """True for correct answers, unless the label is the target."""
        return (answers.argmax(axis=1) == example.label) & (example.label != self.label)

    def broken(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """True for answers that give the target."""
        return answers.argmax(axis=1) == self.label

    def margin(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """The lead of the best other class over the target."""
        return -_lead(answers, self.label)

    def slopes(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """-1 for the target, 1 for the best other class."""
        return -_lead_slopes(answers, self.label)

    def key(self, example: Example) -> object:
        """The target."""
        return "target", self.label


def _lead(answers: np.ndarray, label: int) -> np.ndarray:
    """How far a class is ahead of the best other one, shape (n,)."""
    return answers[:, label] - np.delete(answers, label, axis=1).max(axis=1)


def _lead_slopes(answers: np.ndarray, label: int) -> np.ndarray:
    """The derivatives of :func:`_lead`, shape (n, C)."""
    others = answers.astype(float)
    others[:, label] = -np.inf
    slopes = np.zeros_like(others)
    slopes[np.arange(len(answers)), others.argmax(axis=1)] = -1.0
    slopes[:, label] = 1.0
    return slopes
