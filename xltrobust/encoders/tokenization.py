"""Tokenizes every text once, into a table in memory and, for large sets, a file named by a hash of the input."""

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
from xltrobust.encoders import cnn_model as cnn_model  # makes its type known to transformers
from xltrobust.encoders.batches import padded_length
from xltrobust.encoders.normalizing import Normalization, normalizing
from xltrobust.encoders.pretrained import BUNDLED_CNN, UnreadableModel, reading_model, resolve
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.files import cache_root
from xltrobust.text.languages import language_id

Batch = dict[str, Any]
_BY_TEXT = ("offsets", "truncated", "languages")
_WORTH_A_FILE = 2_000  # texts; tokenizing fewer takes less time than opening a file


@lru_cache(maxsize=8)
def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a hub model, a local model, ``bundled`` or ``bundled-cnn``. Remote code is never run.

    Raises:
        UnreadableModel: if it cannot be found, is damaged, or has no vocabulary but special tokens.
    """
    with reading_model(name, "a tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(resolve(name), trust_remote_code=False)
        # If the vocabulary's files are missing, transformers makes an empty one, to which every token is unknown.
        empty = set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens)
    if empty:
        raise UnreadableModel(f"{name}: there is no vocabulary; put the tokenizer's files (tokenizer.json) there too.")
    return tokenizer


@dataclass(frozen=True)
class TokenTable:
    """Token ids of N texts, concatenated.

    Args:
        columns: the model's inputs (``input_ids`` and, where the tokenizer has them, ``token_type_ids`` or ``langs``),
            each of shape (total tokens,).
        offsets: where each text starts, and the total number of tokens, shape (N + 1,).
        truncated: whether each text was cut to the maximum length, shape (N,).
        languages: each text's :func:`~xltrobust.text.languages.language_id`, shape (N,).
    """

    columns: dict[str, np.ndarray]
    offsets: np.ndarray
    truncated: np.ndarray
    languages: np.ndarray

    def __len__(self) -> int:
        return len(self.truncated)

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text, special tokens included, shape (N,)."""
        return np.diff(self.offsets)

    def row(self, index: int) -> dict[str, np.ndarray]:
        """The inputs of one text, and ``language``, shape ()."""
        span = slice(self.offsets[index], self.offsets[index + 1])
        return {name: column[span] for name, column in self.columns.items()} | {"language": self.languages[index]}


