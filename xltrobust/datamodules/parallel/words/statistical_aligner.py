"""Statistical word alignment: translation models trained on the pairs that they align."""

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
    """Aligns words by a model of word translation and position, trained in both directions and symmetrized.

    The same texts give the same links. Words are compared in lower case. Pairs with a text that has no words, or more
    than sil-thot's limit of 1,024, are not aligned.

    Args:
        model: ``ibm1`` (word translation only), ``fast_align`` (adds distance from the diagonal), ``hmm`` (adds jumps
            between positions; initialized by ``ibm1``), or ``eflomal`` (adds jumps and fertilities; Gibbs sampling).
        symmetrization: how the links of the two directions are combined.
        iterations: of training over the pairs; None means 5, or for ``eflomal`` its own choice for the corpus size.
        seed: of ``eflomal``'s sampling.

    Raises:
        ValueError: if ``model`` or ``symmetrization`` is unknown, or ``iterations`` is not positive.
        MissingPackage: on aligning, or on asking for the settings, if sil-thot is not installed.

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
        options = {"model": self.model, "symmetrization": self.symmetrization, "iterations": self.iterations}
        if self.model == "eflomal":
            options["seed"] = self.seed
        return {"aligner": type(self).__name__, **options, "sil-thot": version("sil-thot")}

    def _trained(self, sources: list[list[str]], targets: list[list[str]]) -> Any:
        thot = _thot()
        iterations = self.iterations or _EM_ITERATIONS
        if self.model == "eflomal":
            model = thot.EflomalAlignmentModel()
            model.seed, model.deterministic = self.seed, True
            if self.iterations:  # divided among its three stages in eflomal's own proportions
                quarter = -(-self.iterations // 4)
                model.set_iterations(quarter, quarter, self.iterations)
        else:
            model = thot.FastAlignModel() if self.model == "fast_align" else thot.Ibm1AlignmentModel()
        for source, target in zip(sources, targets, strict=True):
            model.add_sentence_pair(source, target, 1)
        _train(model, iterations)
        if self.model == "hmm":
            model = thot.HmmAlignmentModel(model)
            _train(model, iterations)
        return model


def _train(model: Any, iterations: int) -> None:
    model.start_training()
    # Eflomal schedules its iterations by the size of the corpus, which it knows once training has started.
    for _ in range(getattr(model, "scheduled_iterations", iterations)):
        model.train()
    model.end_training()


def _thot() -> Any:
    try:
        import thot.alignment
    except ModuleNotFoundError:
        raise MissingPackage("Statistical word alignment needs", "sil-thot") from None
    return thot.alignment


def _words(text: str) -> list[str]:
    # Lower case also keeps words from being confused with sil-thot's special words, such as NULL.
    return [fold(text[start:end]) for start, end in word_parts(text)]
