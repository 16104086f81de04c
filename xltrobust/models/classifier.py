"""The one model: a pretrained encoder with a classification head, trained on the task loss and regularizers' terms."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xltrobust.errors import UserError
from xltrobust.models.encoders import load_encoder
from xltrobust.models.evaluation import MultilingualEvaluation
from xltrobust.models.optimization import linear_schedule, parameter_groups
from xltrobust.seeding import derived_seed, global_seed

if TYPE_CHECKING:
    from xltrobust.regularizers.base import Regularizer

Batch = dict[str, Any]


class NonFiniteLoss(UserError, RuntimeError):
    """The loss is NaN or infinite: training on cannot help."""


@dataclass(frozen=True)
class Output:
    """One forward pass, step by step; B examples, T tokens, H hidden size, C classes.

    Args:
        embeddings: output of the encoder's input embeddings, before positions and layer norm, shape (B, T, H).
        hidden: output of the encoder's last layer, shape (B, T, H).
        pooled: one vector an example, shape (B, H).
        logits: shape (B, C).
    """

    embeddings: Tensor
    hidden: Tensor
    pooled: Tensor
    logits: Tensor


class RobustClassifier(MultilingualEvaluation, pl.LightningModule):
    """Text or text-pair classification with any multilingual encoder.

    Args:
        encoder: hub name, local directory or ``bundled``.
        labels: the classes; the command line takes them from the data.
        freeze_embeddings: see :func:`load_encoder`.
        pooling: ``cls`` takes the first token's vector, ``mean`` the average over all that are not padding.
        dropout: replaces the encoder's dropout probabilities; also used in the head. None keeps the encoder's, and 0.1
            in the head.
        encoder_lr: peak learning rate of the encoder.
        head_lr: peak learning rate of the head (and of regularizers' own parameters).
        weight_decay: AdamW's, not applied to biases and layer norms.
        warmup: share of the steps over which the learning rates rise before they fall linearly to zero.
    """

    def __init__(
        self,
        *,
        encoder: str = "bundled",
        labels: list[str],
        freeze_embeddings: bool = False,
        pooling: Literal["cls", "mean"] = "cls",
        dropout: float | None = None,
        encoder_lr: float = 2e-5,
        head_lr: float = 1e-3,
        weight_decay: float = 0.01,
        warmup: float = 0.1,
    ) -> None:
        super().__init__()
        if len(labels) < 2:
            raise ValueError(f"Expected argument `labels` to name at least two classes, but got {labels}.")
        if pooling not in ("cls", "mean"):
            raise ValueError(f"Expected argument `pooling` to be 'cls' or 'mean', but got {pooling!r}.")
        if not 0 <= warmup <= 1:
            raise ValueError(f"Expected argument `warmup` to be in [0, 1], but got {warmup}.")
        self.save_hyperparameters()
        self.labels = labels
        self.pooling = pooling
        self.encoder = load_encoder(encoder, freeze_embeddings=freeze_embeddings, dropout=dropout)
        hidden = self.encoder.config.hidden_size
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(0.1 if dropout is None else dropout)
        self.out = nn.Linear(hidden, len(labels))
        self._inputs = {"attention_mask", "token_type_ids", "langs"} & set(
            inspect.signature(self.encoder.forward).parameters
        )
        self.regularizers: list[Regularizer] = []
        # Parameters that regularizers make: here the optimizer, the checkpoints and DDP find them.
        self.regularizer_modules = nn.ModuleDict()

    # The steps of a forward pass: what regularizers and attacks are built on

    def embed(self, batch: Batch) -> Tensor:
        """Token embeddings before positions and layer norm, shape (B, T, H): what balls and certificates are about."""
        return self.encoder.get_input_embeddings()(batch["input_ids"])

    def encode(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """The last layer's output, shape (B, T, H), for embeddings of shape (B, T, H)."""
        inputs = {name: batch[name] for name in self._inputs if name in batch}
        return self.encoder(inputs_embeds=embeddings, **inputs).last_hidden_state

    def pool(self, hidden: Tensor, batch: Batch) -> Tensor:
        """One vector an example, shape (B, H), from hidden states of shape (B, T, H)."""
        if self.pooling == "cls":
            return hidden[:, 0]
        mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(1) / mask.sum(1)

    def classify(self, pooled: Tensor) -> Tensor:
        """Logits, shape (B, C), of pooled vectors, shape (B, H)."""
        return self.out(self.dropout(torch.tanh(self.dense(pooled))))

    def logits(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """Logits, shape (B, C), for token embeddings of shape (B, T, H): what is done with them in one call."""
        return self.classify(self.pool(self.encode(embeddings, batch), batch))

    def forward(self, batch: Batch) -> Output:
        embeddings = self.embed(batch)
        hidden = self.encode(embeddings, batch)
        pooled = self.pool(hidden, batch)
        return Output(embeddings, hidden, pooled, self.classify(pooled))

    # Training

    def register_regularizer(self, regularizer: Regularizer) -> None:
        """Adds a regularizer's term to the loss; called by the regularizer in its ``setup``."""
        if any(own.name == regularizer.name for own in self.regularizers):
            raise ValueError(f"Two regularizers are named {regularizer.name!r}: give one of them another `name`.")
        self.regularizers.append(regularizer)
        built = regularizer.build(self)
        if built is not None:
            self.regularizer_modules[regularizer.name] = built

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # Random state as a function of the step: a resumed run draws what the uninterrupted one would have drawn.
        torch.manual_seed(derived_seed("step", global_seed(), self.current_epoch, batch_idx, self.global_rank))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        output = self(batch)
        loss = F.cross_entropy(output.logits, batch["labels"])
        self.log("train/task", loss, prog_bar=True)
        for regularizer in self.regularizers:
            term = regularizer.term(self, batch, output)
            if term is not None:
                self.log(f"train/{regularizer.name}", term)
                loss = loss + regularizer.weight * term
        self.log("train/loss", loss)
        if not torch.isfinite(loss):
            raise NonFiniteLoss(
                f"The loss became {loss.item()} at step {self.global_step} (epoch {self.current_epoch}): lower the "
                "learning rates or the regularizers' weights. The last good checkpoint is kept."
            )
        return loss

    def configure_optimizers(self) -> Any:
        options = self.hparams
        groups = parameter_groups(self, "encoder.", options["encoder_lr"], options["head_lr"], options["weight_decay"])
        # fused: one kernel over all parameters, on CPU as on GPU.
        optimizer = torch.optim.AdamW(groups, fused=True)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = linear_schedule(optimizer, steps, options["warmup"])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    # Checkpoints hold what training changed: frozen word embeddings, most of the encoder, come from the encoder's files

    def _frozen(self) -> list[str]:
        return [name for name, parameter in self.named_parameters() if not parameter.requires_grad]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        for name in self._frozen():
            del checkpoint["state_dict"][name]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        own = self.state_dict()
        for name in self._frozen():
            checkpoint["state_dict"].setdefault(name, own[name])
        # What regularizers built serves training; the model that is tested or handed out does without.
        for name in [name for name in checkpoint["state_dict"] if name.startswith("regularizer_modules.")]:
            if name not in own:
                del checkpoint["state_dict"][name]
