"""Linear algebra of :mod:`~xltrobust.statistics.mixed_logit`: a Hessian with a corner of one block an item.

The unknowns are β (P), the dense random terms (together R with β), and for each of I items the M effects of the terms
nested in it. Items with fewer levels than M are padded with levels that no row has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Effects:
    """β and all random effects: ``dense`` (R) begins with β, ``nested`` has shape (I, M)."""

    dense: Array
    nested: Array
    blocks: Blocks

    @property
    def fixed(self) -> Array:
        return self.dense[: self.blocks.parameters]

    @property
    def size(self) -> int:
        return self.dense.size + self.nested.size

    @property
    def largest(self) -> float:
        return float(max(np.abs(self.dense).max(initial=0), np.abs(self.nested).max(initial=0)))

    def plus(self, step: Effects, size: float) -> Effects:
        return Effects(self.dense + size * step.dense, self.nested + size * step.nested, self.blocks)

    def squares(self) -> Array:
        """The sum of squares of each random term's effects, shape (K,)."""
        parts = [
            self.nested[:, where] if nested else self.dense[where] for nested, where in self.blocks.places.values()
        ]
        return np.array([float((part**2).sum()) for part in parts])

    def penalty(self, variances: Array) -> float:
        return float((self.squares() / variances).sum())


