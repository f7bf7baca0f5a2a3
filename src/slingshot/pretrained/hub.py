"""Files from the Hugging Face hub: of one commit, and whole or not at all.

huggingface_hub keeps them in its own cache (HF_HOME moves it, HF_ENDPOINT names a mirror) beside a list of each
commit's files and their digests. A download is whole when every file of that list is there with its digest: so it is
compared each time, as a mirror may serve other bytes, and a disk may change them. What an interrupted download or a cut
copy left, or what differs, is fetched again once, or is an error.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slingshot.machine.console import REMEDIES
from slingshot.settings import UserError

if TYPE_CHECKING:
    from huggingface_hub._tree_cache import TreeCacheEntry

Kind = Literal["model", "dataset"]
COMMIT = re.compile(r"[0-9a-f]{40}")
DEADLINE = 7.0
"""Seconds in which the hub must answer. The timeouts of its client start anew with each address and each try."""


def fetch(
    name: str, kind: Kind, revision: str | None, patterns: Sequence[str], remedy: str
) -> tuple[Path, str]:
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
        folder, problem = _earlier(name, kind, commit, patterns)
        if problem:
            # Whether it is there at all, before a client that would try for half a minute.
            _within(DEADLINE, lambda: api.repo_info(name, repo_type=kind, revision=commit))
            folder = _download(name, kind, commit, patterns, remedy)
        return folder, commit
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{kind} '{name}': the hub has no revision '{revision}'; see params.yaml"
        ) from None
    except errors.GatedRepoError:
        raise UserError(
            f"{kind} '{name}': asks for its owner's leave on the hub; then run `hf auth login`"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"{kind} '{name}': not on the hub, or private (then run `hf auth login`)"
        ) from None
    except errors.HFValidationError as error:
        raise UserError(f"{kind} '{name}': no hub id ({error}); expected OWNER/NAME") from None
    except (errors.RevisionResolutionError, httpx2.HTTPError, OSError) as error:
        if (
            isinstance(error, OSError) and error.errno in REMEDIES
        ):  # of this machine's disk, not of the network
            raise
        known = _remembered(api, name, where)
        problem = "no commit is known of an earlier one"
        if known:
            folder, problem = _earlier(name, kind, known, patterns)
            if not problem:
                return folder, known
        raise UserError(
            _unreachable(name, kind, revision, patterns, f"({problem})", remedy, error)
        ) from None


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


def _repository(name: str, kind: Kind) -> Path:
    from huggingface_hub import constants, file_download

    return Path(constants.HF_HUB_CACHE) / file_download.repo_folder_name(
        repo_id=name, repo_type=kind
    )


def _listed(name: str, kind: Kind, commit: str) -> dict[str, TreeCacheEntry]:
    """Each file of a commit, by the list in the cache; empty where there is none."""
    # The public get_cached_repo_tree leaves out lfs_sha256.
    from huggingface_hub._tree_cache import read_tree_cache

    return read_tree_cache(str(_repository(name, kind)), commit) or {}


def _earlier(name: str, kind: Kind, commit: str, patterns: Sequence[str]) -> tuple[Path, str]:
    """The folder of an earlier download, and what it lacks to be whole; empty where it is."""
    folder = _repository(name, kind) / "snapshots" / commit
    listed = _listed(name, kind, commit)
    if not listed or not folder.is_dir():
        return folder, "no list of its files is here"
    damaged = _damaged(folder, listed, patterns)
    return folder, " ".join(next(iter(damaged.items()), ()))


def _damaged(
    folder: Path, listed: dict[str, TreeCacheEntry], patterns: Sequence[str]
) -> dict[str, str]:
    """Files that match and are missing or not as listed -> what is wrong, with both digests."""
    problems = {file: _problem(folder / file, listed[file]) for file in matching(listed, patterns)}
    return {file: problem for file, problem in problems.items() if problem}


def _problem(path: Path, entry: TreeCacheEntry) -> str | None:
    """What is wrong with a file of a download."""
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    # What git keeps elsewhere (LFS) is listed by its sha256, any other file by the SHA-1 of "blob SIZE", zero, itself.
    name, wanted = ("sha256", entry.lfs_sha256) if entry.lfs_sha256 else ("sha1", entry.blob_id)
    digest = hashlib.new(
        name, b"" if entry.lfs_sha256 else f"blob {size}\0".encode(), usedforsecurity=False
    )
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() == wanted:
        return None
    return f"has {size:,} bytes with the {name} {digest.hexdigest()}, and its hub lists {entry.size:,} with {wanted}"


def _download(name: str, kind: Kind, commit: str, patterns: Sequence[str], remedy: str) -> Path:
    """Fetch what is missing, and once more what is not as the hub lists it. Raises UserError where it stays so."""
    from huggingface_hub import snapshot_download

    where: dict[str, Any] = {
        "repo_type": kind,
        "revision": commit,
        "allow_patterns": list(patterns),
    }
    folder = Path(snapshot_download(name, **where))
    listed = _listed(name, kind, commit)
    damaged = _damaged(folder, listed, patterns)
    if damaged:
        snapshot_download(name, **where | {"allow_patterns": list(damaged)}, force_download=True)
        damaged = _damaged(folder, listed, patterns)
    for file, problem in damaged.items():
        raise UserError(
            f"{kind} '{name}': {folder / file} {problem}, also after a second download: what served it is not to be "
            f"trusted. Try the hub itself or another mirror (HF_ENDPOINT), on another network; or {remedy}"
        )
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
    name: str,
    kind: Kind,
    revision: str | None,
    patterns: Sequence[str],
    lacks: str,
    remedy: str,
    error: BaseException,
) -> str:
    include = " ".join(f"--include '{pattern}'" for pattern in patterns)
    at = f" --revision {revision}" if revision else ""
    cause = error.__cause__ or error
    reason = (str(cause).strip().splitlines() or ["no reason given"])[0]
    return (
        f"{kind} '{name}': the hub can't be reached ({type(cause).__name__}: {reason}) "
        f"and no whole earlier download is here {lacks}.\n"
        f"Where there is a network, run\n  hf download {name} --repo-type {kind}{at} {include}\n"
        f"and bring its cache folder (HF_HOME) here; or {remedy}"
    )
