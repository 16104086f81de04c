"""TextAttack's side of ``attack_speed.py``, run by the interpreter of TextAttack's environment.

    python benchmarks/textattack_peer.py VICTIM --synonyms FILE --threads N

VICTIM is the directory that the driver writes: the encoder's files, ``tokenizer.json``, ``head.safetensors`` and
``victim.json``. Each request is a line of JSON on standard input, and its answer a line on standard output. So loading
is done once, and this process sleeps while the other side is timed.

The attack is TextAttack's code: untargeted greedy search, with words ranked by deletion and cached answers. The
synonyms, the restoring of their case and the limits are those of the other side: a word is changed at most once, and at
most a share of the words (rounded down, but at least one). The remaining differences:

- TextAttack's words may contain digits, hyphens and apostrophes, so two parts of a word ("well-known") are not both
  changed.
- It ranks all words, not only those that can be changed, so it asks about more texts.
- It minimises the probability of the true class, not the margin, so it may pass over a text that is misclassified.
- Its cache is emptied after every example.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Any

os.environ |= {"TA_DEVICE": "cpu", "HF_HUB_OFFLINE": "1"}
warnings.filterwarnings("ignore")
# What libraries print must not mix with the answers.
_ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf8")
os.dup2(2, 1)
_LETTERS = re.compile(r"[^\W\d_]+")

import textattack  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult  # noqa: E402
from textattack.constraints.overlap import MaxWordsPerturbed  # noqa: E402
from textattack.constraints.pre_transformation import RepeatModification  # noqa: E402
from textattack.goal_functions import UntargetedClassification  # noqa: E402
from textattack.models.wrappers import HuggingFaceModelWrapper  # noqa: E402
from textattack.search_methods import GreedyWordSwapWIR  # noqa: E402
from textattack.transformations import WordSwap  # noqa: E402
from transformers.modeling_outputs import SequenceClassifierOutput  # noqa: E402


class Classifier(transformers.PreTrainedModel):
    """The encoder with its head (dense, tanh, out), on the first token's vector or the mean over all but padding.

    Attributes:
        answered: the number of texts that it was asked about.
    """

    _supports_sdpa = True  # so that the encoder takes its fastest attention; the head has none

    def __init__(self, encoder: transformers.PreTrainedModel, head: dict[str, torch.Tensor], pooling: str) -> None:
        super().__init__(encoder.config)
        self.encoder, self.pooling, self.answered = encoder, pooling, 0
        for name in ("dense", "out"):
            weight = head[f"{name}.weight"]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": weight, "bias": head[f"{name}.bias"]})
            setattr(self, name, layer)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **inputs: torch.Tensor) -> Any:
        self.answered += len(input_ids)
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **inputs).last_hidden_state
        if self.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
        return SequenceClassifierOutput(logits=self.out(torch.tanh(self.dense(pooled))))


class DynamicPadding(HuggingFaceModelWrapper):
    """The wrapper that a careful user would write: it pads a batch to its longest text."""

    longest = 512

    def __call__(self, text_input_list: list[str]) -> torch.Tensor:
        inputs = self.tokenizer(
            text_input_list, padding=True, truncation=True, max_length=self.longest, return_tensors="pt"
        )
        with torch.no_grad():
            return self.model(**inputs).logits


class TableSwap(WordSwap):
    """Replaces a word by its synonyms in a table, in the word's case.

    Args:
        table: lower-cased words and their synonyms.
    """

    def __init__(self, table: dict[str, list[str]]) -> None:
        super().__init__()
        self.table = table

    def _get_replacement_words(self, word: str) -> list[str]:
        """The synonyms of the whole word, or else of its parts between hyphens."""
        if whole := self._synonyms(word):
            return whole
        parts = word.split("-")
        return [
            "-".join([*parts[:at], synonym, *parts[at + 1 :]])
            for at, part in enumerate(parts)
            for synonym in self._synonyms(part)
        ]

    def _synonyms(self, word: str) -> list[str]:
        return [in_case_of(word, synonym) for synonym in self.table.get(word.lower(), [])]


class ShareOfWords(MaxWordsPerturbed):
    """At most a share of the words, rounded down instead of up, but at least one; words are runs of letters."""

    def _check_constraint(self, transformed_text: Any, reference_text: Any) -> bool:
        changed = len(transformed_text.all_words_diff(reference_text))
        return changed <= max(1, self.max_percent * len(_LETTERS.findall(reference_text.text)) + 1e-9)


def in_case_of(word: str, replacement: str) -> str:
    """The replacement in the case of the word: all capitals or an initial one; its own capitals are kept."""
    letters = [letter for letter in word if letter.isupper() or letter.islower()]
    if not letters or letters[0].islower():
        return replacement
    if len(letters) > 1 and all(letter.isupper() for letter in letters):
        return replacement.upper()
    if any(letter.isupper() for letter in [*letters[1:], *replacement]):
        return replacement
    return replacement[0].upper() + replacement[1:]


class Peer:
    """Answers requests.

    Args:
        directory: the directory that the driver wrote.
        synonyms: the synonym table, a JSON file.
    """

    def __init__(self, directory: Path, synonyms: Path) -> None:
        options = json.loads((directory / "victim.json").read_text(encoding="utf8"))
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(directory / "tokenizer.json"), **options["tokenizer"]
        )
        encoder_class = getattr(transformers, transformers.AutoConfig.from_pretrained(directory).architectures[0])
        has_pooler = "add_pooling_layer" in inspect.signature(encoder_class.__init__).parameters
        encoder = encoder_class.from_pretrained(directory, **({"add_pooling_layer": False} if has_pooler else {}))
        head = load_file(directory / "head.safetensors")
        self.model = Classifier(encoder.float(), head, options["pooling"]).eval()
        self.wrappers = {
            "as it comes": HuggingFaceModelWrapper(self.model, tokenizer),
            "dynamic": DynamicPadding(self.model, tokenizer),
        }
        self.wrappers["dynamic"].longest = options["max_length"]
        table = json.loads(synonyms.read_text(encoding="utf8"))
        self.attacks = {
            name: textattack.Attack(
                UntargetedClassification(wrapper, use_cache=True),
                [RepeatModification(), ShareOfWords(max_percent=options["share"])],
                TableSwap(table),
                GreedyWordSwapWIR(wir_method="delete"),
            )
            for name, wrapper in self.wrappers.items()
        }

    def logits(self, texts: list[str]) -> dict[str, Any]:
        """The victim's logits, one text at a time."""
        return {"logits": [self.wrappers["dynamic"]([text])[0].tolist() for text in texts]}

    def attack(self, wrapper: str, examples: list[tuple[str, int]]) -> dict[str, Any]:
        """Attacks examples one after another.

        Returns:
            The seconds that it took; the number of texts that the model was asked about; and for each example whether
            it was misclassified to begin with, whether it was broken, and TextAttack's count of its queries.
        """
        attack = self.attacks[wrapper]
        attack.clear_cache()
        before, start = self.model.answered, time.perf_counter()
        results = [attack.attack(text, label) for text, label in examples]
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "texts": self.model.answered - before,
            "skipped": [isinstance(result, SkippedAttackResult) for result in results],
            "broken": [isinstance(result, SuccessfulAttackResult) for result in results],
            "queries": [result.num_queries for result in results],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("victim", type=Path)
    parser.add_argument("--synonyms", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    transformers.logging.set_verbosity_error()
    peer = Peer(given.victim, given.synonyms)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(peer, request.pop("do"))(**request)), file=_ANSWERS, flush=True)


if __name__ == "__main__":
    main()
