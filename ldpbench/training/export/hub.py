"""Pushing an exported folder to a model repository of the Hugging Face Hub."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ldpbench.core.errors import MissingPrerequisiteError, UsageError

HUB_PREFIX = "hf://"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def repository_of(target: str) -> str:
    """``owner/name`` out of ``hf://owner/name``.

    Raises:
        UsageError: If it is nothing like that.
    """
    repository = target.removeprefix(HUB_PREFIX).rstrip("/")
    if not target.startswith(HUB_PREFIX) or not _REPOSITORY.fullmatch(repository):
        raise UsageError(f"--push: expected hf://owner/name, found {target!r}", hint="name a model repository")
    return repository


def push_folder(folder: Path, target: str, *, private: bool = False) -> str:
    """Push a folder as one commit, so that the repository never holds half of it.

    The repository is made if need be. The token is the environment's or the login's.

    Args:
        folder: What to push, as it is.
        target: ``hf://owner/name``.
        private: Make a new repository private.

    Returns:
        The address of the commit.

    Raises:
        UsageError: If the target is none.
        MissingPrerequisiteError: If it cannot be reached or written.
    """
    import huggingface_hub

    repository = repository_of(target)
    api = huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="ldpbench")
    # Visibility of a repository that exists is its owner's business, so it is set only when asked for.
    _call(target, "create", api.create_repo, repository, repo_type="model", private=private or None, exist_ok=True)
    commit = _call(
        target,
        f"push {folder} to",
        api.upload_folder,
        repo_id=repository,
        repo_type="model",
        folder_path=str(folder),
        commit_message="Add the weights, their record and the model card",
    )
    return str(commit.commit_url)


def _call(target: str, action: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return function(*arguments, **options)
    except Exception as error:
        # The client raises errors of its own, of its HTTP library and of the system; all mean it did not work.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise MissingPrerequisiteError(
            f"cannot {action} {target}: {reason}",
            hint="check the name, the network and the token (HF_TOKEN or `hf auth login`); run it again",
        ) from error
