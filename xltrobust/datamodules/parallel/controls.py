"""Controls: what a method trains on when the alignment that it is to learn from is taken away."""

from __future__ import annotations

from typing import Literal

Control = Literal["shuffled_pairs", "shuffled_lexicon", "source_views"]
ControlKind = Literal["neutral", "harm bound"]

# A neutral control teaches nothing about translation, and nothing false: a gain over it is due to the translations.
# A harm bound teaches false translations: a gain over it is help plus the harm that these do.
CONTROL_KINDS: dict[Control, ControlKind] = {
    "shuffled_pairs": "harm bound",
    "shuffled_lexicon": "harm bound",
    "source_views": "neutral",
}
