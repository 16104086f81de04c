"""Voice commands in some forty languages: a task whose data come with a ``pip install``.

The sentence templates, written by speakers of each language, come from the package ``home-assistant-intents``, and the
names of rooms and devices that fill them from ``home-assistant-frontend`` (both Apache-2.0). Sentences of one template
are near-duplicates. Therefore English is split by template, and confidence intervals resample templates.
"""

from __future__ import annotations

import random
import unicodedata
from collections import Counter, defaultdict
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pytorch_lightning.utilities import rank_zero_info

from xltrobust.checks import require_at_least
from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.home_assistant_files import available_languages, intents_file, slot_names
from xltrobust.example import Example, Language

if TYPE_CHECKING:  # the other tasks work without the package
    from hassil.intents import IntentData, Intents, SlotList


class HomeAssistantIntents(CrossLingualClassification):
    """Intent classification of voice commands, from English to all languages that cover enough of the intents.

    The templates of each English intent are split into train, dev and test. A tenth of the sentences of the training
    templates are held out as the split ``test_seen``: it has new slot values in known wording, and ``test`` new
    wording. The templates of target languages are split into dev (for ``validate_targets``) and test. Intents with
    fewer than five expandable English templates are left out.

    Args:
        languages: target languages; None takes all that cover at least ``min_intents`` of the intents.
        min_intents: the number of intents that a language has to cover if ``languages`` is None.
        draws: random expansions of each English template.
        target_draws: random expansions of each template of a target language.
        max_train_examples_per_intent: cap on the English training sentences of an intent.
        max_test_examples: cap on the test sentences of a language, which are spread evenly over intents and templates.
        max_dev_examples: cap on the dev sentences of a language, likewise.
        split_seed: seed of the expansions and splits, but not of the training.
        kwargs: see :class:`CrossLingualClassification`.
    """

    min_templates = 5

    def __init__(
        self,
        *,
        languages: list[str] | None = None,
        min_intents: int = 20,
        draws: int = 30,
        target_draws: int = 10,
        max_train_examples_per_intent: int = 60,
        max_test_examples: int | None = 200,
        max_dev_examples: int | None = 100,
        split_seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(source="en", max_test_examples=max_test_examples, max_dev_examples=max_dev_examples, **kwargs)
        require_at_least(1, min_intents=min_intents, draws=draws, target_draws=target_draws)
        unknown = sorted(set(languages or []) - set(available_languages()))
        if unknown:
            raise ValueError(
                f"Expected argument `languages` to name languages of home-assistant-intents, but got {unknown}; "
                f"it has {', '.join(available_languages())}."
            )
        self.languages = languages
        self.min_intents = min_intents
        self.draws = draws
        self.target_draws = target_draws
        self.max_train_examples_per_intent = max_train_examples_per_intent
        self.max_test_examples = max_test_examples
        self.max_dev_examples = max_dev_examples
        self.split_seed = split_seed
        self._slot_values: dict[str, set[str]] = defaultdict(set)

    @cached_property
    def labels(self) -> list[str]:
        return sorted(self._english)

    @cached_property
    def targets(self) -> list[Language]:
        if self.languages is not None:
            return [language for language in self.languages if language != "en"]
        return [language for language in available_languages() if language != "en" and self._covers_enough(language)]

    def _covers_enough(self, language: str) -> bool:
        listed = set(intents_file(language)["intents"]) & set(self.labels)
        # Templates are parsed only if the file lists enough intents, which most languages' files do not.
        return len(listed) >= self.min_intents and len(set(self._templates(language)) & listed) >= self.min_intents

    def splits(self) -> dict[str, list[Language]]:
        return super().splits() | {"test_seen": ["en"]}

    def read(self, split: str, language: Language) -> list[Example]:
        assert isinstance(language, str)
        return self._split_examples(language)[split]

    def unseen_units(self) -> dict[str, list[str]]:
        """All slot values by language: names of rooms and devices, which are strings of the user interface; colours;
        states. Training, dev and test sentences share them.
        """
        for language in ("en", *self.targets):
            self.read("test", language)
        return {language: sorted(values) for language, values in self._slot_values.items()}

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage != "fit":
            return
        (few,) = self.counts["intents_left_out"].values()
        covered = self.counts["intents_covered"]
        rank_zero_info(
            f"{len(self.labels)} intents; left out for want of English templates: {', '.join(sorted(few))}.\n"
            f"Intents covered: {', '.join(f'{language} {number}' for language, number in covered.items())}."
        )

    @cached_property
    def _english(self) -> dict[str, dict[str, list[str]]]:
        """The English intents with enough templates, {intent: {template id: sentences}}."""
        by_intent = self._expand("en")
        sizes = {intent: len(by_intent.get(intent, {})) for intent in self._parse("en")[0].intents}
        few = {intent: size for intent, size in sizes.items() if size < self.min_templates}
        self.counts["intents_left_out"] = {"fewer than five expandable English templates": few}
        return {intent: found for intent, found in by_intent.items() if intent not in few}

    @lru_cache(maxsize=128)  # noqa: B019  one datamodule a run: nothing outlives it
    def _templates(self, language: str) -> dict[str, list[tuple[str, IntentData, int]]]:
        """The expandable templates of a language, {intent: [(template id, block, index in the block)]}."""
        from xltrobust.datamodules.tasks.templates import NotExpandable

        intents, lists = self._parse(language)
        found: dict[str, list[tuple[str, IntentData, int]]] = defaultdict(list)
        skipped: Counter[str] = Counter()
        for intent in intents.intents.values():
            for block_number, block in enumerate(intent.data):
                for index in range(len(block.sentences)):
                    name = f"{language}/{intent.name}/{block_number}.{index}"
                    try:
                        self._draw(block, index, intents, lists, random.Random(name))
                    except NotExpandable as missing:
                        skipped[str(missing)] += 1
                        continue
                    found[intent.name].append((name, block, index))
        self._count(language, "templates_not_expandable", dict(skipped.most_common()))
        return found

    @lru_cache(maxsize=128)  # noqa: B019
    def _parse(self, language: str) -> tuple[Intents, dict[str, SlotList]]:
        from hassil.intents import Intents, TextSlotList

        intents = Intents.from_dict(intents_file(language))
        slots = {slot: TextSlotList.from_strings(names, name=slot) for slot, names in slot_names(language).items()}
        return intents, {**intents.slot_lists, **slots}

    @staticmethod
    def _draw(
        block: IntentData,
        index: int,
        intents: Intents,
        lists: dict[str, SlotList],
        rng: random.Random,
        drawn: set[str] | None = None,
    ) -> str:
        from xltrobust.datamodules.tasks.templates import random_expansion

        rules = {**intents.expansion_rules, **(block.expansion_rules or {})}
        return random_expansion(block.sentences[index], rules, {**lists, **(block.slot_lists or {})}, rng, drawn)

    def _expand(self, language: str) -> dict[str, dict[str, list[str]]]:
        """Distinct sentences, {intent: {template id: sentences}}, without those that express two intents."""
        from xltrobust.datamodules.tasks.templates import NotExpandable

        intents, lists = self._parse(language)
        draws = self.draws if language == "en" else self.target_draws
        drawn: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)  # normalised sentences to the first spelling
        meanings: dict[str, set[str]] = defaultdict(set)
        for intent, templates in self._templates(language).items():
            for name, block, index in templates:
                rng = random.Random(f"{self.split_seed}/{name}")
                texts: dict[str, str] = {}
                for _ in range(draws):
                    with suppress(NotExpandable):  # a branch that the trial draw in _templates did not take
                        sentence = self._draw(block, index, intents, lists, rng, self._slot_values[language])
                        texts.setdefault(_normalised(sentence), sentence)
                texts.pop("", None)
                drawn[intent][name] = texts
                for text in texts:
                    meanings[text].add(intent)
        ambiguous = {text for text, named in meanings.items() if len(named) > 1}
        self._count(language, "sentences_of_two_intents", len(ambiguous))
        kept: dict[str, dict[str, list[str]]] = {}
        seen: set[str] = set()
        for intent, by_template in drawn.items():
            kept[intent] = {}
            for name, texts in by_template.items():
                # A sentence belongs to the first template that makes it, so that no sentence is in two splits.
                new = [sentence for text, sentence in texts.items() if text not in ambiguous and text not in seen]
                seen.update(texts)
                if new:
                    kept[intent][name] = new
        return {intent: found for intent, found in kept.items() if found}

    @lru_cache(maxsize=128)  # noqa: B019
    def _split_examples(self, language: str) -> dict[str, list[Example]]:
        by_intent = self._english if language == "en" else self._expand(language)
        unknown = {
            intent: sum(map(len, found.values())) for intent, found in by_intent.items() if intent not in self.labels
        }
        self._count(language, "sentences_of_unknown_intents", unknown)
        splits: dict[str, dict[int, list[Example]]] = defaultdict(lambda: defaultdict(list))
        for intent, by_template in by_intent.items():
            if intent in unknown:
                continue
            label = self.labels.index(intent)
            names = sorted(by_template)
            random.Random(f"{self.split_seed}/{language}/{intent}").shuffle(names)
            for position, name in enumerate(names):
                split = _template_split(position, len(names), english=language == "en")
                for number, sentence in enumerate(by_template[name]):
                    # One sentence in ten of a training template is held out: new slot values in known wording.
                    place = "test_seen" if split == "train" and number % 10 == 9 else split
                    splits[place][label].append(Example(f"{name}/{number}", language, sentence, label, group=name))
        caps = {"test": self.max_test_examples, "test_seen": self.max_test_examples, "dev": self.max_dev_examples}
        self._count(language, "intents_covered", len(set(by_intent) - set(unknown)))
        self._count(language, "sentences", {split: sum(map(len, found.values())) for split, found in splits.items()})
        chosen = {split: spread(splits[split], total=cap) for split, cap in caps.items()}
        chosen["train"] = spread(splits["train"], each=self.max_train_examples_per_intent)
        return chosen

    def _count(self, language: str, what: str, number: Any) -> None:
        self.counts.setdefault(what, {})[language] = number


def _template_split(position: int, templates: int, english: bool) -> str:
    """The split of a template: of an English intent's, three fifths are for training and a fifth each for dev and test;
    target languages have no training templates.
    """
    fifth = max(1, templates // 5)
    if position < fifth:
        return "test"
    if english:
        return "dev" if position < 2 * fifth else "train"
    # If a target language has few templates of an intent, all are for the test and none for dev.
    return "dev" if position < 2 * fifth and templates >= 5 else "test"


def spread(by_label: dict[int, list[Example]], total: int | None = None, each: int | None = None) -> list[Example]:
    """At most ``total`` examples, or ``each`` per label, taken in turns from the labels and their templates."""
    turns: list[tuple[int, int, Example]] = []
    for label, examples in by_label.items():
        groups: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            groups[example.group or example.id].append(example)
        order = sorted((turn, name) for name, members in groups.items() for turn in range(len(members)))
        turns += [
            (rank, label, groups[name][turn]) for rank, (turn, name) in enumerate(order) if each is None or rank < each
        ]
    turns.sort(key=lambda entry: entry[:2])
    return [example for _, _, example in turns[:total]]


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
