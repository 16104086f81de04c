from __future__ import annotations

import pytest

from xltrobust.datamodules.tasks.label_aliases import label_aliases
from xltrobust.errors import DataError


def test_classes_that_differ_in_case_alone_are_not_matched_by_case() -> None:
    assert label_aliases(["POS", "pos"], ["POS", "pos"], "f.tsv") == {}
    with pytest.raises(DataError, match="f.tsv: label 'Pos' is none of"):
        label_aliases(["Pos"], ["POS", "pos"], "f.tsv")


def test_numbers_need_an_order_unless_the_classes_are_numbers_too() -> None:
    assert label_aliases(["1"], ["LABEL_0", "LABEL_1"], "f.tsv") == {"1": "LABEL_1"}
    assert label_aliases(["1"], ["no", "yes"], "f.tsv", numbered=True) == {"1": "yes"}
    with pytest.raises(DataError, match=r"labels are numbers \(1\)"):
        label_aliases(["1"], ["no", "yes"], "f.tsv")
    with pytest.raises(DataError, match="label '2' is none of"):
        label_aliases(["2"], ["no", "yes"], "f.tsv", numbered=True)
