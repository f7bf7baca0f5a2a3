"""Finds files that stages read and wrote by their hashes: in the work tree, in DVC's cache, or pulled into the cache.

So a revision's predictions are read without checking it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from slingshot.commands.experiments import Revision
from slingshot.files.storage.digests import md5_file


def hashes(revision: Revision, paths: Iterable[str]) -> dict[str, str]:
    """Path -> md5, for those of `paths` that the revision has. The workspace's own files are hashed; all others have
    their hash in dvc.lock."""
    stages = revision.lock.values()
    read = [dep for stage in stages for dep in stage.deps]
    written = [out for stage in stages for out in stage.outs]
    # The hash of an output replaces the hash that another stage read earlier.
    known = {file.path: file.md5 for file in (*read, *written) if file.md5 is not None}
    if not revision.commit:
        known |= {path: md5_file(Path(path)) for path in paths if Path(path).is_file()}
    return {path: known[path] for path in paths if path in known}


def find(wanted: Iterable[str], here: Mapping[str, str]) -> tuple[dict[str, Path], str]:
    """md5 -> a file with that hash, for each wanted hash that can be found; and why the others can't.

    `here` are the workspace's paths with their hashes. Files that are neither there nor in DVC's cache are pulled into
    the cache from the default remote.
    """
    from dvc.config import NoRemoteError
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    files = {
        md5: Path(path) for path, md5 in here.items() if md5 in set(wanted) and Path(path).is_file()
    }
    others = set(wanted) - files.keys()
    why = ""
    with Repo() as repo:
        cache = repo.cache.local
        missing = [HashInfo("md5", md5) for md5 in sorted(others) if not cache.exists(md5)]
        if missing:
            try:
                repo.cloud.pull(missing)
                why = "the DVC remote did not give them"
            except NoRemoteError:
                why = "no DVC remote is set"
            except Exception as error:  # the library of each kind of remote raises its own errors
                why = f"the DVC remote can't be read ({' '.join(str(error).split())})"
        files |= {md5: Path(cache.oid_to_path(md5)) for md5 in others if cache.exists(md5)}
    return files, why
