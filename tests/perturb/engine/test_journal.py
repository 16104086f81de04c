import numpy as np
import pytest
from perturb.victims import Replacing
from perturb.white_box import TABLE, WhiteBox, examples

from xltrobust.example import Example
from xltrobust.perturb import BatchedConstraint, BeamSearch, GradientSearch, GreedySearch, RandomSearch, attack
from xltrobust.perturb.engine.journal import Journal, answer_key, victim_folder


def test_a_torn_record_is_cut_off_and_the_whole_ones_kept(tmp_path):
    journal = Journal(tmp_path)
    answers = [(answer_key(n), np.array([n / 3, -1e300, np.pi])) for n in range(3)]
    journal.add(answers)
    journal.close()
    whole = (tmp_path / "0.answers").read_bytes()
    record = len(whole) // 3
    for cut in range(2 * record, 3 * record):
        (tmp_path / "0.answers").write_bytes(whole[:cut])
        journal = Journal(tmp_path)
        assert len(journal) == 2 and answers[2][0] not in journal
        for key, values in answers[:2]:
            np.testing.assert_array_equal(journal.get(key), values)  # to the last bit
        journal.add(answers[2:])
        journal.close()
        assert (tmp_path / "0.answers").read_bytes() == whole


def test_processes_read_each_others_files_and_write_their_own(tmp_path):
    for rank in "01":
        journal = Journal(tmp_path, rank)
        journal.add([(answer_key(rank), np.array([float(rank)]))])
        journal.close()
    assert {float(Journal(tmp_path, "2").get(answer_key(rank))[0]) for rank in "01"} == {0.0, 1.0}


def test_a_victim_is_known_by_content_and_settings_and_not_by_path(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"weights")
    first = victim_folder(tmp_path, tmp_path / "a", 64, "32-true")
    assert first == victim_folder(tmp_path, tmp_path / "b", 64, "32-true")
    assert first != victim_folder(tmp_path, tmp_path / "a", 128, "32-true")
    (tmp_path / "b").write_bytes(b"others")
    assert first != victim_folder(tmp_path, tmp_path / "b", 64, "32-true")


class Odd(BatchedConstraint):
    """Allows texts of an odd hash; counts what it is asked."""

    key = "odd"

    def __init__(self):
        self.judged = []

    def judge(self, pairs):
        self.judged += [new.text for _, new in pairs]
        return np.array([sum(map(ord, new.text)) % 3 != 0 for _, new in pairs])


class Killed(Exception):
    pass


class Mortal(WhiteBox):
    """Dies when it has been called so often."""

    calls = 1_000_000

    def _called(self):
        self.calls -= 1
        if self.calls < 0:
            raise Killed

    def __call__(self, batch):
        self._called()
        return super().__call__(batch)

    def gradients(self, batch, goal):
        self._called()
        return super().gradients(batch, goal)


@pytest.mark.parametrize(
    "search",
    [GreedySearch(), GreedySearch(ranking="gradient"), GradientSearch(candidates_per_word=2), BeamSearch(width=2),
     RandomSearch(draws=4, rate=0.5)],
    ids=lambda search: f"{type(search).__name__}-{getattr(search, 'ranking', '')}",
)  # fmt: skip
@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_after_a_kill_nothing_is_asked_twice(tmp_path, search, calls):
    options = {"perturbation": Replacing(TABLE), "search": search, "in_flight": 3}
    whole, judge = Mortal(), Odd()
    expected = attack(examples(), whole, constraints=[judge], **options)
    sessions = []
    for limit in (calls, 1_000_000):
        victim, own = Mortal(), Odd()
        victim.calls = limit
        journal = Journal(tmp_path)
        try:
            results = attack(examples(), victim, constraints=[own], journal=journal, **options)
        except Killed:
            results = None
        journal.close()
        sessions.append((victim, own))
    assert results == expected
    assert sorted(text for victim, _ in sessions for text in victim.texts) == sorted(whole.texts)
    assert sorted(text for victim, _ in sessions for text in victim.differentiated) == sorted(whole.differentiated)
    assert sorted(text for _, own in sessions for text in own.judged) == sorted(judge.judged)
    again = Mortal()
    again.calls = 0
    assert attack(examples(), again, constraints=[Odd()], journal=Journal(tmp_path), **options) == expected


def test_another_label_is_another_gradient(tmp_path):
    first, second = (Example("0", "en", "a b c", label) for label in (0, 1))
    victim = WhiteBox()
    for example in (first, second):
        attack([example], victim, perturbation=Replacing(TABLE), search=GradientSearch(), journal=Journal(tmp_path))
    assert victim.differentiated == ["a b c"]  # the second is wrong to begin with
