"""transformers' sequence classifiers, for models that read the first token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xltrobust.exporting.layout import Layout, Texts, literal

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from xltrobust.models.classifier import RobustClassifier

# Where sequence classifiers of a family keep the two layers of the head: dense, tanh, out, on the first token.
HEADS = {
    "bert": ("bert.pooler.dense", "classifier"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
    "xlm-roberta": ("classifier.dense", "classifier.out_proj"),
    "deberta-v2": ("pooler.dense", "classifier"),
}
_OPTIONS = {"deberta-v2": {"pooler_hidden_act": "tanh"}}


class SequenceClassifier(Layout):
    """A directory for ``AutoModelForSequenceClassification`` and ``AutoTokenizer``."""

    library: ClassVar[str] = "transformers"

    @staticmethod
    def fits(module: RobustClassifier) -> bool:
        """Whether transformers has a class with this pooling and head: those it has read the first token."""
        return module.pooling == "cls" and module.encoder.config.model_type in HEADS

    def save(self, module: RobustClassifier, tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
        sequence_classifier(module).save_pretrained(directory)
        tokenizer.save_pretrained(directory)

    def logits(self, directory: Path, texts: Texts) -> Tensor:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        inputs = AutoTokenizer.from_pretrained(directory)(
            list(texts), truncation=True, padding=True, return_tensors="pt"
        )
        model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
        with torch.no_grad():
            return model(**inputs).logits

    def usage(self, name: str, texts: Texts, max_length: int) -> str:
        pairs = not isinstance(texts[0], str)
        each = "[{'text': first, 'text_pair': second} for first, second in texts]" if pairs else "texts"
        return (
            "from transformers import pipeline\n\n"
            f"texts = {literal(texts)}\n"
            f"classify = pipeline('text-classification', model={name!r})\n"
            f"print(classify({each}, truncation=True))  # at {max_length} tokens, as in training\n"
        )


def sequence_classifier(module: RobustClassifier) -> PreTrainedModel:
    """The transformers model with the weights of a classifier that :meth:`SequenceClassifier.fits`."""
    from transformers import AutoModelForSequenceClassification

    family = module.encoder.config.model_type
    config = type(module.encoder.config).from_dict(module.encoder.config.to_dict() | _OPTIONS.get(family, {}))
    classifier = AutoModelForSequenceClassification.from_config(config)
    classifier.base_model.load_state_dict(module.encoder.state_dict(), strict=False)
    for name, own in zip(HEADS[family], (module.dense, module.out), strict=True):
        classifier.get_submodule(name).load_state_dict(own.state_dict())
    return classifier.eval()
