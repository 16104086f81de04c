"""Checks of arguments that several constructors make: each raises a ``ValueError`` that names argument and value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_Name = TypeVar("_Name", bound=str)


def checked_share(share: float) -> float:
    """The share.

    Raises:
        ValueError: if it is not a number in (0, 1].
    """
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share <= 1:
        raise ValueError(f"Expected argument `share` to be a number in (0, 1], but got {share!r}.")
    return share


def require_positive(**values: float | None) -> None:
    """
    Raises:
        ValueError: naming the first that is neither None nor positive.
    """
    for name, value in values.items():
        if value is not None and value <= 0:
            raise ValueError(f"Expected argument `{name}` to be positive, but got {value}.")


def require_share(clean_share: float) -> None:
    """
    Raises:
        ValueError: if it is not a share that leaves something of the perturbed loss.
    """
    if not 0 <= clean_share < 1:
        raise ValueError(f"Expected argument `clean_share` to be in [0, 1), but got {clean_share}.")


def checked_temperature(temperature: float) -> float:
    """The temperature.

    Raises:
        ValueError: if it is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"Expected argument `temperature` to be positive, but got {temperature}.")
    return temperature


def checked_subset(name: str, given: Sequence[_Name], known: Sequence[str]) -> tuple[_Name, ...]:
    """The distinct values of an argument.

    Raises:
        ValueError: if there are none, or one is not known.
    """
    if isinstance(given, str) or not given or not set(given) <= set(known):
        raise ValueError(f"Expected argument `{name}` to be a non-empty subset of {known}, but got {given!r}.")
    return tuple(dict.fromkeys(given))
