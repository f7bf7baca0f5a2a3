"""Files from the Hugging Face hub: of one commit, and whole or not at all.

huggingface_hub keeps them in its own cache, with a list of each commit's files by which an interrupted download is
known; HF_HOME moves it, HF_ENDPOINT names a mirror.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from slingshot.settings import UserError

Kind = Literal["model", "dataset"]


def fetch(name: str, kind: Kind, revision: str | None, patterns: Sequence[str], remedy: str) -> tuple[Path, str]:
    """The folder that holds the files of hub id `name` that match `patterns`, and the commit they are of.

    `revision` is a branch, tag or commit; null takes the default branch. Where the hub can't be reached, a whole
    earlier download serves. Raises UserError with the command that fetches the files and with `remedy`, what to
    write instead.
    """
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "4")  # seconds; read when huggingface_hub is imported
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "8")
    import httpx2
    import huggingface_hub
    from huggingface_hub import errors

    unreachable = (
        errors.RevisionResolutionError,
        errors.LocalEntryNotFoundError,
        errors.HfHubHTTPError,
        httpx2.HTTPError,
        OSError,
    )

    try:
        resolved = huggingface_hub.HfApi().resolve_revision(name, repo_type=kind, revision=revision)
        folder = huggingface_hub.snapshot_download(
            name, repo_type=kind, revision=resolved, allow_patterns=list(patterns)
        )
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{kind} '{name}': the hub has no revision '{revision}'; see `revision` in params.yaml"
        ) from None
    except errors.GatedRepoError:
        raise UserError(
            f"{kind} '{name}': the hub lets in whom its owner does: ask there, then run `hf auth login`"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(f"{kind} '{name}': not on the hub, or private (then run `hf auth login`)") from None
    except unreachable as error:
        include = " ".join(f"--include '{pattern}'" for pattern in patterns)
        at = f" --revision {revision}" if revision else ""
        raise UserError(
            f"{kind} '{name}': the hub can't be reached ({type(error).__name__}) and no whole earlier download is here.\n"
            f"Where there is a network, run\n  hf download {name} --repo-type {kind}{at} {include}\n"
            f"and bring its cache folder (HF_HOME) here; or {remedy}"
        ) from None
    return Path(folder), resolved.resolved
