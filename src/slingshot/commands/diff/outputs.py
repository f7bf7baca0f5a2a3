"""Files that stages read and wrote, found by their hashes: in the work tree, in DVC's cache, or pulled into it.

So a revision's predictions are read without checking it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from slingshot.commands.experiments import Revision
from slingshot.files.storage.digests import md5_file


def hashes(revision: Revision, paths: Iterable[str]) -> dict[str, str]:
    """Path -> md5 of those of `paths` that the revision has: of the workspace's own file where there is one, else as
    dvc.lock has it."""
    known = {
        entry["path"]: entry["md5"]
        for part in (
            "deps",
            "outs",
        )  # what a stage wrote stands above what another has read before that
        for stage in revision.lock.values()
        for entry in stage.get(part) or []
        if "md5" in entry
    }
    if not revision.commit:
        known |= {path: md5_file(Path(path)) for path in paths if Path(path).is_file()}
    return {path: known[path] for path in paths if path in known}


def find(wanted: Iterable[str], here: Mapping[str, str]) -> tuple[dict[str, Path], str]:
    """md5 -> a file that holds it, for each that is wanted and can be had, and why the others can't.

    `here` are the workspace's paths with their hashes. What is neither there nor in DVC's cache is pulled into the
    cache from the default remote.
    """
    from dvc.config import NoRemoteError
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    found = {
        held: Path(path)
        for path, held in here.items()
        if held in set(wanted) and Path(path).is_file()
    }
    others = set(wanted) - found.keys()
    why = ""
    with Repo() as repo:
        cache = repo.cache.local
        missing = [HashInfo("md5", one) for one in sorted(others) if not cache.exists(one)]
        if missing:
            try:
                repo.cloud.pull(missing)
                why = "the DVC remote did not give them"
            except NoRemoteError:
                why = "no DVC remote is set"
            except Exception as error:  # whatever the remote's own library raises
                why = f"the DVC remote can't be read ({' '.join(str(error).split())})"
        found |= {one: Path(cache.oid_to_path(one)) for one in others if cache.exists(one)}
    return found, why
