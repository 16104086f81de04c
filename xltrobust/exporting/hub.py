"""Uploads an exported model to the Hugging Face hub."""

from __future__ import annotations

import shlex
from pathlib import Path

from huggingface_hub import HfApi, ModelCard, constants, get_token
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from xltrobust.errors import UserError, one_line


def check_push(repo_id: str) -> None:
    """Refuses what cannot be pushed, before any work is done.

    Raises:
        UserError: if the name is no repository's, the hub is switched off, or there is no token.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UserError(f"--push {repo_id}: {one_line(error)}") from None
    if constants.HF_HUB_OFFLINE:
        raise UserError(f"--push {repo_id}: HF_HUB_OFFLINE is set, so nothing can be uploaded: unset it.")
    if get_token() is None:
        raise UserError(
            f"--push {repo_id}: there is no token for {constants.ENDPOINT}: run `hf auth login`, or set HF_TOKEN."
        )


def push(directory: Path, repo_id: str) -> str:
    """Uploads a directory in one commit; a repository that is not there is made, private.

    Returns:
        The repository's address.

    Raises:
        UserError: if the hub refuses the model card, the repository or the files; the directory stays.
    """
    api = HfApi()
    try:
        ModelCard.load(directory / "README.md").validate()
        repository = api.create_repo(repo_id, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=repository.repo_id, folder_path=directory, commit_message="Upload a model tested with xltrobust"
        )
    except Exception as error:  # of the card, the hub, the network: their kinds change with the client's version
        again = shlex.join(["hf", "upload", repo_id, str(directory)])
        raise UserError(
            f"{directory} is written, but was not pushed to {repo_id} ({one_line(error)}); to try again: {again}"
        ) from None
    return str(repository)
