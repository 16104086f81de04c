"""Data of two Home Assistant packages: sentence templates, and the names of rooms and devices that fill them."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import Any

from xltrobust.errors import DataError, MissingPackage

# Keys of the strings in the user interface that name rooms, floors and devices.
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
    """The JSON files of an installed package by their name in it; the package is not imported.

    Raises:
        MissingPackage: if it is not installed.
    """
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        raise MissingPackage("Home Assistant's texts need", package) from None
    return {str(file): Path(str(file.locate())) for file in listed if file.suffix == ".json"}


def available_languages() -> list[str]:
    """The codes of the languages that home-assistant-intents has templates in."""
    found = package_files("home-assistant-intents")
    return sorted(path.stem for name, path in found.items() if name.startswith("home_assistant_intents/data/"))


def intents_file(language: str) -> dict[str, Any]:
    """The sentence templates of a language, as home-assistant-intents stores them."""
    path = package_files("home-assistant-intents")[f"home_assistant_intents/data/{language}.json"]
    return _read_json(path, "home-assistant-intents")


def frontend_code(language: str) -> str:
    """The code that home-assistant-frontend has for a language of home-assistant-intents."""
    return _FRONTEND_CODES.get(language, language)


def _interface_files() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for name, path in package_files("home-assistant-frontend").items():
        stem, _, digest = path.stem.rpartition("-")
        if "/static/translations/" in name and stem and len(digest) == 32:
            found.setdefault(stem, []).append(path)
    return found


def interface_languages() -> list[str]:
    """The codes that home-assistant-frontend has for the languages of the user interface."""
    return sorted(_interface_files())


@lru_cache(maxsize=128)
def interface_strings(language: str) -> dict[str, str]:
    """The strings of the user interface by key, for a code of home-assistant-frontend."""
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
    """Names of rooms, floors and devices in a language; in English where the user interface is not translated."""
    strings, english = interface_strings(frontend_code(language)), interface_strings("en")
    names = {slot: [strings.get(key) or english[key] for key in keys] for slot, keys in _NAMES.items()}
    if language in _CAPITALISED_NOUNS:
        return names
    return {slot: [name.lower() for name in values] for slot, values in names.items()}
