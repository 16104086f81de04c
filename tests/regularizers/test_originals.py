"""At the originals' settings, the loss and its gradients are those of the originals, by formulas written anew here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from models.test_classifier import make
from torch import Tensor
from torch.nn import functional as F

from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.output import Output
from xltrobust.perturb import RandomView, TypoPerturbation
from xltrobust.regularizers import (
    R3F,
    Ball,
    ConsistencyRegularization,
    FreeLB,
    Regularizer,
    SentenceAlignment,
    SmoothnessInducing,
    WordAlignment,
)

Batch = dict[str, Any]
CLOSE = 1e-5


@pytest.fixture
def trained(tiny_encoder: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RobustClassifier, Batch]:
    """A classifier without dropout and a batch with another one in the place of views and of pairs, 8 and 8 texts.

    All that is not padding may be perturbed: the originals know no special tokens.
    """
    module, data = make(tiny_encoder, tiny_task, dropout=0.0)
    monkeypatch.setattr(RobustClassifier, "progress", 1.0)
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    loader = iter(data.train_dataloader())
    batch, other = next(loader), next(loader)
    for own in (batch, other):
        own["perturbable"] = own["attention_mask"].bool()
    other["texts"] = torch.arange(16)
    with torch.no_grad():  # as it is initialised, all texts have nearly the same vector
        for name, own in module.named_parameters():
            if own.dim() > 1:
                own.mul_(10 if name.startswith("encoder.") else 3)
    return module, batch | {"views": {"consistency": other}, "pairs": other}


def gradients(module: RobustClassifier, loss: Tensor) -> Tensor:
    module.zero_grad()
    loss.backward()
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in module.parameters()])


def term(own: Regularizer, module: RobustClassifier, batch: Batch) -> Tensor:
    found = own.term(module, batch, Output(module, batch))
    assert found is not None
    return found


def difference(module: RobustClassifier, ours: Tensor, theirs: Tensor | tuple[Tensor, Tensor]) -> float:
    """The larger of the relative differences of two losses and of their gradients.

    Args:
        module: whose parameters' gradients are compared.
        ours: a loss.
        theirs: another, or its value and its gradients.
    """
    loss, own = theirs if isinstance(theirs, tuple) else (theirs, gradients(module, theirs))
    found = gradients(module, ours)
    assert own.abs().max() > 1e-4  # there is something to compare
    parts = (abs(ours - loss) / abs(loss), (found - own).abs().max() / own.abs().max())
    return max(part.item() for part in parts)


def kl(target: Tensor, other: Tensor) -> Tensor:
    """Σ p·log(p/q), number by number, p being the target's probabilities, shape (N, C)."""
    p, q = target.softmax(-1), other.softmax(-1)
    return p * (p / q).log()


def freelb(module: RobustClassifier, batch: Batch, norm: str, steps: int, size: float, radius: float) -> Any:
    """Zhu et al.'s loop: gradients add up over the passes; each example has one ball."""
    mask, total, value = batch["attention_mask"][..., None].float(), 0.0, 0.0
    delta = torch.zeros(*batch["input_ids"].shape, 16)
    for _ in range(steps):
        delta.requires_grad_()
        hidden = module.encoder(
            inputs_embeds=module.embed(batch) + delta, attention_mask=batch["attention_mask"]
        ).last_hidden_state
        loss = F.cross_entropy(module.out(torch.tanh(module.dense(hidden[:, 0]))), batch["labels"]) / steps
        (rise,) = torch.autograd.grad(loss, delta, retain_graph=True)
        total, value = total + gradients(module, loss), value + loss.detach()
        rise, delta = rise * mask, delta.detach()
        for row in range(len(delta)):
            if norm == "l2":
                delta[row] += size * rise[row] / rise[row].norm()
                delta[row] *= min(1.0, radius / delta[row].norm().item())
            else:
                delta[row] = (delta[row] + size * rise[row] / rise[row].abs().max()).clamp(-radius, radius)
    return value, total


