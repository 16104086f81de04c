"""Names of encoders: a hub name, a local directory, or ``bundled``."""

from __future__ import annotations

from xltrobust.models.bundled import bundled_path

BUNDLED = "bundled"


def resolve(name: str) -> str:
    """What ``from_pretrained`` takes for a name: ``bundled`` becomes the directory of the offline encoder."""
    return str(bundled_path()) if name == BUNDLED else name
