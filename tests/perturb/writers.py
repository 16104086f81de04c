"""Tasks in six scripts that attacks can break: which of two writers wrote a text? And a small victim trained for them.

The writers differ in eight habits, which they follow in most texts but not in all, so that an answer rests on many weak
cues spread over the text. A habit is which of two words is used (task ``"words"``), which of two words comes first
(``"order"``), or which mark is put (``"marks"``). All other words are uninformative.
"""

from __future__ import annotations

import random
import re
from functools import cache
from zlib import crc32

import numpy as np
import torch

from xltrobust.example import Example
from xltrobust.perturb.base import TextGradient
from xltrobust.text.scripts import UNSPACED, script_of

# Words with many places to perturb: marks in Arabic, Hindi and Thai, characters with look-alikes in Chinese.
WORDS = {
    "en": "oak elm tea bun cup mug bay sea hut inn fog sun jam pie cat dog road path lake pond bird hare moon star "
    "and the with near from into under over very then once here",
    "ru": "дом изба мёд чай лес бор снег лёд хлеб рис стол стул сад луг кот пёс река море звон шум май июль ёж лось "
    "это там вот тут они мы уже ещё даже если когда чтобы",
    "ar": "كِتَاب دَفْتَر بَيْت كُوخ أَخِي أَبِي يَوْم لَيْل وَادِي نَهْر كَعْك فُول فِيل كَلْب وَرْد زَهْرَة كَهْف هَضْبَة وَجْه كَفّ رَبِيع خَرِيف صَيْف شِتَوِيّ "
    "في على إلى هذا ذلك كان حتى هو هي كي لكن سوف",
    "hi": "लड़का बड़ा सड़क पेड़ रोज़ मेज़ चीज़ साफ़ तेज़ बर्फ़ क़लम ख़बर ख़ून ज़हर फ़सल ग़रीब काग़ज़ आवाज़ बाज़ार हज़ार ज़मीन दरवाज़ा गाड़ी पहाड़ "
    "और यह वह में पर से को तो भी अब जब तब",
    "zh": "一天 二月 八点 力量 口水 土地 士兵 夕阳 工作 晚上 价值 填写 柿子 研究 胶水 黑色 新郎 跺脚 门口 "
    "博士 努力 工人 夜晚 女郎 入口 出口 人工 手工 泥土 领土 力气 体力 卜算 萝卜 除夕 晚餐",
    "th": "บ้าน พ่อ ป้า จ้าง ย้าย ป่า ยิ้ม ฟ้อง บ่าย เป็น เจ็บ เย็บ เก็บ เพิ่ม แป้ง ปู่ ย่า ยุ่ง เฝ้า ฟื้น เจ้า เบื่อ เยี่ยม เปลี่ยน "
    "และ ของ ที่ ใน กับ จาก แล้ว ต้อง เคย ให้ มา ไป",
}
LANGUAGES = tuple(WORDS)
MARKS = {"ar": "،؛", "hi": "।;", "zh": ",;"}
_HABITS, _KEPT = 8, 0.78
_BUCKETS, _SIZE = 8192, 8
_UNSPACED_LETTERS = re.compile("[\u0e00-\u0e7f\u4e00-\u9fff]")  # Thai, Chinese


def cue_words(language: str) -> list[str]:
    """Eight pairs of words; the first writer prefers the first of each pair."""
    return WORDS[language].split()[: 2 * _HABITS]


def write(task: str, language: str, writer: int, rng: random.Random) -> str:
    """A text of eight clauses, each with a cue and some uninformative words."""
    habits, others = cue_words(language), WORDS[language].split()[2 * _HABITS :]
    joint = "" if script_of(language) in UNSPACED else " "
    clauses = []
    for habit in rng.sample(range(_HABITS), _HABITS):
        choice, pair = writer ^ (rng.random() > _KEPT), habits[2 * habit : 2 * habit + 2]
        cue = {"words": [pair[choice]], "order": pair[:: 1 - 2 * choice], "marks": []}[task]
        mark = MARKS.get(language, ",;")[choice] if task == "marks" else ""
        words = [*cue, *rng.sample(others, 3)]
        if task == "order":  # so that neighbouring words are not swapped with them
            words.insert(2, ",")
        clauses.append(joint.join(words) + mark)
    return (joint or " " * (task == "marks" and language == "th")).join(clauses)


