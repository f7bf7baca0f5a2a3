"""Files from the Hugging Face hub: of one commit, and whole or not at all.

huggingface_hub keeps them in its own cache (HF_HOME moves it, HF_ENDPOINT names a mirror) beside a list of each
commit's files and their sizes. A download is whole when every file of that list is there in its full size; what an
interrupted one or a cut copy left is fetched again, or is an error where the hub can't be reached.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from slingshot.settings import UserError

Kind = Literal["model", "dataset"]
COMMIT = re.compile(r"[0-9a-f]{40}")
DEADLINE = 7.0
"""Seconds in which the hub must answer. The timeouts of its client start anew with each address and each try."""


def fetch(name: str, kind: Kind, revision: str | None, patterns: Sequence[str], remedy: str) -> tuple[Path, str]:
    """The folder that holds the files of hub id `name` that match `patterns`, and the commit they are of.

    `revision` is a branch, tag or commit; null takes the default branch. Where the hub can't be reached, a whole
    earlier download serves. Raises UserError with the command that fetches the files and with `remedy`, what to
    write instead.
    """
    import httpx2
    import huggingface_hub
    from huggingface_hub import errors

    api = huggingface_hub.HfApi()
    where: dict[str, Any] = {"repo_type": kind, "revision": revision}
    try:
        commit: str = _within(DEADLINE, lambda: api.resolve_revision(name, **where).resolved)
        folder = _earlier(name, kind, commit, patterns)
        if not folder:
            # Whether it is there at all, before a client that would try for half a minute.
            _within(DEADLINE, lambda: api.repo_info(name, repo_type=kind, revision=commit))
            folder = _download(name, kind, commit, patterns)
        return folder, commit
    except errors.RevisionNotFoundError:
        raise UserError(f"{kind} '{name}': the hub has no revision '{revision}'; see params.yaml") from None
    except errors.GatedRepoError:
        raise UserError(f"{kind} '{name}': asks for its owner's leave on the hub; then run `hf auth login`") from None
    except errors.RepositoryNotFoundError:
        raise UserError(f"{kind} '{name}': not on the hub, or private (then run `hf auth login`)") from None
    except errors.HFValidationError as error:
        raise UserError(f"{kind} '{name}': no hub id ({error}); expected OWNER/NAME") from None
    except (errors.RevisionResolutionError, httpx2.HTTPError, OSError) as error:
        known = _remembered(api, name, where)
        folder = _earlier(name, kind, known, patterns) if known else None
        if folder and known:
            return folder, known
        raise UserError(_unreachable(name, kind, revision, patterns, remedy, error)) from None


def names(name: str, kind: Kind, commit: str) -> list[str]:
    """Paths of all files of a commit that `fetch` has been at, fetched or not."""
    return sorted(_listed(name, kind, commit))


def matching(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Paths that match one of the patterns, in which `*` stands for "/" too, as `hf download --include` has it."""
    return [path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)]


def _remembered(api: Any, name: str, where: dict[str, Any]) -> str | None:
    """The commit that the hub last said the revision is."""
    from huggingface_hub import errors

    try:
        commit: str = api.resolve_revision(name, **where, local_files_only=True).resolved
    except errors.RevisionResolutionError:
        return None
    return commit


def _listed(name: str, kind: Kind, commit: str) -> dict[str, int]:
    """Size of each file of a commit, by the list in the cache; empty where there is none."""
    from huggingface_hub import errors, get_cached_repo_tree

    try:
        return {file.path: file.size for file in get_cached_repo_tree(name, repo_type=kind, revision=commit)}
    except errors.CachedRepoTreeNotFoundError:
        return {}


def _earlier(name: str, kind: Kind, commit: str, patterns: Sequence[str]) -> Path | None:
    """The folder of a whole earlier download, or null. Without a list of files none can be known as whole."""
    from huggingface_hub import constants, file_download

    repository = Path(constants.HF_HUB_CACHE) / file_download.repo_folder_name(repo_id=name, repo_type=kind)
    folder = repository / "snapshots" / commit
    listed = _listed(name, kind, commit)
    whole = folder.is_dir() and bool(listed) and not _cut(folder, listed, patterns)
    return folder if whole else None


def _cut(folder: Path, listed: dict[str, int], patterns: Sequence[str]) -> list[str]:
    """Files that match and are missing, or smaller or larger than listed."""
    wanted = matching(listed, patterns)
    return [file for file in wanted if not (folder / file).is_file() or (folder / file).stat().st_size != listed[file]]


def _download(name: str, kind: Kind, commit: str, patterns: Sequence[str]) -> Path:
    """Fetch what is missing, and anew what an interrupted copy cut. Raises OSError where that leaves a cut file."""
    from huggingface_hub import snapshot_download

    where: dict[str, Any] = {"repo_type": kind, "revision": commit, "allow_patterns": list(patterns)}
    folder = Path(snapshot_download(name, **where))
    listed = _listed(name, kind, commit)
    cut = _cut(folder, listed, patterns)
    if cut:
        snapshot_download(name, **where | {"allow_patterns": cut}, force_download=True)
        cut = _cut(folder, listed, patterns)
    if cut:
        raise OSError(f"{folder / cut[0]} is not of the size that the hub says")
    return folder


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """The call's result, or TimeoutError: name servers and firewalls that drop packets hold a call for minutes."""
    result: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not result:
        raise TimeoutError(f"no answer in {seconds:g} s")
    return result[0]


def _unreachable(
    name: str, kind: Kind, revision: str | None, patterns: Sequence[str], remedy: str, error: BaseException
) -> str:
    include = " ".join(f"--include '{pattern}'" for pattern in patterns)
    at = f" --revision {revision}" if revision else ""
    cause = error.__cause__ or error
    reason = (str(cause).strip().splitlines() or ["no reason given"])[0]
    return (
        f"{kind} '{name}': the hub can't be reached ({type(cause).__name__}: {reason}) "
        "and no whole earlier download is here.\n"
        f"Where there is a network, run\n  hf download {name} --repo-type {kind}{at} {include}\n"
        f"and bring its cache folder (HF_HOME) here; or {remedy}"
    )