@pytest.mark.parametrize(("norm", "radius"), [("l2", 0.05), ("linf", 0.01)])
def test_freelb(trained, norm: Any, radius: float) -> None:
    module, batch = trained
    ball = Ball(norm=norm, epsilon=radius, scope="example", linf_step="largest", relative=False)
    ours = term(FreeLB(ball=ball, steps=3, step_size=0.7 * radius, start="zero"), module, batch)
    theirs = freelb(module, batch, norm, 3, 0.7 * radius, radius)
    assert difference(module, ours, theirs) < CLOSE
    if norm == "linf":  # the sign's steps are others
        sign = Ball(norm=norm, epsilon=radius, scope="example", relative=False)
        ours = term(FreeLB(ball=sign, steps=3, step_size=0.7 * radius, start="zero"), module, batch)
        assert difference(module, ours, theirs) > 10 * CLOSE


def test_r3f(trained) -> None:
    module, batch = trained
    ball = Ball(norm="linf", epsilon=0.05, relative=False)
    own = R3F(ball=ball, distribution="uniform", detach_embeddings=True)
    noise = own.noise(module, batch, 0.05, "uniform")
    embeddings = module.embed(batch)
    clean, noised = module.logits(embeddings, batch), module.logits(embeddings.detach().clone() + noise, batch)
    theirs = (kl(clean, noised).sum() + kl(noised, clean).sum()) / len(clean)
    theirs = theirs.detach(), gradients(module, theirs)
    assert difference(module, term(own, module, batch), theirs) < CLOSE
    attached = R3F(ball=ball, distribution="uniform")
    assert difference(module, term(attached, module, batch), theirs) > 1e-3


