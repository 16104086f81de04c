"""Builds an object from its options, with errors of one line."""

from __future__ import annotations

from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from xltrobust.errors import UserError, one_line


def build(name: str, kind: type, options: Any, where: str) -> Any:
    """An object of a class, or of a subclass that the options name.

    Args:
        name: what the object is called in errors.
        kind: the class.
        options: as configurations have them: ``class_path`` and ``init_args``, or a dataclass's fields.
        where: where they come from, for errors.

    Raises:
        UserError: naming ``where``, if the options are wrong; what the constructor itself raises as one stays as it is.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{name}", type=kind)
    try:
        return parser.instantiate(parser.parse_object({name: options}))[name]
    except UserError:
        raise
    except (ArgumentError, TypeError, ValueError) as error:
        raise UserError(f"{where}: {one_line(error)}") from None
