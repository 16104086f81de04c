"""Checks of arguments that several constructors share: each raises a ``ValueError`` that names argument and value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_Name = TypeVar("_Name", bound=str)


def checked_share(share: float) -> float:
    """Returns the share.

    Raises:
        ValueError: if it is not a number in (0, 1].
    """
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share <= 1:
        raise ValueError(f"Expected argument `share` to be a number in (0, 1], but got {share!r}.")
    return share


def require_at_least(least: int, **values: int | None) -> None:
    """
    Raises:
        ValueError: naming the first value that is neither None nor at least ``least``.
    """
    for name, value in values.items():
        if value is not None and value < least:
            raise ValueError(f"Expected argument `{name}` to be at least {least}, but got {value}.")


def require_positive(**values: float | None) -> None:
    """Checks that each value is positive or None.

    Raises:
        ValueError: if one is not; names the first.
    """
    for name, value in values.items():
        if value is not None and value <= 0:
            raise ValueError(f"Expected argument `{name}` to be positive, but got {value}.")


def require_share(clean_share: float) -> None:
    """Checks the share of the clean loss, which must leave some weight to the perturbed loss.

    Raises:
        ValueError: if it is not in [0, 1).
    """
    if not 0 <= clean_share < 1:
        raise ValueError(f"Expected argument `clean_share` to be in [0, 1), but got {clean_share}.")


def checked_temperature(temperature: float) -> float:
    """Returns the temperature.

    Raises:
        ValueError: if it is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"Expected argument `temperature` to be positive, but got {temperature}.")
    return temperature


def checked_subset(name: str, given: Sequence[_Name], known: Sequence[str]) -> tuple[_Name, ...]:
    """Returns the distinct values of an argument, in the order given.

    Raises:
        ValueError: if there are none, or one is not among those known.
    """
    if isinstance(given, str) or not given or not set(given) <= set(known):
        raise ValueError(f"Expected argument `{name}` to be a non-empty subset of {known}, but got {given!r}.")
    return tuple(dict.fromkeys(given))
