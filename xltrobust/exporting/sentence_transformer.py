"""sentence-transformers' chains of modules, for models that read the mean of all tokens.

No sequence classifier of transformers pools so, and a class of our own would be remote code to whoever loads it.
sentence-transformers has all the parts: the encoder, the mean over its tokens and two dense layers. Their last output,
which the library calls an embedding, is the logits.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from xltrobust.errors import MissingPackage
from xltrobust.exporting.layout import Layout, Texts, literal

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from xltrobust.models.classifier import RobustClassifier


class SentenceTransformerChain(Layout):
    """A directory for ``SentenceTransformer``, whose ``encode`` then gives logits."""

    library: ClassVar[str] = "sentence-transformers"

    def save(self, module: RobustClassifier, tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
        try:
            from sentence_transformers import SentenceTransformer
            from sentence_transformers.base.modules import Dense, Transformer
            from sentence_transformers.sentence_transformer.modules import Pooling
        except ModuleNotFoundError:
            purpose = "Exporting this model needs" if module.pooling == "cls" else "Exporting mean pooling needs"
            raise MissingPackage(purpose, "sentence-transformers", extra="export") from None
        from torch.nn import Identity, Tanh

        # An encoder without the pooler that nobody trained, also when it is loaded again.
        takes = inspect.signature(type(module.encoder).__init__).parameters
        options = {"add_pooling_layer": False} if "add_pooling_layer" in takes else {}
        with TemporaryDirectory(dir=directory) as written:
            module.encoder.save_pretrained(written)
            tokenizer.save_pretrained(written)
            encoder = Transformer(written, model_kwargs=dict(options))
            encoder.config_keys, encoder.model_kwargs = [*encoder.config_keys, "model_kwargs"], options
            pooling = Pooling(module.dense.in_features, module.pooling)
            layers = [
                Dense(
                    own.in_features,
                    own.out_features,
                    activation_function=function,
                    init_weight=own.weight.detach(),
                    init_bias=own.bias.detach(),
                )
                for own, function in ((module.dense, Tanh()), (module.out, Identity()))
            ]
            chain = SentenceTransformer(modules=[encoder, pooling, *layers], device="cpu")
            chain.save_pretrained(str(directory), create_model_card=False)

    def logits(self, directory: Path, texts: Texts) -> Tensor:
        from sentence_transformers import SentenceTransformer

        chain = SentenceTransformer(str(directory), device="cpu", local_files_only=True)
        return chain.encode(list(texts), convert_to_tensor=True, show_progress_bar=False)

    def usage(self, name: str, texts: Texts, max_length: int) -> str:
        return (
            "from sentence_transformers import SentenceTransformer\n\n"
            f"texts = {literal(texts)}\n"
            f"model = SentenceTransformer({name!r})\n"
            f"logits = model.encode(texts)  # cuts texts at {max_length} tokens, as in training\n"
            "labels = model[0].model.config.id2label\n"
            "print([labels[int(row.argmax())] for row in logits])\n"
        )
