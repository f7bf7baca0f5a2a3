"""Downloads from the Hugging Face hub: files of one commit, complete and checked.

huggingface_hub keeps the files in its own cache (HF_HOME moves it, HF_ENDPOINT names a mirror), beside a list of each
commit's files and their digests. A download is whole when every needed file of the list has its digest. The digests are
compared each time, because a mirror or a disk may change bytes. Files that differ are fetched once more.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from slingshot.machine.console import REMEDIES
from slingshot.settings import UserError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub._tree_cache import TreeCacheEntry
    from huggingface_hub.errors import HfHubHTTPError

T = TypeVar("T")
Kind = Literal["model", "dataset"]
COMMIT = re.compile(r"[0-9a-f]{40}")
DEADLINE = 7.0
"""Seconds in which the hub must answer. The timeouts of its client start again for each address and each attempt."""


@dataclass(frozen=True)
class Request:
    """A request for those files of one repository whose paths match one of `patterns`."""

    name: str
    kind: Kind
    revision: str | None
    """A branch, tag or commit; None means the default branch."""
    patterns: Sequence[str]
    remedy: str
    """What the user may do instead where the hub can't be reached."""

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"


def fetch(
    name: str, kind: Kind, revision: str | None, patterns: Sequence[str], remedy: str
) -> tuple[Path, str]:
    """Fetch the files of the repository `name` that match `patterns`. Returns their folder and their commit.

    Request explains the arguments. Where the hub can't be reached, a whole earlier download is used. Raises UserError
    with the command that fetches the files, and with `remedy`.
    """
    import httpx2
    import huggingface_hub
    from huggingface_hub import errors

    request = Request(name, kind, revision, patterns, remedy)
    api = huggingface_hub.HfApi()
    try:
        return _from_hub(api, request)
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise _refused(request, error) from None
    except errors.HFValidationError as error:
        raise UserError(f"{request}: not an id of the hub ({error}); expected OWNER/NAME") from None
    except (errors.RevisionResolutionError, httpx2.HTTPError, OSError) as error:
        if isinstance(error, OSError) and error.errno in REMEDIES:
            raise  # this machine's disk failed, not the network
        return _from_cache(api, request, error)


def _from_hub(api: HfApi, request: Request) -> tuple[Path, str]:
    """The files of the revision's current commit, which are downloaded unless an earlier download is whole."""
    name, kind, revision = request.name, request.kind, request.revision
    commit = _within(
        DEADLINE, lambda: api.resolve_revision(name, repo_type=kind, revision=revision).resolved
    )
    folder, problem = _earlier(request, commit)
    if problem:
        # Ask first whether the repository exists: without it the download would retry for half a minute.
        _within(DEADLINE, lambda: api.repo_info(name, repo_type=kind, revision=commit))
        folder = _download(request, commit)
    return folder, commit


def _from_cache(api: HfApi, request: Request, error: Exception) -> tuple[Path, str]:
    """The files of an earlier download. Raises UserError, which says why the hub failed, where none is whole."""
    commit = _remembered(api, request)
    problem = "the commit of an earlier one is not known"
    if commit:
        folder, problem = _earlier(request, commit)
        if not problem:
            return folder, commit
    raise UserError(_unreachable(request, f"({problem})", error)) from None


def _refused(request: Request, error: HfHubHTTPError) -> UserError:
    """The error for a repository or a revision that the hub refuses."""
    from huggingface_hub import errors

    if isinstance(error, errors.RevisionNotFoundError):
        return UserError(
            f"{request}: the hub has no revision '{request.revision}'; see params.yaml"
        )
    if isinstance(error, errors.GatedRepoError):
        return UserError(
            f"{request}: ask its owner for access on the hub, then run `hf auth login`"
        )
    return UserError(
        f"{request}: not on the hub, or private; if it is private, run `hf auth login`"
    )


def names(name: str, kind: Kind, commit: str) -> list[str]:
    """Paths of all files of a commit that `fetch` has returned, whether they were fetched or not."""
    return sorted(_listed(name, kind, commit))


