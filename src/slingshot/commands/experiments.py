"""The figures of DVC's experiments, of commits and of the workspace, from their files.

DVC lists the experiments. One `git archive` for each revision reads its small committed files into memory, so nothing
is checked out and the workspace does not change.
"""

from __future__ import annotations

import io
import json
import math
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from slingshot.commands.revision_files import (
    Lenient,
    LockedStage,
    RevisionAudit,
    RevisionCost,
    RevisionIntervals,
    RevisionLock,
    RevisionParams,
    RevisionScores,
    problems,
)
from slingshot.files import paths
from slingshot.files.audit import Audit
from slingshot.files.cost import Cost
from slingshot.files.intervals import Intervals
from slingshot.files.scores import Scores
from slingshot.files.storage.record import Record
from slingshot.settings import PARAMS, UserError

WORKSPACE = "workspace"
LOCK = Path("dvc.lock")
FILES = tuple(map(str, (PARAMS, LOCK, paths.METRICS)))
REMEDY = "`dvc repro` on that revision writes it again"
AnyLenient = TypeVar("AnyLenient", bound=Lenient)
Contents = TypeVar("Contents")


@dataclass(frozen=True)
class Revision:
    """An experiment, a git revision or `workspace`, with the contents of its files by their paths.

    An older Slingshot may have written the files, so only needed keys are read. The workspace's files must have the
    current format. Each method returns None if the revision has no such file, and raises UserError, which names file
    and revision, if the file can't be read.
    """

    name: str
    commit: str
    """Empty for the workspace."""
    time: float
    """Time of the commit, in seconds; infinite for the workspace."""
    files: Mapping[str, bytes]

    @property
    def title(self) -> str:
        """Its name in a sentence."""
        return self.name if self.commit else f"the {WORKSPACE}"

    @cached_property
    def values(self) -> dict[str, Any]:
        """The contents of params.yaml, not validated."""
        return self._yaml(PARAMS)

    @cached_property
    def params(self) -> RevisionParams:
        return self._of(RevisionParams, self.values, PARAMS)

    @cached_property
    def lock(self) -> dict[str, LockedStage]:
        """Stage -> its record in dvc.lock."""
        return self._of(RevisionLock, self._yaml(LOCK), LOCK).stages

    def scores(self, dataset: str, contestant: str) -> RevisionScores | None:
        return self._read(paths.scores(dataset, contestant), RevisionScores, Scores)

    def intervals(self, dataset: str, contestant: str) -> RevisionIntervals | None:
        return self._read(paths.intervals(dataset, contestant), RevisionIntervals, Intervals)

    def cost(self, dataset: str, contestant: str) -> RevisionCost | None:
        return self._read(paths.cost(dataset, contestant), RevisionCost, Cost)

    def audit(self, dataset: str) -> RevisionAudit | None:
        return self._read(paths.audit(dataset), RevisionAudit, Audit)

    def measured_on(self, dataset: str) -> tuple[str, str] | None:
        """The rows that it prepared, as `Audit.measured_on`; None if its audit does not say, or can't be read."""
        audit = if_readable(self.audit, dataset)
        return audit.measured_on if audit else None

    def has_scores(self, dataset: str, contestant: str) -> bool:
        return paths.scores(dataset, contestant).as_posix() in self.files

    def contents(self, path: Path) -> object:
        """The contents of a JSON file, not validated, for programs."""
        text = self.files.get(path.as_posix())
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            raise self.refused(path, f"not valid JSON: {error}") from None

    def refused(self, path: Path, why: str) -> UserError:
        """The error that says why one of its files can't be used."""
        remedy = "" if self.commit else f"; restore it with `git restore {path}`"
        return UserError(f"{path} of {self.title}: {why}{remedy}")

    def _read(
        self, path: Path, lenient: type[AnyLenient], todays: type[Record]
    ) -> AnyLenient | None:
        text = self.files.get(path.as_posix())
        if text is None:
            return None
        if not self.commit:
            todays.parse(text, str(path), "run `dvc repro`")
        return lenient.parse(text, f"{path} of {self.title}", REMEDY)

    def _of(self, lenient: type[AnyLenient], value: object, path: Path) -> AnyLenient:
        try:
            return lenient.model_validate(value)
        except ValidationError as error:
            raise self.refused(path, problems(error)) from None

    def _yaml(self, path: Path) -> dict[str, Any]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            return dict(YAML(typ="safe").load(self.files.get(path.as_posix(), b"{}")))
        except (YAMLError, ValueError, TypeError) as error:
            raise self.refused(path, f"not a YAML mapping: {error}") from None


def if_readable(read: Callable[..., Contents | None], *names: str | Path) -> Contents | None:
    """The result of a method of Revision with these names; None also if the file can't be read."""
    try:
        return read(*names)
    except UserError:
        return None


def readable(revisions: Sequence[Revision]) -> tuple[list[Revision], dict[str, str]]:
    """The revisions with readable params.yaml and dvc.lock; and for the others, name -> why they can't be read."""
    kept, others = [], {}
    for revision in revisions:
        try:
            _ = revision.params, revision.lock
        except UserError as error:
            others[revision.name] = error.message
        else:
            kept.append(revision)
    return kept, others


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
    """The present files of the work tree."""
    own = [PARAMS, LOCK, *sorted(paths.METRICS.rglob("*.json"))]
    files = {path.as_posix(): path.read_bytes() for path in own if path.is_file()}
    return Revision(WORKSPACE, "", math.inf, files)


def at(name: str) -> Revision:
    """A git revision or an experiment, named as in DVC's commands. Raises UserError for an unknown revision, for a
    revision without a measured study, and outside a repository."""
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
        (_archived(*each) for of_commit in listed.values() for each in of_commit), key=age
    )


def _archived(name: str, commit: str) -> Revision:
    """The files of a commit by `git archive`, which also gives the commit's id and time. A commit without one of FILES
    has measured nothing, so its `files` are empty."""
    done = subprocess.run(["git", "archive", commit, *FILES], capture_output=True)
    if done.returncode:
        return Revision(name, commit, 0, {})
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        commit = archive.pax_headers.get("comment", commit)
        members = [(member, archive.extractfile(member)) for member in archive]
        files = {member.name: content.read() for member, content in members if content}
        return Revision(name, commit, max(member.mtime for member, _ in members), files)