class Blocks:
    """Where each row's levels stand among the unknowns, and the sums over rows.

    Args:
        fixed: shape (N,), each row's combination of the fixed factors.
        random: shape (N,) by the term's name.
        design: shape (combinations, P); by default the identity.
        nested_in: shape (N,), the grouping whose nested terms are eliminated by blocks.
    """

    def __init__(
        self, fixed: Codes, random: Mapping[str, Codes], design: ArrayLike | None, nested_in: ArrayLike | None
    ) -> None:
        combinations = int(fixed.max()) + 1
        self.design = np.eye(combinations) if design is None else np.asarray(design, dtype=float)
        self.parameters = self.design.shape[1]
        self.fixed = fixed
        self.places: dict[str, tuple[bool, slice]] = {}
        self._dense: list[tuple[Codes, int, int]] = []  # codes, levels, where they begin
        self._nested: list[tuple[Codes, int, int]] = []
        item = np.zeros(len(fixed), dtype=np.intp) if nested_in is None else np.asarray(nested_in)
        self.items = 0 if nested_in is None else int(item.max()) + 1
        begin, begin_nested = self.parameters, 0
        self._levels: list[int] = []
        for name, codes in random.items():
            local = None if nested_in is None else _within(codes, item)
            if local is None:
                levels = int(codes.max()) + 1
                self.places[name] = (False, slice(begin, begin + levels))
                self._dense.append((codes, levels, begin))
                begin += levels
                self._levels.append(levels)
            else:
                levels = int(local.max()) + 1
                self.places[name] = (True, slice(begin_nested, begin_nested + levels))
                self._nested.append((item * levels + local, levels, begin_nested))
                begin_nested += levels
                self._levels.append(levels * self.items)
        self.dense, self.width = begin, begin_nested
        # Rows with the same dense levels are summed once, for all pairs of dense terms.
        keys = [fixed, *(codes for codes, _, _ in self._dense)]
        sizes = [combinations, *(levels for _, levels, _ in self._dense)]
        joint = np.ravel_multi_index(keys, sizes)
        kinds, self._kind = np.unique(joint, return_inverse=True)
        self._kinds = np.unravel_index(kinds, sizes)
        self._pairs: dict[tuple[int, int], Codes] = {}
        for a, (codes, _, _) in enumerate(self._nested):
            for b in range(len(keys)):
                self._pairs[a, b] = codes * sizes[b] + keys[b]
        self._sizes = sizes
        self._inner = {}
        for a, (own, levels, _) in enumerate(self._nested):
            for b in range(a, len(self._nested)):
                other, others, _ = self._nested[b]
                local = own - item * levels
                self._inner[a, b] = (item * levels + local) * others + (other - item * others)
        self.levels = np.array(self._levels, dtype=float)

    def zeros(self) -> Effects:
        return Effects(np.zeros(self.dense), np.zeros((self.items, self.width)), self)

    def start(self, effects: Effects, logit: float) -> Effects:
        """β such that all rows have this logit, as nearly as the design allows."""
        dense = effects.dense.copy()
        dense[: self.parameters] = np.linalg.lstsq(self.design, np.full(len(self.design), logit), rcond=None)[0]
        return Effects(dense, effects.nested, self)

    def predict(self, effects: Effects) -> Array:
        """The linear predictor of each row, shape (N,)."""
        by_kind = (self.design @ effects.fixed)[self._kinds[0]]
        for (_, levels, begin), codes in zip(self._dense, self._kinds[1:], strict=True):
            by_kind = by_kind + effects.dense[begin : begin + levels][codes]
        found = by_kind[self._kind]
        for codes, levels, begin in self._nested:
            found += np.ascontiguousarray(effects.nested[:, begin : begin + levels]).ravel()[codes]
        return found

    def gradient(self, residual: Array, effects: Effects, variances: Array) -> Effects:
        """The gradient of the penalised likelihood, from right answers minus expected ones, shape (N,)."""
        by_kind = np.bincount(self._kind, residual, len(self._kinds[0]))
        dense = np.zeros(self.dense)
        dense[: self.parameters] = np.bincount(self._kinds[0], by_kind, len(self.design)) @ self.design
        for (_, levels, begin), codes in zip(self._dense, self._kinds[1:], strict=True):
            dense[begin : begin + levels] = np.bincount(codes, by_kind, levels)
        nested = np.zeros((self.items, self.width))
        for codes, levels, begin in self._nested:
            nested[:, begin : begin + levels] = np.bincount(codes, residual, self.items * levels).reshape(-1, levels)
        for (inner, where), variance in zip(self.places.values(), variances, strict=True):
            if inner:
                nested[:, where] -= effects.nested[:, where] / variance
            else:
                dense[where] -= effects.dense[where] / variance
        return Effects(dense, nested, self)

    def hessian(self, weight: Array, variances: Array) -> Hessian:
        """Minus the second derivatives, from the rows' weights, shape (N,)."""
        by_kind = np.bincount(self._kind, weight, len(self._kinds[0]))
        # Over combinations instead of β at first: rows of the design replace them at the end.
        sizes = self._sizes
        begins = np.cumsum([0, *sizes])
        full = np.zeros((begins[-1], begins[-1]))
        for a, own in enumerate(self._kinds):
            for b in range(a, len(sizes)):
                table = np.bincount(own * sizes[b] + self._kinds[b], by_kind, sizes[a] * sizes[b])
                table = table.reshape(sizes[a], sizes[b])
                full[begins[a] : begins[a + 1], begins[b] : begins[b + 1]] = table
                full[begins[b] : begins[b + 1], begins[a] : begins[a + 1]] = table.T
        corner = np.zeros((self.items, self.width, self.width))
        cross = np.zeros((self.items, self.width, begins[-1]))
        for a, (_, levels, begin) in enumerate(self._nested):
            for b, size in enumerate(sizes):
                table = np.bincount(self._pairs[a, b], weight, self.items * levels * size)
                cross[:, begin : begin + levels, begins[b] : begins[b + 1]] = table.reshape(-1, levels, size)
            for b in range(a, len(self._nested)):
                _, others, there = self._nested[b]
                table = np.bincount(self._inner[a, b], weight, self.items * levels * others)
                table = table.reshape(-1, levels, others)
                corner[:, begin : begin + levels, there : there + others] = table
                corner[:, there : there + others, begin : begin + levels] = table.transpose(0, 2, 1)
        first = sizes[0]
        dense = np.empty((self.dense, self.dense))
        rest = slice(self.parameters, None)
        dense[rest, rest] = full[first:, first:]
        dense[: self.parameters, rest] = self.design.T @ full[:first, first:]
        dense[rest, : self.parameters] = dense[: self.parameters, rest].T
        dense[: self.parameters, : self.parameters] = self.design.T @ full[:first, :first] @ self.design
        cross = np.concatenate([cross[:, :, :first] @ self.design, cross[:, :, first:]], 2)
        for (inner, where), variance in zip(self.places.values(), variances, strict=True):
            if inner:
                at = np.arange(where.start, where.stop)
                corner[:, at, at] += 1 / variance
            else:
                at = np.arange(where.start, where.stop)
                dense[at, at] += 1 / variance
        return Hessian(self, dense, cross, corner)