def texts(task: str, language: str, count: int, seed: int) -> list[Example]:
    """Texts, half of them by each writer, in random order."""
    rng = random.Random(f"{task} {language} {seed}")
    labels = rng.sample([0, 1] * (count // 2), count)
    return [Example(f"{seed}-{n}", language, write(task, language, y, rng), y) for n, y in enumerate(labels)]


class Victim:
    """Linear in the mean of the vectors of a text's n-grams (Joulin et al., 2017), trained on all six languages.

    Features are words, pairs of neighbouring words, and character bigrams and trigrams within a word; for scripts
    without spaces, character unigrams and bigrams. They are hashed to rows of the embedding.
    """

    def __init__(self, task: str) -> None:
        torch.manual_seed(0)
        bag, head = torch.nn.EmbeddingBag(_BUCKETS, _SIZE, mode="mean"), torch.nn.Linear(_SIZE, 2)
        data = [example for language in LANGUAGES for example in texts(task, language, 400, seed=0)]
        rows = [torch.tensor([bucket for bucket, _, _ in features(example.text)]) for example in data]
        labels = torch.tensor([example.label for example in data])
        optimizer = torch.optim.Adam([*bag.parameters(), *head.parameters()], lr=0.02)
        for _ in range(8):
            for batch in torch.randperm(len(data)).split(60):
                lengths = torch.tensor([0, *(len(rows[at]) for at in batch[:-1])])
                logits = head(bag(torch.cat([rows[at] for at in batch]), lengths.cumsum(0)))
                loss = torch.nn.functional.cross_entropy(logits, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self.vectors = bag.weight.detach().double().numpy()
        self.head = head.weight.detach().double().numpy()
        self.bias = head.bias.detach().double().numpy()
        self.scores = self.vectors @ self.head.T
        self._sums = _Sums(self.scores)

    def __call__(self, batch):
        answers = []
        for example in batch:
            sums = [self._sums[unit] for _, unit in _units(example.text)] or [self._sums[""]]
            first, second, count = (sum(column) for column in zip(*sums, strict=True))
            answers.append((first / count, second / count))
        return np.array(answers) + self.bias

    def gradients(self, batch, goal):
        gradients = []
        for example in batch:
            buckets, starts, ends = np.array(features(example.text)).T
            logits = self.scores[buckets].mean(axis=0) + self.bias
            slope = (np.eye(2)[example.label] - np.exp(logits) / np.exp(logits).sum()) @ self.head / len(buckets)
            spans = np.stack([starts, ends], axis=1)
            gradients.append(TextGradient(0 * starts, spans, self.vectors[buckets], np.tile(slope, (len(buckets), 1))))
        return gradients

    def word_vectors(self, words):
        rows = [[bucket for bucket, _, _ in features(word)] for word in words]
        return np.array([self.vectors[buckets].mean(axis=0) for buckets in rows])


class _Sums(dict):
    """By unit, the sums of the scores of its features, and their number."""

    def __init__(self, scores: np.ndarray) -> None:
        super().__init__()
        self.scores = scores

    def __missing__(self, unit: str) -> tuple[float, float, int]:
        buckets = [bucket for bucket, _, _ in _of_unit(unit)]
        self[unit] = (*self.scores[buckets].sum(axis=0).tolist(), len(buckets))
        return self[unit]


@cache
def victim(task: str) -> Victim:
    """The task's victim, trained once, which takes seconds."""
    return Victim(task)


def features(text: str) -> list[tuple[int, int, int]]:
    """The buckets of a text's features, each with the span of its characters; at least one."""
    return [(bucket, at + first, at + last) for at, unit in _units(text) for bucket, first, last in _of_unit(unit)]


def _units(text: str) -> list[tuple[int, str]]:
    """The units that contain the features, and their places: pairs of characters, or words and pairs of words."""
    if _UNSPACED_LETTERS.search(text):
        return [(at, text[at : at + 2]) for at in range(len(text))]
    units, at, last = [], 0, None
    for word in text.split(" "):
        if last is not None:
            units.append((at - len(last) - 1, f"{last} {word}"))
        units.append((at, word))
        at, last = at + len(word) + 1, word
    return units


@cache
def _of_unit(unit: str) -> list[tuple[int, int, int]]:
    if " " in unit:
        return [(_bucket(unit), 0, len(unit))]
    if _UNSPACED_LETTERS.search(unit):
        return [(_bucket(unit[:size]), 0, size) for size in range(1, len(unit) + 1)]
    whole, end = f" {unit} ", len(unit)
    return [
        (_bucket(whole[at : at + size]), max(at - 1, 0), min(at - 1 + size, end))
        for size in {2, 3, len(whole)}
        for at in range(len(whole) - size + 1)
    ]


def _bucket(feature: str) -> int:
    return crc32(feature.encode("utf8", "surrogatepass")) % _BUCKETS
