"""Measures how well translations are aligned in the encoder: whether alignment happened, before asking if it helped."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from xltrobust.cache import cached_folder
from xltrobust.datamodules.parallel.prepared import LanguagePair
from xltrobust.datamodules.parallel.stream import pair_examples, text_id
from xltrobust.datamodules.parallel.words.aligner import Links
from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.fingerprint import fingerprint
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.encoders.word_vectors import Subwords, tokens_of_words, word_vectors
from xltrobust.evaluation.clean import MultilingualEvaluation
from xltrobust.example import Example
from xltrobust.files import cache_root
from xltrobust.metrics.alignment import alignment_figures, word_alignment_figures
from xltrobust.text.languages import base_language
from xltrobust.text.words import word_parts

_VERSION = 1  # of the cached figures
_MAX_TOKENS = 8192  # of one batch, padding included


class AlignmentDiagnostics(pl.Callback):
    """Measures sentence and word retrieval, cosine margin, hubness and CKA on the pairs that the corpus holds out.

    It measures before training (``start/…``; put this callback before LinearMapping, which fits its maps then) and at
    the test, in the model that is tested (``test/…``). Every figure is given by language, ``test/retrieval/de``, and
    as the mean over languages, ``test/retrieval/avg``. A sentence is the classifier's pooled vector. A word is one that
    the aligner links; its vector is the mean of its contextual vectors over all occurrences. CKA is ``cka_debiased``,
    about 0 for unrelated vectors whatever their number; ``cka`` of older results grows with the ratio of dimensions to
    pairs.

    The figures before training are measured once for all runs of one encoder, corpus and settings, and then read from
    the cache, digit by digit as the first run had them. (With several devices they are always measured.)

    Args:
        words: measure words too; the corpus is word-aligned for it.
        max_words: cap on the word pairs of a language; the first ones are taken.
        subwords: the vector of an occurrence: of its ``last`` subword, or the ``mean`` of all.

    Raises:
        ValueError: if ``max_words`` is less than 2.
    """

    def __init__(self, *, words: bool = True, max_words: int = 1000, subwords: Subwords = "mean") -> None:
        if max_words < 2:
            raise ValueError(f"Expected argument `max_words` to be at least 2, but got {max_words}.")
        self.words, self.max_words, self.subwords = words, max_words, subwords
        self.start: dict[str, float] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"start": self.start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.start = state_dict["start"]

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        MultilingualEvaluation.of(trainer, before=self)
        _ = trainer.datamodule.pairs  # type: ignore[attr-defined]  # that there are none is told at once

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self.start:  # a resumed run has them
            found = self._before_training(pl_module, trainer.datamodule, trainer)  # type: ignore[attr-defined]
            self.start = {f"start/{name}": value for name, value in found.items()}
            for logger in trainer.loggers:
                logger.log_metrics(self.start, step=0)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        found = self.measure(pl_module, trainer.datamodule, trainer)  # type: ignore[attr-defined]
        MultilingualEvaluation.of(trainer, before=self).figures |= self.start | {
            f"test/{name}": value for name, value in found.items()
        }

    def _before_training(self, module: Any, data: Any, trainer: pl.Trainer) -> dict[str, float]:
        """The figures of the untrained model, which runs of one study share: measured by the first, then cached."""
        if trainer.world_size > 1:  # devices measure together, so none may find in the cache what another does not
            return self.measure(module, data, trainer)
        record = data.pairs.record
        settings = {
            "version": _VERSION, "torch": torch.__version__, "device": module.device.type,
            "model": [type(module).__qualname__, module.pooling, fingerprint(module.encoder)],
            "config": module.encoder.config.to_json_string(), "maps": fingerprint(module.language_maps),
            "tokens": data.tokenization.key([]), "source": data.source,
            "pairs": [record["hash"], record["held_out_hash"], record["settings"]],
            "words": [data.word_pairs.aligner.settings(), self.max_words, self.subwords] if self.words else None,
        }  # fmt: skip

        def make(folder: Path) -> None:
            (folder / "figures.json").write_text(json.dumps(self.measure(module, data, trainer)), encoding="utf8")

        name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf8")).hexdigest()[:32]
        folder = cached_folder(cache_root() / "diagnostics" / name, make)
        return json.loads((folder / "figures.json").read_text(encoding="utf8"))

    @torch.no_grad()
    def measure(self, module: Any, data: Any, trainer: pl.Trainer | None = None) -> dict[str, float]:
        """The figures by name and language, and their means, on all devices alike.

        Args:
            module: the classifier.
            data: the task, with a parallel corpus.
            trainer: of several devices, each of which measures some of the languages.
        """
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        training = module.training
        module.eval()
        share = {
            languages: self._measure_languages(module, data, languages)
            for languages in data.pairs.languages[rank::world]
        }
        module.train(training)
        shares: list[Any] = [share]
        if world > 1:
            shares = [None] * world
            torch.distributed.all_gather_object(shares, share)
        by_pair: dict[LanguagePair, dict[str, float]] = {pair: got for share in shares for pair, got in share.items()}
        names = _names(data.pairs.languages, data.source)
        found: dict[str, float] = {}
        for figure in sorted({name for got in by_pair.values() for name in got}):
            values = {names[pair]: by_pair[pair][figure] for pair in names if figure in by_pair[pair]}
            found |= {f"{figure}/{name}": value for name, value in values.items()}
            found[f"{figure}/avg"] = sum(values.values()) / len(values)
        return found

    def _measure_languages(self, module: Any, data: Any, languages: LanguagePair) -> dict[str, float]:
        pairs = data.pairs.held_out(languages)
        if len(pairs) < 2:
            return {}
        examples = pair_examples(pairs)
        pooled, hidden = _encoded(module, data.tokenization, examples)
        texts = torch.tensor([text_id(example.text) for example in examples]).chunk(2)
        found = alignment_figures(*pooled.chunk(2), source_groups=texts[0], target_groups=texts[1])
        if self.words:
            words = self._words(data.tokenization, examples, hidden, data.word_pairs.held_out(languages))
            if len(words) > 1:
                sources, targets, ids = zip(*words, strict=True)
                groups = torch.tensor(ids)
                found |= word_alignment_figures(
                    torch.stack(sources), torch.stack(targets), source_groups=groups[:, 0], target_groups=groups[:, 1]
                )
        return found

    def _words(
        self, tokenization: Any, examples: Sequence[Example], hidden: Sequence[Tensor], links: Sequence[Links]
    ) -> list[tuple[Tensor, Tensor, tuple[int, int]]]:
        """The words that are linked, each pair once: the mean vectors of their occurrences, and numbers for them."""
        by_text = tokens_of_words(examples, tokenization)
        vectors: dict[int, list[Tensor]] = {}
        pairs: dict[tuple[int, int], None] = {}
        for pair, pair_links in enumerate(links):
            for link in pair_links:
                ends = []
                for text, word in zip((pair, pair + len(links)), link, strict=True):
                    if (tokens := by_text[text].get(word)) is not None:  # it was not truncated
                        start, end = word_parts(examples[text].text)[word]
                        place = torch.tensor([[0, *tokens]])
                        name = text_id(f"{text >= len(links)}/{examples[text].text[start:end]}")
                        ends.append((name, word_vectors(hidden[text][None], place, self.subwords)[0]))
                if len(ends) == 2:
                    for name, vector in ends:
                        vectors.setdefault(name, []).append(vector)
                    pairs[ends[0][0], ends[1][0]] = None
        means = {name: torch.stack(occurrences).mean(0) for name, occurrences in vectors.items()}
        return [(means[ends[0]], means[ends[1]], ends) for ends in list(pairs)[: self.max_words]]


def _encoded(module: Any, tokenization: Tokenization, examples: Sequence[Example]) -> tuple[Tensor, list[Tensor]]:
    """The pooled vectors of N texts, shape (N, H), and each one's hidden states, shape (T, H)."""
    table = tokenization.table(examples, keep=False)
    pooled: list[Tensor] = [torch.empty(0)] * len(examples)
    hidden = list(pooled)
    for indices in length_batches(table.lengths.tolist(), _MAX_TOKENS):
        rows = tokenization.collate([table.row(i) for i in indices], to_grid=True)
        batch = {name: value.to(module.device) for name, value in rows.items()}
        states = module.encode(module.embed(batch), batch)
        for i, vector, tokens in zip(
            indices, module.pool(states, batch).float().cpu(), states.float().cpu(), strict=True
        ):
            pooled[i], hidden[i] = vector, tokens
    return torch.stack(pooled), hidden


def _names(pairs: Sequence[LanguagePair], source: str) -> dict[LanguagePair, str]:
    """What the figures of a language pair are called: the language beside the task's, or both."""
    source_language = base_language(source)
    short = {
        pair: next(
            (other for other, side in (pair[::-1], pair) if base_language(side) == source_language), ">".join(pair)
        )
        for pair in pairs
    }
    given = Counter(short.values())
    return {pair: name if given[name] == 1 else ">".join(pair) for pair, name in short.items()}
