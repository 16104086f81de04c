"""Passes that share a dropout mask drop the same."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from xltrobust.models.dropout import DropoutMask


def test_what_is_replayed_draws_the_same_and_leaves_no_trace() -> None:
    torch.manual_seed(0)
    mask, ones = DropoutMask(torch.device("cpu")), torch.ones(100)
    first = F.dropout(ones)
    with mask.replayed():
        assert torch.equal(F.dropout(ones), first)
        assert not torch.equal(F.dropout(ones), first)  # the next one
    second = F.dropout(ones)
    torch.manual_seed(0)
    assert torch.equal(F.dropout(ones), first) and torch.equal(F.dropout(ones), second)
