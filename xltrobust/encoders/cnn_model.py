"""A sentence encoder of convolutions over token embeddings: the multilingual Universal Sentence Encoder's network.

B texts, T tokens, E size of the token embeddings, F filters of a branch, H hidden size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class CnnConfig(PreTrainedConfig):
    """The network's sizes.

    Args:
        vocab_size: number of token embeddings.
        embedding_size: their size, E.
        widths: of the windows, in tokens, one a branch.
        filters: of each branch, F.
        hidden_size: of a token's output and of a text's vector, H.
        pooler_size: of the two narrow layers of the pooler.
        layer_norm_eps: of all layer norms.
        num_hidden_layers: 1, for the branches have no outputs of the same shape to perturb.
    """

    model_type = "use-cnn"

    vocab_size: int = 128_010
    embedding_size: int = 512
    widths: list[int] | tuple[int, ...] = (2, 3, 5)
    filters: int = 256
    hidden_size: int = 512
    pooler_size: int = 320
    layer_norm_eps: float = 1e-12
    num_hidden_layers: int = 1
    pad_token_id: int | None = None


class CnnModel(PreTrainedModel):
    """Token embeddings, then a projection and a branch of two residual convolutions for each width of window.

    A token's output is a linear map of its embedding and all branches, after layer norm; it depends on the few tokens
    around it. :meth:`pool` makes the text's vector.

    References:
        - Yang et al. Multilingual universal sentence encoder for semantic retrieval. ACL 2020, system demonstrations.
    """

    config_class = CnnConfig
    base_model_prefix = "encoder"
    _input_embed_layer = "token_embeddings"

    def __init__(self, config: CnnConfig) -> None:
        super().__init__(config)
        size, filters, eps = config.embedding_size, config.filters, config.layer_norm_eps
        self.token_embeddings = nn.Embedding(config.vocab_size, size)
        inputs = filters * len(config.widths)
        self.inputs = nn.Linear(size, inputs)
        self.inputs_norm = nn.LayerNorm(inputs, eps=eps)  # over the inputs of all branches together
        self.branches = nn.ModuleList(_Branch(filters, width) for width in config.widths)
        features = size + inputs
        self.norm = nn.LayerNorm(features, eps=eps)
        self.project = nn.Linear(features, config.hidden_size)
        self.pooler = _Pooler(config.hidden_size, config.pooler_size)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> BaseModelOutput:
        """Outputs of the tokens, shape (B, T, H); with ``output_hidden_states``, the embeddings too, (B, T, E).

        Args:
            input_ids: shape (B, T); or ``inputs_embeds``, shape (B, T, E).
            attention_mask: 0 for padding, shape (B, T); None if there is none.
            inputs_embeds: in place of ``input_ids``.
            output_hidden_states: return the embeddings and the outputs in ``hidden_states``.
        """
        embeddings = self.token_embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        mask = embeddings.new_ones(embeddings.shape[:2]) if attention_mask is None else attention_mask
        mask = mask.unsqueeze(-1).to(embeddings.dtype)
        inputs = self.inputs_norm(self.inputs(embeddings)).chunk(len(self.branches), dim=-1)
        outputs = [branch(own, mask) for branch, own in zip(self.branches, inputs, strict=True)]
        features = torch.cat([embeddings, *outputs], dim=-1)
        hidden = self.project(self.norm(features))
        return BaseModelOutput(
            last_hidden_state=hidden, hidden_states=(embeddings, hidden) if output_hidden_states else None
        )

    def pool(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """The vectors of B texts, shape (B, H), each number in (-1, 1): the pretrained ones but for their length.

        Args:
            hidden: outputs of the tokens, shape (B, T, H).
            attention_mask: 0 for padding, shape (B, T).
        """
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return self.pooler((hidden * mask).sum(1) / mask.sum(1).sqrt())


class _Branch(nn.Module):
    def __init__(self, filters: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(filters, filters, width)
        self.second = nn.Conv1d(filters, filters, width)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        for convolution in (self.first, self.second):
            hidden = hidden * mask  # so that a window over the end of a text sees zeros, padded or not
            before = (convolution.kernel_size[0] - 1) // 2
            after = convolution.kernel_size[0] - 1 - before
            windows = functional.pad(hidden.transpose(1, 2), (before, after))
            hidden = torch.relu(convolution(windows).transpose(1, 2)) + hidden
        return hidden


class _Pooler(nn.Module):
    """Four layers without biases; the second and the last also read what the layer before them reads."""

    def __init__(self, size: int, narrow: int) -> None:
        super().__init__()
        self.first = nn.Linear(size, narrow, bias=False)
        self.second = nn.Linear(narrow, narrow, bias=False)
        self.around_first = nn.Linear(size, narrow, bias=False)
        self.third = nn.Linear(narrow, size, bias=False)
        self.fourth = nn.Linear(size, size, bias=False)
        self.around_third = nn.Linear(narrow, size, bias=False)

    def forward(self, pooled: Tensor) -> Tensor:
        middle = torch.relu(self.second(torch.relu(self.first(pooled))) + self.around_first(pooled))
        return torch.tanh(self.fourth(torch.relu(self.third(middle))) + self.around_third(middle))


AutoConfig.register(CnnConfig.model_type, CnnConfig)
AutoModel.register(CnnConfig, CnnModel)
