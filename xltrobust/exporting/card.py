"""The model card of an exported model: README.md, as the hub shows it. Every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from huggingface_hub import ModelCard

from xltrobust.exporting.agreement import SENTENCES
from xltrobust.exporting.attacks import attack_blocks
from xltrobust.exporting.layout import Layout, Texts
from xltrobust.exporting.metadata import metadata
from xltrobust.report.about import about
from xltrobust.report.blocks import Block, Code, Facts, Heading, Notes, Prose
from xltrobust.report.conditions import CLEAN
from xltrobust.report.explanations import accuracies_explained
from xltrobust.report.markdown import to_markdown
from xltrobust.report.notes import summary_notes
from xltrobust.report.summary import Report
from xltrobust.report.tables.accuracy import run_table


def model_card(report: Report, layout: Layout, name: str, max_length: int, difference: float) -> ModelCard:
    """What the model is, how to use it, how accurate it is, clean and attacked, its limits, and how to reproduce it.

    Args:
        report: of the run, and of no other.
        layout: that the model was written in.
        name: of the model on the hub, or of its directory.
        max_length: tokens that the run cut its texts at.
        difference: the largest of a logit to the run's model.
    """
    blocks = enumerate(_blocks(report, layout, name, max_length, difference))
    body = to_markdown((1 if at == 0 else 2, block) for at, block in blocks)
    card = metadata(report.summaries[0], layout.library)
    return ModelCard(f"---\n{card.to_yaml()}\n---\n\n{body}")


def _blocks(report: Report, layout: Layout, name: str, max_length: int, difference: float) -> Iterator[Block]:
    summary = report.summaries[0]
    results = summary.run.results
    pairs, labels = bool(results.get("text_pairs")), [str(label) for label in results.get("labels") or []]
    yield Heading(summary.run.name)
    yield Prose(
        f"Classifies {'pairs of texts' if pairs else 'texts'}. Fine-tuned in one language and tested in "
        f"{len(summary.languages)}, on clean texts and on texts changed by attacks, with xltrobust."
    )
    yield Facts(
        {
            "task": f"{results.get('task') or ''}: {len(labels)} classes",
            "classes": ", ".join(labels),
            "trained in": summary.source,
            "tested in": ", ".join(summary.languages),
            "encoder": str(results.get("encoder") or ""),
            "maximum length": f"{max_length} tokens; what is longer is cut",
        }
    )
    yield Heading("How to use it")
    texts: Texts = [SENTENCES[:2]] if pairs else SENTENCES[:2]
    yield Code(layout.usage(name, texts, max_length).rstrip(), "python")
    yield Prose(
        f"For `{layout.library}`; no remote code is run. The logits of twenty texts in ten scripts, half of them over "
        f"the maximum length, differ by at most {difference:.1e} from those of the model that was tested."
    )
    yield Heading("How accurate it is")
    yield replace(run_table(summary, report.languages), title="")
    yield from accuracies_explained(report)
    yield from attack_blocks(results)
    yield Heading("Limits")
    yield Notes([("", note) for note in _limits(report)])
    yield Heading("How to reproduce it")
    yield from about(summary)


def _limits(report: Report) -> list[str]:
    summary = report.summaries[0]
    others = [name for name in summary.languages if name != summary.source]
    limits = []
    if others:
        limits.append(
            f"Labels were learnt in {summary.source} alone: accuracy in {', '.join(others)} is what carried over."
        )
    limits.append("Nothing is known about languages, dialects, domains and registers that are not in the test set.")
    limits.append(
        "Intervals speak of other test examples of the same kind. Another seed, or the same seed on another processor, "
        "ends in another model, whose accuracy may differ by more."
    )
    attacks = [name for name in summary.conditions if name != CLEAN]
    limits.append(
        "Accuracy under attack is an upper bound: it is under these attacks with these budgets, and others, or people, "
        "may find texts that these did not."
        if attacks
        else "How it stands up to typing errors and other changes of the text has not been measured."
    )
    limits.append("The licences of the encoder and of the data apply.")
    return limits + summary_notes(summary)
