"""What two packages of Home Assistant's hold: sentence templates, and the names of rooms and devices to fill them."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import Any

from xltrobust.errors import DataError, MissingPackage

# Which strings of the user interface name rooms, floors and devices.
_DEMO = "ui.panel.page-demo.config"
_CLASSES = "ui.dialogs.entity_registry.editor.device_classes"
_NAMES = {
    "area": [
        f"{_DEMO}.sections.titles.living_room",
        "ui.panel.lovelace.cards.heading.default_heading",
        f"{_DEMO}.arsaboo.names.hallway",
    ],
    "floor": [f"{_DEMO}.arsaboo.names.upstairs"],
    "name": [f"{_CLASSES}.cover.curtain", f"{_CLASSES}.cover.garage", "ui.panel.lovelace.editor.card.thermostat.name"],
}
_FRONTEND_CODES = {"zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-HK": "zh-Hant", "zh-TW": "zh-Hant", "de-CH": "gsw"}
_CAPITALISED_NOUNS = ("de", "de-CH", "lb")


@lru_cache(maxsize=4)
def package_files(package: str) -> dict[str, Path]:
    """The JSON files of an installed package, found without importing it."""
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        raise MissingPackage("Home Assistant's texts need", package) from None
    return {str(file): Path(str(file.locate())) for file in listed if file.suffix == ".json"}


def available_languages() -> list[str]:
    """The codes of all languages that home-assistant-intents has a file for."""
    found = package_files("home-assistant-intents")
    return sorted(path.stem for name, path in found.items() if name.startswith("home_assistant_intents/data/"))


def intents_file(language: str) -> dict[str, Any]:
    """The sentence templates of a language, as the package has them."""
    path = package_files("home-assistant-intents")[f"home_assistant_intents/data/{language}.json"]
    return _read_json(path, "home-assistant-intents")


def frontend_code(language: str) -> str:
    """How home-assistant-frontend spells a language of home-assistant-intents."""
    return _FRONTEND_CODES.get(language, language)


def _interface_files() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for name, path in package_files("home-assistant-frontend").items():
        stem, _, digest = path.stem.rpartition("-")
        if "/static/translations/" in name and stem and len(digest) == 32:
            found.setdefault(stem, []).append(path)
    return found


def interface_languages() -> list[str]:
    """The codes of all languages of the user interface, as home-assistant-frontend spells them."""
    return sorted(_interface_files())


@lru_cache(maxsize=128)
def interface_strings(language: str) -> dict[str, str]:
    """The strings of the user interface by key, in a language as home-assistant-frontend spells it."""
    strings: dict[str, str] = {}
    for path in _interface_files().get(language, []):
        strings |= _read_json(path, "home-assistant-frontend")
    return strings


def _read_json(path: Path, package: str) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: damaged ({error}); pip install --force-reinstall {package}=={version(package)}"
        ) from None


def slot_names(language: str) -> dict[str, list[str]]:
    """Names of rooms, floors and devices: in the language where the user interface is translated, else in English."""
    own, english = interface_strings(frontend_code(language)), interface_strings("en")
    names = {slot: [own.get(key) or english[key] for key in keys] for slot, keys in _NAMES.items()}
    if language in _CAPITALISED_NOUNS:
        return names
    return {slot: [name.lower() for name in values] for slot, values in names.items()}
