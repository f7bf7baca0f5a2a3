"""What DVC's experiments, commits and the workspace measured, from the files that each holds.

DVC lists the experiments; one `git archive` a revision reads its small committed files in memory, so
nothing is checked out and the workspace stays as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from slingshot.files import paths
from slingshot.settings import UserError

WORKSPACE = "workspace"
FILES = ("params.yaml", "dvc.lock", "metrics")
DESCRIBES = ("label_source", "licence", "published", "may_leave")
"""Keys of a data set that neither its rows nor a prompt depend on."""


@dataclass(frozen=True)
class Revision:
    """An experiment, a git revision or `workspace`, with the contents of its files by their paths."""

    name: str
    commit: str
    """Empty for the workspace."""
    time: float
    """Of the commit, in seconds; infinite for the workspace."""
    files: Mapping[str, bytes]

    @cached_property
    def params(self) -> dict[str, Any]:
        return self._yaml("params.yaml")

    @cached_property
    def lock(self) -> dict[str, Any]:
        """What dvc.lock records of each stage."""
        return self._yaml("dvc.lock").get("stages") or {}

    def figures(self, room: str, dataset: str, contestant: str) -> dict[str, Any]:
        """The contents of metrics/ROOM/D/C.json; empty where the revision has no such file."""
        return self._json((paths.METRICS / room / dataset / f"{contestant}.json").as_posix())

    def audit(self, dataset: str) -> dict[str, Any]:
        """The contents of metrics/audit/D.json; empty where the revision has no such file."""
        return self._json(paths.audit(dataset).as_posix())

    def _json(self, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self.files.get(name, b"{}")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{name} of {self.name}: not a JSON object: {error}") from None

    def _yaml(self, name: str) -> dict[str, Any]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            return dict(YAML(typ="safe").load(self.files.get(name, b"{}")))
        except (YAMLError, ValueError, TypeError) as error:
            raise UserError(f"{name} of {self.name}: not a YAML mapping: {error}") from None


def of_head() -> list[Revision]:
    """The experiments whose baseline is the current commit, oldest first."""
    return _experiments(all_commits=False)


def everything() -> list[Revision]:
    """Every experiment and the last commit, oldest first, then the workspace."""
    return [
        *sorted([*_experiments(all_commits=True), _archived("HEAD", "HEAD")], key=age),
        workspace(),
    ]


def workspace() -> Revision:
    """The files as they lie in the work tree."""
    own = [*map(Path, FILES[:2]), *sorted(paths.METRICS.rglob("*.json"))]
    files = {path.as_posix(): path.read_bytes() for path in own if path.is_file()}
    return Revision(WORKSPACE, "", math.inf, files)


def at(name: str) -> Revision:
    """A git revision or an experiment, named as DVC's commands take it. Raises UserError for an unknown one, one that
    holds no measured study, and outside a repository."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import RevError, resolve_rev

    try:
        with Repo() as repo:
            commit = resolve_rev(repo.scm, name)
    except RevError as error:
        raise UserError(
            f"{error}: name a commit, a branch, a tag or an experiment (`dvc exp show`); "
            "in a shallow clone `git fetch --unshallow` brings the older ones"
        ) from None
    except DvcException as error:
        raise UserError(f"{name} can't be read: {error}") from None
    revision = _archived(name, commit)
    if not revision.files:
        raise UserError(
            f"{name}: commit {commit[:7]} lacks one of {', '.join(FILES)}: nothing was measured there"
        )
    return revision


def age(revision: Revision) -> tuple[float, str]:
    return revision.time, revision.name


def _experiments(all_commits: bool) -> list[Revision]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            listed = repo.experiments.ls(all_commits=all_commits)
    except DvcException as error:
        raise UserError(f"DVC could not list its experiments: {error}") from None
    return sorted(
        (_archived(name, commit) for found in listed.values() for name, commit in found), key=age
    )


def _archived(name: str, commit: str) -> Revision:
    """Git puts the commit's id and time into the archive. One that lacks a file of FILES has measured nothing."""
    done = subprocess.run(["git", "archive", commit, *FILES], capture_output=True)
    if done.returncode:
        return Revision(name, commit, 0, {})
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        commit = archive.pax_headers.get("comment", commit)
        members = [(member, archive.extractfile(member)) for member in archive]
        files = {member.name: content.read() for member, content in members if content}
        return Revision(name, commit, max(member.mtime for member, _ in members), files)


def contestants(params: Mapping[str, Any]) -> list[str]:
    """The names that params.yaml lets take part, models first."""
    study = params.get("study") or {}
    return [*(study.get("models") or []), *(study.get("llms") or []), *cascades(params)]


def defined_alike(
    a: Mapping[str, Any], b: Mapping[str, Any], dataset: str, contestant: str
) -> bool:
    """Whether two params.yaml define the data set's rows and the contestant in the same words."""
    return definition(a, dataset, contestant) == definition(b, dataset, contestant)


def definition(params: Mapping[str, Any], dataset: str, contestant: str) -> str:
    """What defines the two in params.yaml, as 12 digits of a hash."""
    words = json.dumps(_definition(params, dataset, contestant), sort_keys=True, default=str)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _definition(params: Mapping[str, Any], dataset: str, contestant: str) -> list[Any]:
    rows = (params.get("datasets") or {}).get(dataset) or {}
    blocks = [(params.get(block) or {}).get(contestant) for block in ("models", "llms")]
    described = {key: value for key, value in rows.items() if key not in DESCRIBES}
    made = cascades(params).get(contestant)
    whose = [_definition(params, dataset, side) for side in sides(params, contestant)]
    return [described, *blocks, *([made] if made else []), *whose]


def sides(params: Mapping[str, Any], contestant: str) -> list[str]:
    """The two that a cascade is made of; none of another contestant."""
    made = cascades(params).get(contestant)
    return [made["small"], made["large"]] if made else []


def cascades(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        cascade["name"]: cascade for cascade in (params.get("study") or {}).get("cascades") or []
    }
