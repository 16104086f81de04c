"""The model: a pretrained encoder with a classification head, trained on the task loss and regularizers' terms."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn

from xltrobust.encoders.layers import encoder_layers, shifted
from xltrobust.encoders.load import encoder_inputs, load_encoder
from xltrobust.errors import IncompatibleRegularizer, UserError
from xltrobust.models.budget import ComputeBudget
from xltrobust.models.language_maps import LanguageMaps
from xltrobust.models.network import Batch
from xltrobust.models.objective import Classification, Objective
from xltrobust.models.optimizer import linear_schedule, parameter_groups
from xltrobust.models.output import Output
from xltrobust.models.term_weights import TermWeights
from xltrobust.seeding import derived_seed, drawn_from, global_seed


class NonFiniteLoss(UserError, RuntimeError):
    """The loss is NaN or infinite, and training cannot recover."""


class RobustClassifier(TermWeights, ComputeBudget, pl.LightningModule):
    """Classification of texts or text pairs with any multilingual encoder.

    Args:
        encoder: hub name, local directory, ``bundled`` or ``bundled-cnn``.
        labels: the classes; the command line takes them from the data.
        freeze_embeddings: see :func:`load_encoder`.
        freeze_encoder: train the head alone.
        pooling: ``cls`` takes the first token's vector, ``mean`` the mean over all tokens but padding, ``encoder``
            the encoder's own pooling, which ``bundled-cnn`` alone has and needs.
        dropout: dropout probability of the encoder and the head. None keeps the encoder's, and takes 0.1 for the head.
        encoder_lr: peak learning rate of the encoder.
        head_lr: peak learning rate of the head (and of regularizers' own parameters).
        weight_decay: of AdamW; not applied to biases and layer norms.
        warmup: share of the training over which the learning rates rise linearly, before they fall linearly to zero.
        max_passes: the training's budget, in plain passes over the training set that cost as much as its encoder
            passes (see :class:`~xltrobust.models.budget.ComputeBudget`); replaces ``trainer.max_epochs``, and the
            learning rate schedule spans it. Methods are to be compared at equal ``max_passes``.
        head_seed: of the head's initial weights. Runs of different seeds that share it start from the same head, so
            that the mean of their weights can be taken. None draws them as the run's seed has it.
        measure_shares: the number of first steps in which the share that each term's gradient has of the task's is
            measured (see :class:`~xltrobust.models.gradient_share.GradientShare`) for terms whose weight is fixed, too.

    Attributes:
        objective: the task's loss and answers; a subclass for another kind of task sets its own.
    """

    objective: Objective = Classification()

    def __init__(
        self,
        *,
        encoder: str = "bundled",
        labels: list[str],
        freeze_embeddings: bool = False,
        freeze_encoder: bool = False,
        pooling: Literal["cls", "mean", "encoder"] = "cls",
        dropout: float | None = None,
        encoder_lr: float = 2e-5,
        head_lr: float = 1e-3,
        weight_decay: float = 0.01,
        warmup: float = 0.1,
        max_passes: float | None = None,
        head_seed: int | None = None,
        measure_shares: int = 0,
    ) -> None:
        super().__init__()
        if len(labels) < 2:
            raise ValueError(f"Expected argument `labels` to name at least two classes, but got {labels}.")
        if pooling not in ("cls", "mean", "encoder"):
            raise ValueError(f"Expected argument `pooling` to be 'cls', 'mean' or 'encoder', but got {pooling!r}.")
        rates = {"encoder_lr": encoder_lr, "head_lr": head_lr, "weight_decay": weight_decay}
        for name, value in rates.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"Expected argument `{name}` to be a number that is not negative, but got {value}.")
        if not 0 <= warmup <= 1:
            raise ValueError(f"Expected argument `warmup` to be in [0, 1], but got {warmup}.")
        if max_passes is not None and not 0 < max_passes < math.inf:
            raise ValueError(f"Expected argument `max_passes` to be positive or None, but got {max_passes}.")
        if head_seed is not None and not 0 <= head_seed < 2**32:
            raise ValueError(
                f"Expected argument `head_seed` to be None or a number from 0 to {2**32 - 1}, but got {head_seed}."
            )
        if measure_shares < 0:
            raise ValueError(f"Expected argument `measure_shares` to be at least 0, but got {measure_shares}.")
        self.save_hyperparameters()
        self.labels = labels
        self.measure_shares = measure_shares
        self.pooling = pooling
        self.max_passes = max_passes
        self.encoder = load_encoder(encoder, freeze_embeddings=freeze_embeddings, dropout=dropout)
        if (pooling == "encoder") != hasattr(self.encoder, "pool"):
            expected = "'cls' or 'mean'" if pooling == "encoder" else "'encoder'"
            raise ValueError(f"Expected argument `pooling` to be {expected} for {encoder}, but got {pooling!r}.")
        if freeze_encoder:
            self.encoder.requires_grad_(False)
        self.checkpoint_notes: dict[str, Any] = {}  # what others want kept in every checkpoint, by its key there
        self.language_maps = LanguageMaps()
        self.pretraining = False  # in a stage in which the task is not trained yet
        hidden = self.encoder.config.hidden_size
        with nullcontext() if head_seed is None else drawn_from(head_seed):
            self.dense = nn.Linear(hidden, hidden)
            self.dropout = nn.Dropout(0.1 if dropout is None else dropout)
            self.out = nn.Linear(hidden, len(labels))

    # The steps of a forward pass, which regularizers and attacks build on

    def embed(self, batch: Batch) -> Tensor:
        """Token embeddings before positions and layer norm, shape (B, T, H), which perturbations are added to."""
        return self.encoder.get_input_embeddings()(batch["input_ids"])

    def encode(
        self,
        embeddings: Tensor,
        batch: Batch,
        shift: Tensor | None = None,
        layer: int = 0,
        encoder: nn.Module | None = None,
    ) -> Tensor:
        """The last layer's output, shape (B, T, H), for embeddings of shape (B, T, H).

        Args:
            embeddings: as :meth:`embed` returns them, perturbed or not.
            batch: has the mask, token types and languages.
            shift: is added to the output of ``layer``, shape (B, T, H).
            layer: number of the shifted layer; 0 is the embeddings.
            encoder: another encoder of the same class, such as a frozen copy; None takes the model's.
        """
        if shift is not None and layer == 0:
            embeddings = embeddings + shift.to(embeddings.dtype)
        with nullcontext() if shift is None or layer == 0 else shifted(self.layers[layer - 1], shift):
            hidden = (encoder or self.encoder)(**encoder_inputs(self.encoder, batch, embeddings)).last_hidden_state
        hidden = self.language_maps(hidden, batch)
        if self.training:
            self.passes.count(hidden, batch["attention_mask"])
            self.note_output(hidden)
        return hidden

    def pool(self, hidden: Tensor, batch: Batch) -> Tensor:
        """One vector an example, shape (B, H), of hidden states, shape (B, T, H)."""
        if self.pooling == "cls":
            return hidden[:, 0]
        if self.pooling == "encoder":
            return self.encoder.pool(hidden, batch["attention_mask"])
        mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(1) / mask.sum(1)

    def classify(self, pooled: Tensor) -> Tensor:
        """Logits, shape (B, C), of pooled vectors, shape (B, H)."""
        return self.out(self.dropout(self.features(pooled)))

    def features(self, pooled: Tensor) -> Tensor:
        """The input of the head's last layer, before dropout, shape (B, H), of pooled vectors, shape (B, H)."""
        return torch.tanh(self.dense(pooled))

    def logits(self, embeddings: Tensor, batch: Batch, shift: Tensor | None = None, layer: int = 0) -> Tensor:
        """Logits, shape (B, C), for token embeddings, shape (B, T, H): encodes, pools and classifies in one call."""
        return self.classify(self.pool(self.encode(embeddings, batch, shift, layer), batch))

    def forward(self, batch: Batch) -> Output:
        output = Output(self, batch)
        _ = output.logits  # computed here, within Lightning's precision context, not on first access
        return output

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers; 1 is the first.

        Raises:
            IncompatibleRegularizer: if the encoder does not keep them in one list.
        """
        if (found := encoder_layers(self.encoder)) is None:
            name = type(self.encoder).__name__
            raise IncompatibleRegularizer(f"{name} has no list of layers to perturb: use layer 0.")
        return found

    # Training

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # Seeded by step: a resumed run draws what the uninterrupted one would have drawn.
        torch.manual_seed(derived_seed("step", global_seed(), self.current_epoch, batch_idx, self.global_rank))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        output = Output(self, batch)
        active, pretraining = self.active_regularizers()
        share = 0.0 if pretraining else min([1.0, *(term.task_share for term in active)])
        loss = torch.zeros((), device=self.device)
        self.pretraining = pretraining
        if pretraining:  # DDP waits for gradients of the head
            loss = loss + 0.0 * self.classify(torch.zeros(1, self.dense.in_features, device=self.device)).sum()
        self.note_outputs([] if pretraining else active)
        # Terms first: one may need gradients of the clean pass, and has to ask for them before it is computed.
        terms: dict[str, Tensor] = {}
        for regularizer in active:
            term = regularizer.term(self, batch, output)
            if term is not None:
                self.log(f"train/{regularizer.name}", term, prog_bar=not share)
                terms[regularizer.name] = term
        self.count_pairs(batch, active)
        if not pretraining:
            self.task_examples += len(batch["labels"])
        task: Tensor | None = None
        if share:
            task = self.objective.loss(output.logits, batch["labels"])
            self.log("train/task", task, prog_bar=True)
            task = share * task
        weights = self.term_weights(active, terms, task)
        for name, term in terms.items():
            loss = loss + weights[name] * term
        if task is not None:
            loss = loss + task
        self.log("train/loss", loss)
        if not torch.isfinite(loss):
            raise NonFiniteLoss(
                f"The loss became {loss.item()} at step {self.global_step} (epoch {self.current_epoch}): lower the "
                "learning rates or the regularizers' weights. The last good checkpoint is kept."
            )
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        if not self.pretraining:
            self.task_steps += 1
            return
        # Or Adam's averages for the head would start from the zero gradients of this stage.
        for parameter in (*self.dense.parameters(), *self.out.parameters()):
            parameter.grad = None

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """The logits, shape (B, C), for the callback that scores them."""
        return {"logits": self(batch).logits}

    test_step = validation_step

    def configure_optimizers(self) -> Any:
        options = self.hparams
        groups = parameter_groups(self, "encoder.", options["encoder_lr"], options["head_lr"], options["weight_decay"])
        # fused: one kernel over all parameters, on CPU as on GPU; Lightning cannot clip between its unscaling and step.
        clips_scaled = self.trainer.gradient_clip_val and isinstance(self.trainer.precision_plugin, MixedPrecision)
        optimizer = torch.optim.AdamW(groups, fused=not clips_scaled)
        if self.max_passes is None:
            schedule = linear_schedule(optimizer, self.planned_steps, options["warmup"])
        else:
            schedule = linear_schedule(optimizer, self.max_passes, options["warmup"], lambda _: self.used_passes)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    # Checkpoints hold what training changed: frozen word embeddings, most of the encoder, are loaded from its files

    def _frozen(self) -> list[str]:
        return [name for name, parameter in self.encoder.named_parameters("encoder") if not parameter.requires_grad]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint |= self.checkpoint_notes
        for name in self._frozen():
            del checkpoint["state_dict"][name]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.language_maps.make_room(checkpoint["state_dict"], "language_maps.")
        state = self.state_dict()
        for name in self._frozen():
            checkpoint["state_dict"].setdefault(name, state[name])
        # Regularizers' own parameters serve training alone; a model that is tested or exported has none.
        for name in [name for name in checkpoint["state_dict"] if name.startswith("regularizer_modules.")]:
            if name not in state:
                del checkpoint["state_dict"][name]