class Tokenization:
    """Turns examples into token ids, and token ids into batches.

    Args:
        name: the tokenizer, as for :func:`load_tokenizer`.
        max_length: in tokens, special tokens included; longer texts are truncated, the longer side of a pair first.
        normalize: what is done to texts first, as for :func:`~xltrobust.encoders.normalizing.normalizing`.
    """

    def __init__(self, name: str, max_length: int, normalize: Normalization = "none") -> None:
        self.name, self.normalize = name, normalize
        self.tokenizer = _normalizing(name, normalize)
        self.max_length = min(max_length, self.tokenizer.model_max_length)

    def table(self, examples: Sequence[Example], *, keep: bool = True) -> TokenTable:
        """Tokenizes examples.

        With ``keep``, a large set is cached on disk, by its content, the tokenizer and the maximum length.
        """
        if not keep or len(examples) < _WORTH_A_FILE:
            return self._tokenize(examples)

        def make(folder: Path) -> None:
            table = self._tokenize(examples)
            by_text = {name: getattr(table, name) for name in _BY_TEXT}
            np.savez(folder / "table.npz", **by_text, **table.columns)  # type: ignore[arg-type]

        folder = cached_folder(cache_root() / "tokens" / self.key(examples), make)
        with np.load(folder / "table.npz") as stored:
            arrays = dict(stored)
            by_text = {name: arrays.pop(name) for name in _BY_TEXT}
            return TokenTable(columns=arrays, **by_text)

    def key(self, examples: Sequence[Example]) -> str:
        """A hash of everything that the examples' tokens depend on."""
        digest = hashlib.sha256(f"2/{self.fingerprint}/{self.max_length}".encode())  # 2: the file's layout
        for example in examples:
            digest.update(repr((example.language, example.text, example.text_pair)).encode("utf8"))
        return digest.hexdigest()[:32]

    @property
    def fingerprint(self) -> str:
        """A hash of all that the token ids of a text depend on, besides the maximum length."""
        return _fingerprint(self.name, self.normalize)

    def _tokenize(self, examples: Sequence[Example]) -> TokenTable:
        if not examples:
            none = np.zeros(0, np.int64)
            return TokenTable({"input_ids": np.zeros(0, np.int32)}, np.zeros(1, np.int64), np.zeros(0, bool), none)
        encoded = self._call(examples, truncation=True, max_length=self.max_length)
        ids: list[list[int]] = encoded["input_ids"]
        lengths = np.array([len(row) for row in ids])
        truncated = np.zeros(len(ids), bool)
        full = np.flatnonzero(lengths >= self.max_length)
        if len(full):  # only texts of the maximum length can have been cut
            untruncated = self._call([examples[i] for i in full.tolist()], truncation=False)["input_ids"]
            truncated[full] = [len(row) > self.max_length for row in untruncated]
        columns = {"input_ids": np.concatenate(ids).astype(np.int32)}
        if "token_type_ids" in encoded:
            columns["token_type_ids"] = np.concatenate(encoded["token_type_ids"]).astype(np.int32)
        if languages := getattr(self.tokenizer, "lang2id", None):
            rows = [self._language_ids(row, example, languages) for row, example in zip(ids, examples, strict=True)]
            columns["langs"] = np.concatenate(rows).astype(np.int32)
        sides = [(item.language,) if isinstance(item.language, str) else item.language for item in examples]
        languages = np.array([language_id(*codes) for codes in sides])
        return TokenTable(columns, np.concatenate([[0], np.cumsum(lengths)]), truncated, languages)

    def _call(self, examples: Sequence[Example], **options: Any) -> Any:
        texts = [example.text for example in examples]
        pairs = None if examples[0].text_pair is None else [example.text_pair for example in examples]
        if pairs is not None and self.name == BUNDLED_CNN:
            raise UserError(
                f"{BUNDLED_CNN} reads single texts: it adds up the tokens of a text, and could not compare the two "
                "texts of a pair; choose another encoder or task."
            )
        # Not verbose: texts over the model's maximum are recorded in ``truncated``, without a warning.
        return self.tokenizer(texts, pairs, return_attention_mask=False, verbose=False, **options)

    def spans(self, examples: Sequence[Example]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Which characters the tokens of :meth:`table` stand for.

        Returns:
            For each example, the side of each of its T tokens (0: ``text``, 1: ``text_pair``, -1: special token), shape
            (T,), and the token's start and end in the text of that side, in characters, shape (T, 2).

        Raises:
            UserError: if the tokenizer does not record this.
        """
        if not self.tokenizer.is_fast:
            name = type(self.tokenizer).__name__
            raise UserError(
                f"{name} does not record which characters a token stands for: rank by deletion, not gradient."
            )
        encoded = self._call(examples, truncation=True, max_length=self.max_length, return_offsets_mapping=True)
        spans = []
        for encoding in encoded.encodings:
            sides = np.array([-1 if side is None else side for side in encoding.sequence_ids])
            spans.append((sides, np.array(encoding.offsets).reshape(-1, 2)))
        return spans

    def words(self, words: Sequence[str]) -> list[list[int]]:
        """The token ids of each word by itself, without special tokens."""
        return self.tokenizer(list(words), add_special_tokens=False, verbose=False)["input_ids"] if words else []

    def _language_ids(self, ids: list[int], example: Example, known: dict[str, int]) -> list[int]:
        """XLM's language id of each token: the first side's up to the first separator, then the second side's."""
        sides = [example.side_language("text"), example.side_language("text_pair")]
        for language in sides:
            if language not in known:
                raise ValueError(
                    f"Language {language!r} is not among the encoder's languages ({', '.join(sorted(known))}): "
                    "leave it out or choose another encoder."
                )
        start = 1 if ids[0] == self.tokenizer.sep_token_id else 0  # XLM puts a separator at the start too
        boundary = (
            ids.index(self.tokenizer.sep_token_id, start) + 1
            if self.tokenizer.sep_token_id in ids[start:]
            else len(ids)
        )
        return [known[sides[0]] if at < boundary else known[sides[1]] for at in range(len(ids))]

    def collate(self, rows: Sequence[dict[str, np.ndarray]], to_grid: bool = False) -> Batch:
        """Pads B rows to the length T of the longest, or with ``to_grid`` to its :func:`padded_length`.

        Returns:
            The model's inputs, shape (B, T), with ``attention_mask`` (0 for padding), ``perturbable`` (boolean, shape
            (B, T); false for padding and special tokens) and ``language``, shape (B,).
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
        """Ids of the special tokens, except that of unknown tokens, which stand for text."""
        tokenizer = self.tokenizer
        return torch.tensor(sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}))


@lru_cache(maxsize=8)
def _normalizing(name: str, normalize: Normalization) -> PreTrainedTokenizerBase:
    return normalizing(load_tokenizer(name), normalize)


@lru_cache(maxsize=8)
def _fingerprint(name: str, normalize: Normalization) -> str:
    tokenizer = _normalizing(name, normalize)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    described: Any = sorted(tokenizer.get_vocab().items())
    if backend:
        # The tokenizer keeps the truncation and padding of its last call, on which the key must not depend.
        described = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    languages = getattr(tokenizer, "lang2id", None)
    parts = (type(tokenizer).__name__, tokenizer.model_input_names, languages, described)
    return hashlib.sha256(repr(parts).encode("utf8")).hexdigest()