def matching(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Paths that match one of the patterns. `*` also matches "/", as in `hf download --include`."""
    return [path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)]


def _remembered(api: HfApi, request: Request) -> str | None:
    """The commit of the revision when the hub last answered; None where it never did."""
    from huggingface_hub import errors

    try:
        revision = api.resolve_revision(
            request.name, repo_type=request.kind, revision=request.revision, local_files_only=True
        )
        return revision.resolved
    except errors.RevisionResolutionError:
        return None


def _repository(name: str, kind: Kind) -> Path:
    from huggingface_hub import constants, file_download

    return Path(constants.HF_HUB_CACHE) / file_download.repo_folder_name(
        repo_id=name, repo_type=kind
    )


def _listed(name: str, kind: Kind, commit: str) -> dict[str, TreeCacheEntry]:
    """File of a commit -> its entry in the cache's list; empty where there is no list."""
    # The public get_cached_repo_tree leaves out lfs_sha256.
    from huggingface_hub._tree_cache import read_tree_cache

    return read_tree_cache(str(_repository(name, kind)), commit) or {}


def _earlier(request: Request, commit: str) -> tuple[Path, str]:
    """The folder of an earlier download, and why it is not whole; an empty text where it is."""
    folder = _repository(request.name, request.kind) / "snapshots" / commit
    listed = _listed(request.name, request.kind, commit)
    if not listed or not folder.is_dir():
        return folder, "there is no list of its files"
    damaged = _damaged(folder, listed, request.patterns)
    return folder, " ".join(next(iter(damaged.items()), ()))


def _damaged(
    folder: Path, listed: dict[str, TreeCacheEntry], patterns: Sequence[str]
) -> dict[str, str]:
    """Matching file that is missing or differs from the list -> the problem, with both digests."""
    problems = {file: _problem(folder / file, listed[file]) for file in matching(listed, patterns)}
    return {file: problem for file, problem in problems.items() if problem}


def _problem(path: Path, entry: TreeCacheEntry) -> str | None:
    """What is wrong with a file of a download; None where it matches its entry."""
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    # The hub lists the sha256 of a file in git's large file storage (LFS), and git's own hash of any other file: the
    # SHA-1 of "blob SIZE", a zero byte and the file's bytes.
    name, listed, head = "sha1", entry.blob_id, f"blob {size}\0".encode()
    if entry.lfs_sha256:
        name, listed, head = "sha256", entry.lfs_sha256, b""
    digest = hashlib.new(name, head, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if (actual := digest.hexdigest()) == listed:
        return None
    return f"has {size:,} bytes with the {name} {actual}, but the hub lists {entry.size:,} bytes with {listed}"


def _download(request: Request, commit: str) -> Path:
    """Fetch missing files, and once more those that differ from the hub's list. Raises UserError if they still do."""
    from huggingface_hub import snapshot_download

    fetch_files = partial(snapshot_download, request.name, repo_type=request.kind, revision=commit)
    folder = Path(fetch_files(allow_patterns=list(request.patterns)))
    listed = _listed(request.name, request.kind, commit)
    damaged = _damaged(folder, listed, request.patterns)
    if damaged:
        fetch_files(allow_patterns=list(damaged), force_download=True)
        damaged = _damaged(folder, listed, request.patterns)
    for file, problem in damaged.items():
        raise UserError(
            f"{request}: {folder / file} {problem}, even after a second download, so its server is not to "
            f"be trusted. Try the hub itself or another mirror (HF_ENDPOINT), on another network; or {request.remedy}"
        )
    return folder


def _within(seconds: float, call: Callable[[], T]) -> T:
    """The call's result. Raises TimeoutError after `seconds`.

    The call runs in a thread, because name servers, and firewalls that drop packets, may block it for minutes, whatever
    timeout its client has.
    """
    result: list[T] = []
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


def _unreachable(request: Request, lacks: str, error: BaseException) -> str:
    """The message where the hub fails and no earlier download is whole. `lacks` says what the earlier one lacks."""
    include = " ".join(f"--include '{pattern}'" for pattern in request.patterns)
    at = f" --revision {request.revision}" if request.revision else ""
    cause = error.__cause__ or error
    reason = (str(cause).strip().splitlines() or ["no reason given"])[0]
    return (
        f"{request}: the hub can't be reached ({type(cause).__name__}: {reason}) "
        f"and there is no whole earlier download {lacks}.\n"
        f"On a machine with a network, run\n  hf download {request.name} --repo-type {request.kind}{at} {include}\n"
        f"and copy its cache folder (HF_HOME) here; or {request.remedy}"
    )