def test_smart(trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smoothness term at the noise that was found."""
    module, batch = trained
    ball = Ball(norm="linf", epsilon=0.05, linf_step="largest", relative=False)
    options: dict[str, Any] = {"ball": ball, "proximal": False}
    own = SmoothnessInducing(detach_targets=True, **options)
    found: list[Tensor] = []
    ascend = own.ascend
    monkeypatch.setattr(own, "ascend", lambda *a, **o: found.append(ascend(*a, **o)) or found[-1])
    ours = term(own, module, batch)
    clean, noised = module(batch).logits, module.logits(module.embed(batch) + found[0], batch)
    loss = (kl(clean.detach(), noised) + kl(noised.detach(), clean)).sum() / len(clean)
    theirs = loss.detach(), gradients(module, loss)
    assert difference(module, ours, theirs) < CLOSE
    options["ball"] = Ball(norm="linf", epsilon=0.01, relative=False)
    both, one = (
        gradients(module, term(SmoothnessInducing(detach_targets=detached, **options), module, batch)).norm()
        for detached in (False, True)
    )
    assert both / one == pytest.approx(2, rel=0.1)  # to first order in the noise


def test_consistency(trained) -> None:
    module, batch = trained
    view = RandomView(perturbation=TypoPerturbation(), rate=0.2)
    options: dict[str, Any] = {"view": view, "name": "consistency"}
    own = ConsistencyRegularization(detach_targets=True, classes="mean", **options)
    clean, other = module(batch).logits, module(batch["views"]["consistency"]).logits
    loss = kl(clean.detach(), other).mean() + kl(other.detach(), clean).mean()  # over examples and classes
    theirs = loss.detach(), gradients(module, loss)
    assert difference(module, term(own, module, batch), theirs) < CLOSE
    whole = term(ConsistencyRegularization(**options), module, batch)
    assert whole.item() == pytest.approx(3 * theirs[0].item(), rel=1e-5)  # three classes


def test_xeroalign(trained) -> None:
    module, batch = trained
    pairs = batch["pairs"]
    hidden = module.encoder(input_ids=pairs["input_ids"], attention_mask=pairs["attention_mask"]).last_hidden_state
    read = torch.tanh(F.linear(hidden[:, 0], module.dense.weight, module.dense.bias))
    loss = ((read[:8] - read[8:]) ** 2).mean()
    theirs = loss.detach(), gradients(module, loss)
    assert difference(module, term(SentenceAlignment(loss="mse", vector="classifier"), module, batch), theirs) < CLOSE
    assert difference(module, term(SentenceAlignment(loss="mse"), module, batch), theirs) > 0.1


# Row, first token, end: words 0 and 1 have two links each, 4 and 5 are spelt alike, the rest is one to one.
WORDS = torch.tensor(
    [[0, 1, 3], [8, 1, 2], [8, 2, 4], [0, 3, 5], [1, 1, 3], [9, 1, 3], [2, 1, 2], [10, 2, 5], [3, 2, 6]]
)
WORDS = torch.cat([WORDS, torch.tensor([[11, 1, 3], [1, 3, 6], [9, 3, 5]])])
LINKS = torch.tensor([[0, 1], [0, 2], [3, 1], [4, 5], [6, 7], [8, 9], [10, 11]])
ONE_TO_ONE = [[6, 7], [8, 9], [10, 11]]


@pytest.fixture
def linked(trained) -> tuple[RobustClassifier, Batch]:
    module, batch = trained
    module._trainer = SimpleNamespace(world_size=1, precision_plugin=None)
    batch["pairs"] |= {"words": WORDS, "links": LINKS}
    batch["pairs"]["input_ids"][9, 1:3] = batch["pairs"]["input_ids"][1, 1:3]
    return module, batch


def aligned(module: RobustClassifier, batch: Batch) -> tuple[Tensor, Tensor]:
    """The first subword's vectors of the words of the links that are kept, one side and the other."""
    hidden = module.encode(module.embed(batch["pairs"]), batch["pairs"])
    first = torch.stack([hidden[row, place] for row, place, _ in WORDS.tolist()])
    return first[[i for i, _ in ONE_TO_ONE]], first[[j for _, j in ONE_TO_ONE]]


def squared_distance(sources: Tensor, targets: Tensor) -> Tensor:
    return ((sources - targets) ** 2).sum(1).mean()


def weak_contrast(sources: Tensor, targets: Tensor) -> Tensor:
    scores = F.cosine_similarity(sources[:, None], targets[None], dim=2)
    return -(scores.log_softmax(1).diagonal().mean() + scores.log_softmax(0).diagonal().mean()) / 2


def strong_contrast(sources: Tensor, targets: Tensor) -> Tensor:
    both = torch.cat([sources, targets])
    scores = F.cosine_similarity(both[:, None], both[None], dim=2) - 1e6 * torch.eye(len(both))
    goals = torch.arange(len(both)).roll(len(sources))
    return -scores.log_softmax(1).gather(1, goals[:, None]).mean()


@pytest.mark.parametrize(
    ("loss", "formula"), [("l2", squared_distance), ("weak", weak_contrast), ("strong", strong_contrast)]
)
def test_wu_and_dredze(linked, loss: Any, formula: Callable[[Tensor, Tensor], Tensor]) -> None:
    module, batch = linked
    value = formula(*aligned(module, batch))
    theirs = value.detach(), gradients(module, value)
    options: dict[str, Any] = {"loss": loss, "keep": 0, "temperature": 1.0, "subwords": "first", "dimensions": "sum"}
    assert difference(module, term(WordAlignment(one_to_one=True, **options), module, batch), theirs) < CLOSE
    assert difference(module, term(WordAlignment(**options), module, batch), theirs) > 1e-2
    if loss == "l2":
        mean = term(WordAlignment(one_to_one=True, **options | {"dimensions": "mean"}), module, batch)
        assert mean.item() == pytest.approx(theirs[0].item() / 16, rel=1e-5)  # H


def test_the_source_is_held_in_its_place(linked) -> None:
    """Their regularizer of the hidden states: Σ of squared distances over the source's tokens, over their number."""
    module, batch = linked
    own = WordAlignment(keep=0.5, subwords="first", dimensions="sum", one_to_one=True)
    own.build(module)
    sources = {name: value[:8] for name, value in batch["pairs"].items() if name not in ("words", "links")}
    with torch.no_grad():
        was = module.encode(module.embed(sources), sources)
        module.encoder.get_input_embeddings().weight.mul_(1.1)
    now, mask = module.encode(module.embed(sources), sources), sources["attention_mask"][..., None]
    loss = squared_distance(*aligned(module, batch)) + 0.5 * (((now - was) * mask) ** 2).sum() / mask.sum()
    theirs = loss.detach(), gradients(module, loss)
    assert difference(module, term(own, module, batch), theirs) < CLOSE
