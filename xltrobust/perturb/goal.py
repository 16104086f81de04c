"""What an attack is after: when an answer counts as broken, and how far an answer is from that."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from xltrobust.arguments import Part
from xltrobust.example import Example


class Goal(Part, ABC):
    """Judges the victim's answers to the original text of an example and to perturbed versions of it.

    The engine and the searches know no classes: they ask the goal which examples to attack, which texts broke one, and
    which of the others came closest. Answers come as the victim gave them, stacked along a first axis: of shape
    (n, C) where an answer is one row of C logits or probabilities, (n, T, C) where it is one row for each of T words.

    Attributes:
        answer_shape: what the axes of a single answer are; a victim's answer with another number of axes is refused.
    """

    answer_shape: tuple[str, ...] = ("classes",)

    @abstractmethod
    def prediction(self, answer: np.ndarray) -> int:
        """What results record of a single answer (no first axis): the class given."""

    @abstractmethod
    def to_attack(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Whether an example is attacked if its original is answered so, shape (n,), boolean.

        No answer that is wrong, and none that :meth:`broken` accepts, is worth an attack: accuracy under attack counts
        every example that was attacked as one that was right before.
        """

    @abstractmethod
    def broken(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Whether each answer is one that the attack is after, shape (n,), boolean."""

    @abstractmethod
    def margin(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """How far each answer is from broken, shape (n,): the smaller, the closer, and below zero only if it is."""

    @abstractmethod
    def slopes(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """The derivative of each margin with respect to its answer, of the shape of ``answers``.

        A white-box victim propagates it back to its embeddings; so goals need no automatic differentiation.
        """

    @abstractmethod
    def key(self, example: Example) -> object:
        """What margins depend on besides the answers, with a ``repr`` that is the same in every process.

        Gradients are remembered under it: a journal may serve attacks with other goals.
        """

    def check(self, answers: np.ndarray, count: int) -> None:
        """Refuses what cannot be the victim's answers to ``count`` texts.

        Raises:
            ValueError: saying which shape was expected.
        """
        if answers.ndim != 1 + len(self.answer_shape) or len(answers) != count:
            expected = ", ".join([str(count), *self.answer_shape])
            raise ValueError(f"Expected the victim's answer to have shape ({expected}), but got {answers.shape}.")


class ClassGoal(Goal):
    """A goal for classifiers of whole texts: an answer is (C,) logits or probabilities, and gives the largest's class.

    Margins are differences of logits (or probabilities). Unlike a probability alone, a difference of logits needs no
    softmax, and still tells texts apart that are answered with certainty.
    """

    def prediction(self, answer: np.ndarray) -> int:
        """The class of the largest logit; of several, the first."""
        return int(answer.argmax())


class Misclassification(ClassGoal):
    """Any class but the label: untargeted attacks, the default. All examples answered correctly are attacked.

    The margin is the label's lead over the best other class.

    >>> example = Example("0", "en", "text", label=0)
    >>> Misclassification().margin(np.array([[3, 1, 2], [0, 1, 2]]), example)
    array([ 1, -2])
    >>> Misclassification().broken(np.array([[3, 1, 2], [0, 1, 2]]), example)
    array([False,  True])
    """

    def to_attack(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Those that are right."""
        return answers.argmax(axis=1) == example.label

    def broken(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Those that are wrong."""
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
    """One class, whatever the label.

    Attacked are the examples that other attacks would attack too, those answered correctly, but for those whose label
    is the target: they have nowhere to go. The margin is the lead of the best other class over the target.

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
        """Refuses answers that lack the target, too."""
        super().check(answers, count)
        if self.label >= answers.shape[1]:
            classes = answers.shape[1]
            raise ValueError(
                f"Expected argument `label` to be below the number of classes, {classes}, but got {self.label}."
            )

    def to_attack(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Those that are right, unless that is what the target is."""
        return (answers.argmax(axis=1) == example.label) & (example.label != self.label)

    def broken(self, answers: np.ndarray, example: Example) -> np.ndarray:
        """Those that give the target."""
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
