"""Word alignment by counting: translation models trained on the very pairs that are to be aligned."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal, get_args

from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.errors import MissingPackage
from xltrobust.text.word_table import fold
from xltrobust.text.words import word_parts

Model = Literal["ibm1", "fast_align", "hmm", "eflomal"]
Symmetrization = Literal[
    "union", "intersection", "och", "grow", "grow_diag", "grow_diag_final", "grow_diag_final_and"
]  # fmt: skip
_EM_ITERATIONS = 5


class StatisticalAligner(WordAligner):
    """Aligns by a model of word translation and position, trained in both directions and made symmetric.

    The same texts give the same links. Words are compared in lower case. Texts without words are not aligned, nor are
    those of more than 1,024 words, which the package leaves out.

    Args:
        model: ``ibm1`` (translation alone), ``fast_align`` (and closeness to the diagonal), ``hmm`` (and jumps from
            word to word; begins with ``ibm1``), or ``eflomal`` (jumps and fertilities, by Gibbs sampling).
        symmetrization: how the links of the two directions are joined.
        iterations: passes over the pairs; None is 5, and for ``eflomal`` what it takes for a corpus of that size.
        seed: of ``eflomal``'s samples.

    Raises:
        ValueError: if ``model`` or ``symmetrization`` is unknown, or ``iterations`` is not positive.
        MissingPackage: when it aligns, or is asked for its settings, if sil-thot is not installed.

    References:
        - Brown et al. The mathematics of statistical machine translation (IBM-1). Computational Linguistics 1993.
        - Vogel et al. HMM-based word alignment in statistical translation. COLING 1996.
        - Koehn et al. Statistical phrase-based translation (grow-diag-final). NAACL 2003.
        - Dyer et al. A simple, fast, and effective reparameterization of IBM model 2 (fast_align). NAACL 2013.
        - Östling & Tiedemann. Efficient word alignment with Markov chain Monte Carlo (eflomal). PBML 2016.
    """

    def __init__(
        self,
        *,
        model: Model = "eflomal",
        symmetrization: Symmetrization = "grow_diag_final_and",
        iterations: int | None = None,
        seed: int = 0,
    ) -> None:
        if model not in get_args(Model):
            raise ValueError(f"Expected argument `model` to be one of {get_args(Model)}, but got {model!r}.")
        if symmetrization not in get_args(Symmetrization):
            raise ValueError(
                f"Expected argument `symmetrization` to be one of {get_args(Symmetrization)}, "
                f"but got {symmetrization!r}."
            )
        if iterations is not None and iterations < 1:
            raise ValueError(f"Expected argument `iterations` to be positive or None, but got {iterations!r}.")
        self.model, self.symmetrization, self.iterations, self.seed = model, symmetrization, iterations, seed

    def align(self, sources: Sequence[str], targets: Sequence[str]) -> list[Links]:
        thot = _thot()
        pairs = [(_words(source), _words(target)) for source, target in zip(sources, targets, strict=True)]
        kept = [at for at, pair in enumerate(pairs) if all(pair)]
        links: list[Links] = [[] for _ in pairs]
        if not kept:
            return links
        ours, theirs = [pairs[at][0] for at in kept], [pairs[at][1] for at in kept]
        aligner = thot.SymmetrizedAligner(self._trained(ours, theirs), self._trained(theirs, ours))
        aligner.heuristic = getattr(thot.SymmetrizationHeuristic, self.symmetrization.upper())
        for at, (_, matrix) in zip(kept, aligner.get_best_alignments(ours, theirs), strict=True):
            links[at] = list(zip(*(place.tolist() for place in matrix.to_numpy().nonzero()), strict=True))
        return links

    def settings(self) -> dict[str, Any]:
        _thot()
        own = {"model": self.model, "symmetrization": self.symmetrization, "iterations": self.iterations}
        if self.model == "eflomal":
            own["seed"] = self.seed
        return {"aligner": type(self).__name__, **own, "sil-thot": version("sil-thot")}

    def _trained(self, sources: list[list[str]], targets: list[list[str]]) -> Any:
        thot = _thot()
        passes = self.iterations or _EM_ITERATIONS
        if self.model == "eflomal":
            model = thot.EflomalAlignmentModel()
            model.seed, model.deterministic = self.seed, True
            if self.iterations:  # in the proportions in which it divides them itself
                quarter = -(-self.iterations // 4)
                model.set_iterations(quarter, quarter, self.iterations)
        else:
            model = thot.FastAlignModel() if self.model == "fast_align" else thot.Ibm1AlignmentModel()
        for source, target in zip(sources, targets, strict=True):
            model.add_sentence_pair(source, target, 1)
        _train(model, passes)
        if self.model == "hmm":
            model = thot.HmmAlignmentModel(model)
            _train(model, passes)
        return model


def _train(model: Any, passes: int) -> None:
    model.start_training()
    # Known only once training has started: it goes by the size of the corpus.
    for _ in range(getattr(model, "scheduled_iterations", passes)):
        model.train()
    model.end_training()


def _thot() -> Any:
    try:
        import thot.alignment
    except ModuleNotFoundError:
        raise MissingPackage("Statistical word alignment needs", "sil-thot") from None
    return thot.alignment


def _words(text: str) -> list[str]:
    # Lower case also keeps words from being taken for the package's own, such as NULL.
    return [fold(text[start:end]) for start, end in word_parts(text)]
