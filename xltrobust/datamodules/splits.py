"""The splits of a task: read once, cut down to what the run uses, tokenized, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from xltrobust.datamodules.dataset import Augmentation, TokenizedExamples, View
from xltrobust.datamodules.subsets import representative_subset
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example, Language, language_name
from xltrobust.seeding import global_seed


@dataclass
class Splits:
    """The examples of each split and language, tokenized when they are first asked for.

    Args:
        read: reads one split in one language.
        caps: by split, the most examples of a language; what is there for ``test`` holds for other splits too.
    """

    read: Callable[[str, Language], list[Example]]
    caps: Mapping[str, int | None]
    _found: dict[tuple[str, Language], TokenizedExamples] = field(default_factory=dict)
    _before_cap: dict[str, dict[str, int]] = field(default_factory=dict)

    def get(
        self,
        split: str,
        language: Language,
        tokenization: Tokenization,
        augmentations: Sequence[Augmentation] = (),
        views: Mapping[str, View] = MappingProxyType({}),
        stages: Sequence[int] = (),
    ) -> TokenizedExamples:
        """One split in one language.

        Args:
            split: ``train``, ``dev``, ``test`` or another test split of the task.
            language: the language, or pair of languages.
            tokenization: how texts are tokenized.
            augmentations: see :class:`TokenizedExamples`.
            views: see :class:`TokenizedExamples`.
            stages: see :class:`TokenizedExamples`.
        """
        key = (split, language)
        if key not in self._found:
            examples = self.read(split, language)
            # Training sets differ from seed to seed; all runs are validated and tested on the same examples.
            seed = ("train", global_seed()) if split == "train" else ()
            kept = representative_subset(examples, self.cap(split), *seed)
            if len(kept) < len(examples):
                self._before_cap.setdefault(split, {})[language_name(language)] = len(examples)
            self._found[key] = TokenizedExamples(kept, tokenization, augmentations, views, global_seed(), stages)
        return self._found[key]

    def cap(self, split: str) -> int | None:
        """The most examples of a language in a split."""
        return self.caps.get(split, self.caps["test"])

    def counts(self) -> dict[str, Any]:
        """Examples and truncated texts by split and language, and how many there were where a cap left some out."""
        sizes: dict[str, dict[str, int]] = {}
        truncated: dict[str, dict[str, int]] = {}
        for (split, language), data in self._found.items():
            sizes.setdefault(split, {})[language_name(language)] = len(data)
            if cut := int(data.table.truncated.sum()):
                truncated.setdefault(split, {})[language_name(language)] = cut
        found = {"examples": sizes, "truncated": truncated}
        return found | ({"examples_before_cap": self._before_cap} if self._before_cap else {})