class Hessian:
    """The Hessian's inverse, by its Schur complement; C stands for the inverse in what follows.

    Args:
        blocks: of which model.
        dense: shape (R, R).
        cross: shape (I, M, R).
        corner: shape (I, M, M), of the nested effects.
    """

    def __init__(self, blocks: Blocks, dense: Array, cross: Array, corner: Array) -> None:
        self.blocks = blocks
        self.levels = blocks.levels
        self._corner = np.linalg.inv(corner)  # (I, M, M)
        self._share = self._corner @ cross  # (I, M, R)
        items, width, rest = cross.shape
        schur = dense - cross.reshape(items * width, rest).T @ self._share.reshape(items * width, rest)
        self._factor = linalg.cho_factor((schur + schur.T) / 2, lower=True)

    @cached_property
    def _inverse(self) -> Array:
        return linalg.cho_solve(self._factor, np.eye(self.blocks.dense))

    @cached_property
    def _grams(self) -> dict[str, Array]:
        """F' F of each nested term's rows F of the share, shape (R, R)."""
        found = {}
        for name, (inner, where) in self.blocks.places.items():
            if inner:
                own = self._share[:, where].reshape(-1, self.blocks.dense)
                found[name] = own.T @ own
        return found

    @cached_property
    def _hats(self) -> dict[str, Array]:
        return {name: self._inverse @ gram for name, gram in self._grams.items()}

    @cached_property
    def _spread(self) -> Array:
        return (self._share.reshape(-1, self.blocks.dense) @ self._inverse).reshape(self._share.shape)

    @property
    def covariance(self) -> Array:
        """Of β, shape (P, P)."""
        return self._inverse[: self.blocks.parameters, : self.blocks.parameters]

    def solve(self, gradient: Effects) -> Effects:
        """The Newton step."""
        inner = np.einsum("imn,in->im", self._corner, gradient.nested)
        right = gradient.dense - np.einsum("imr,im->r", self._share, gradient.nested)
        dense = linalg.cho_solve(self._factor, right)
        return Effects(dense, inner - self._share @ dense, self.blocks)

    def traces(self) -> Array:
        """tr C of each random term, shape (K,)."""
        found = []
        for name, (inner, where) in self.blocks.places.items():
            if inner:
                own = np.trace(self._corner[:, where, where], axis1=1, axis2=2).sum()
                found.append(float(own + (self._grams[name] * self._inverse).sum()))
            else:
                found.append(float(np.trace(self._inverse[where, where])))
        return np.array(found)

    def slopes(self, variances: Array) -> Array:
        """Derivatives of β's covariance by each variance, ``C_βk C_kβ / σ⁴``, shape (K, P, P)."""
        fixed = slice(0, self.blocks.parameters)
        found = np.zeros((len(variances), self.blocks.parameters, self.blocks.parameters))
        for at, (name, (inner, where)) in enumerate(self.blocks.places.items()):
            own = self._inverse[:, fixed] if inner else self._inverse[where, fixed]
            found[at] = (own.T @ self._grams[name] @ own if inner else own.T @ own) / variances[at] ** 2
        return found

    def information(self, variances: Array) -> Array:
        """Expected information of the variances, ``½ ‖Z_k' P Z_l‖²``, shape (K, K); Z'PZ is ``G⁻¹ - G⁻¹ C G⁻¹``."""
        places = list(self.blocks.places.items())
        found = np.zeros((len(places), len(places)))
        for a, (name, (inner, where)) in enumerate(places):
            for b, (other, (inner_b, there)) in enumerate(places[: a + 1]):
                scale = 1 / (variances[a] * variances[b])
                if not inner and not inner_b:
                    part = -scale * self._inverse[where, there]
                    if a == b:
                        part = part + np.eye(len(part)) / variances[a]
                    square = float((part**2).sum())
                elif inner and inner_b:
                    square = self._nested_square(name, where, other, there, scale, variances[a] if a == b else None)
                else:
                    dense, nested = (there, name) if inner else (where, other)
                    own = self._inverse[dense]
                    square = scale**2 * float(((own @ self._grams[nested]) * own).sum())
                found[a, b] = found[b, a] = square / 2
        return found

    def _nested_square(
        self, name: str, where: slice, other: str, there: slice, scale: float, variance: float | None
    ) -> float:
        own = -scale * self._corner[:, where, there]
        if variance is not None:
            own = own + np.eye(own.shape[1]) / variance
        mixed = float((own * (self._spread[:, where] @ self._share[:, there].transpose(0, 2, 1))).sum())
        low = float((self._hats[name] * self._hats[other].T).sum())
        return float((own**2).sum()) - 2 * scale * mixed + scale**2 * low


def _within(codes: Codes, item: Codes) -> Codes | None:
    """Codes from 0 within each item, if every level lies within one item; else None."""
    items = int(item.max()) + 1
    level, home = np.divmod(np.unique(codes * items + item), items)
    if (np.diff(level) == 0).any():
        return None
    order = np.lexsort((level, home))
    starts = np.r_[0, np.flatnonzero(np.diff(home[order])) + 1]
    local = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    table = np.zeros(int(codes.max()) + 1, dtype=np.intp)
    table[level[order]] = local
    return table[codes]
