"""A search that kills the process with SIGKILL after ``KILL_AFTER`` questions."""

from __future__ import annotations

import os
import signal

from xltrobust.perturb import GreedySearch


class KillingSearch(GreedySearch):
    """Greedy search, which without ``KILL_AFTER`` never kills."""

    asked = 0

    def __init__(self) -> None:
        super().__init__(candidates_per_word=3)

    def run(self, example, perturbation, constraints, goal, rng):
        search = super().run(example, perturbation, constraints, goal, rng)
        answer = None
        while True:
            try:
                question = search.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = yield question
            KillingSearch.asked += 1
            if KillingSearch.asked == int(os.environ.get("KILL_AFTER", 0)):
                os.kill(os.getpid(), signal.SIGKILL)
