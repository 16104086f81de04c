"""From texts to token ids, once for every text: a table in memory, and for large sets a file named by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from xltrobust.cache import cached_folder
from xltrobust.encoders.batches import padded_length
from xltrobust.encoders.pretrained import UnreadableModel, reading_model, resolve
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.files import cache_root
from xltrobust.text.languages import language_id

Batch = dict[str, Any]
_BY_TEXT = ("offsets", "truncated", "languages")
_WORTH_A_FILE = 2_000  # texts; fewer are tokenized faster than a file is opened


@lru_cache(maxsize=8)
def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a hub or local model, or of the ``bundled`` one. Remote code is never run.

    Raises:
        UnreadableModel: if it cannot be found, is damaged, or knows special tokens alone.
    """
    with reading_model(name, "a tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(resolve(name), trust_remote_code=False)
        # Without files of a vocabulary an empty one is made up, to which every text is unknown.
        empty = set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens)
    if empty:
        raise UnreadableModel(f"{name}: there is no vocabulary; put the tokenizer's files (tokenizer.json) there too.")
    return tokenizer


@dataclass(frozen=True)
class TokenTable:
    """Token ids of N texts, one after another.

    Args:
        columns: the model's inputs (``input_ids`` and, where the tokenizer has them, ``token_type_ids`` or ``langs``),
            each of shape (total tokens,).
        offsets: where each text starts, and the total, shape (N + 1,).
        truncated: whether a text was cut to the maximum length, shape (N,).
        languages: number of each text's language (see :func:`~xltrobust.text.languages.language_id`), shape (N,).
    """

    columns: dict[str, np.ndarray]
    offsets: np.ndarray
    truncated: np.ndarray
    languages: np.ndarray

    def __len__(self) -> int:
        return len(self.truncated)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, special tokens included, shape (N,)."""
        return np.diff(self.offsets)

    def row(self, index: int) -> dict[str, np.ndarray]:
        """The inputs of one text, and ``language``, shape ()."""
        span = slice(self.offsets[index], self.offsets[index + 1])
        return {name: column[span] for name, column in self.columns.items()} | {"language": self.languages[index]}


class Tokenization:
    """How a data module turns examples into batches.

    Args:
        name: the tokenizer, as :func:`load_tokenizer` takes it.
        max_length: tokens, special tokens included; longer texts are truncated, the longer side of a pair first.
    """

    def __init__(self, name: str, max_length: int) -> None:
        self.name = name
        self.tokenizer = load_tokenizer(name)
        self.max_length = min(max_length, self.tokenizer.model_max_length)

    def table(self, examples: Sequence[Example], *, keep: bool = True) -> TokenTable:
        """Tokenizes examples; a large set only once per content, tokenizer and maximum length, if it is to be kept."""
        if not keep or len(examples) < _WORTH_A_FILE:
            return self._tokenize(examples)

        def make(folder: Path) -> None:
            table = self._tokenize(examples)
            by_text = {name: getattr(table, name) for name in _BY_TEXT}
            np.savez(folder / "table.npz", **by_text, **table.columns)  # type: ignore[arg-type]

        folder = cached_folder(cache_root() / "tokens" / self._key(examples), make)
        with np.load(folder / "table.npz") as stored:
            own = dict(stored)
            return TokenTable(columns=own, **{name: own.pop(name) for name in _BY_TEXT})

    def _key(self, examples: Sequence[Example]) -> str:
        digest = hashlib.sha256(f"2/{self._fingerprint}/{self.max_length}".encode())  # 2: the file's layout
        for example in examples:
            digest.update(repr((example.language, example.text, example.text_pair)).encode("utf8"))
        return digest.hexdigest()[:32]

    @property
    def _fingerprint(self) -> str:
        return _fingerprint(self.name)

    def _tokenize(self, examples: Sequence[Example]) -> TokenTable:
        if not examples:
            none = np.zeros(0, np.int64)
            return TokenTable({"input_ids": np.zeros(0, np.int32)}, np.zeros(1, np.int64), np.zeros(0, bool), none)
        encoded = self._call(examples, truncation=True, max_length=self.max_length)
        ids: list[list[int]] = encoded["input_ids"]
        lengths = np.array([len(row) for row in ids])
        truncated = np.zeros(len(ids), bool)
        full = np.flatnonzero(lengths >= self.max_length)
        if len(full):  # only a text that fills the maximum can have been cut
            untruncated = self._call([examples[i] for i in full.tolist()], truncation=False)["input_ids"]
            truncated[full] = [len(row) > self.max_length for row in untruncated]
        columns = {"input_ids": np.concatenate(ids).astype(np.int32)}
        if "token_type_ids" in encoded:
            columns["token_type_ids"] = np.concatenate(encoded["token_type_ids"]).astype(np.int32)
        if languages := getattr(self.tokenizer, "lang2id", None):
            rows = [self._language_ids(row, example, languages) for row, example in zip(ids, examples, strict=True)]
            columns["langs"] = np.concatenate(rows).astype(np.int32)
        spoken = [(own.language,) if isinstance(own.language, str) else own.language for own in examples]
        languages = np.array([language_id(*own) for own in spoken])
        return TokenTable(columns, np.concatenate([[0], np.cumsum(lengths)]), truncated, languages)

    def _call(self, examples: Sequence[Example], **options: Any) -> Any:
        texts = [example.text for example in examples]
        pairs = None if examples[0].text_pair is None else [example.text_pair for example in examples]
        # verbose: a text over the model's maximum is counted, not complained about.
        return self.tokenizer(texts, pairs, return_attention_mask=False, verbose=False, **options)

    def spans(self, examples: Sequence[Example]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Where the tokens of :meth:`table` come from.

        Returns:
            For each example the side of each token, shape (T,) (0: ``text``, 1: ``text_pair``, -1: special), and where
            it starts and ends in that side's text, in characters, shape (T, 2).

        Raises:
            UserError: if the tokenizer cannot tell.
        """
        if not self.tokenizer.is_fast:
            name = type(self.tokenizer).__name__
            raise UserError(f"{name} does not say which characters a token stands for: rank by deletion, not gradient.")
        encoded = self._call(examples, truncation=True, max_length=self.max_length, return_offsets_mapping=True)
        found = []
        for own in encoded.encodings:
            sides = np.array([-1 if side is None else side for side in own.sequence_ids])
            found.append((sides, np.array(own.offsets).reshape(-1, 2)))
        return found

    def words(self, words: Sequence[str]) -> list[list[int]]:
        """The token ids of each word by itself, without special tokens."""
        return self.tokenizer(list(words), add_special_tokens=False, verbose=False)["input_ids"] if words else []

    def _language_ids(self, ids: list[int], example: Example, known: dict[str, int]) -> list[int]:
        """XLM's language ids, one a token: the first side's up to the first separator."""
        sides = [example.side_language("text"), example.side_language("text_pair")]
        for language in sides:
            if language not in known:
                raise ValueError(
                    f"Language {language!r} is not among the encoder's languages ({', '.join(sorted(known))}): "
                    "leave it out or choose another encoder."
                )
        start = 1 if ids[0] == self.tokenizer.sep_token_id else 0  # XLM's own texts start with a separator
        boundary = (
            ids.index(self.tokenizer.sep_token_id, start) + 1
            if self.tokenizer.sep_token_id in ids[start:]
            else len(ids)
        )
        return [known[sides[0]] if at < boundary else known[sides[1]] for at in range(len(ids))]

    def collate(self, rows: Sequence[dict[str, np.ndarray]], to_grid: bool = False) -> Batch:
        """Tensors of shape (B, T): rows padded to the longest, or to its place on the grid, and masks.

        ``attention_mask`` leaves padding out; ``perturbable`` (boolean) special tokens too. ``language``, shape (B,).
        """
        width = max(len(row["input_ids"]) for row in rows)
        if to_grid:
            width = padded_length(width, self.max_length)
        batch: dict[str, Tensor] = {"language": torch.tensor([int(row["language"]) for row in rows])}
        for name in rows[0].keys() - {"language"}:
            fill = self.tokenizer.pad_token_id if name == "input_ids" else 0
            padded = np.full((len(rows), width), fill, np.int64)
            for row, values in zip(padded, rows, strict=True):
                row[: len(values[name])] = values[name]
            batch[name] = torch.from_numpy(padded)
        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        batch["attention_mask"] = (torch.arange(width) < lengths[:, None]).long()
        batch["perturbable"] = ~torch.isin(batch["input_ids"], self._structural)
        return batch

    @cached_property
    def _structural(self) -> Tensor:
        """Ids of the tokens that are not text. One that is unknown is: it stands for what somebody wrote."""
        tokenizer = self.tokenizer
        return torch.tensor(sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}))


@lru_cache(maxsize=8)
def _fingerprint(name: str) -> str:
    tokenizer = load_tokenizer(name)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    described: Any = sorted(tokenizer.get_vocab().items())
    if backend:
        # Truncation and padding are what the last call left there: they would make the key depend on what ran before.
        described = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    languages = getattr(tokenizer, "lang2id", None)
    parts = (type(tokenizer).__name__, tokenizer.model_input_names, languages, described)
    return hashlib.sha256(repr(parts).encode("utf8")).hexdigest()
