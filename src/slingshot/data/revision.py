"""Keeps a data set of the hub at the commit of its first load, unless params.yaml names another.

The audit that is committed to git contains that commit. Until an audit is committed, a file in the state folder has it.
The audit in the working tree is no help: DVC deletes it before it runs the stage that writes it.
"""

from __future__ import annotations

import subprocess

from pydantic import ConfigDict, ValidationError

from slingshot.files import paths
from slingshot.files.storage.record import Record
from slingshot.machine import sealed, state
from slingshot.pretrained import hub
from slingshot.settings import HubSource, UserError


class Origin(Record):
    """The repository and the commit that the rows came from."""

    # An audit of another version of Slingshot is read too, whatever other keys it has. Otherwise an upgrade could
    # silently take other rows.
    model_config = ConfigDict(extra="ignore")

    hub_id: str | None
    revision: str | None

    def commit_of(self, hub_id: str) -> str | None:
        """The commit, if it is of this repository."""
        return self.revision if self.hub_id == hub_id else None


def check(name: str, source: HubSource, commit: str) -> None:
    """Raises UserError where data set `name` was first read at another commit than `commit`."""
    if source.revision and hub.COMMIT.fullmatch(source.revision):
        return  # the user's choice
    first = _committed(name, source.id) or _stored(name, source.id)
    if first and first != commit:
        raise UserError(
            f"dataset '{source.id}': was read at commit {first}, and the hub is at {commit} now. In params.yaml, "
            f"write `revision: {first}` under its source to stay with the rows of the earlier scores, or "
            f"`revision: {commit}` to take the new ones"
        )


def keep(name: str, source: HubSource, commit: str) -> None:
    """Remember the commit at which data set `name` was read."""
    Origin(hub_id=source.id, revision=commit).write(state.revisions() / f"{name}.json")


def _committed(name: str, hub_id: str) -> str | None:
    """The commit in the audit of HEAD; None without git, a commit or that file."""
    call = ["git", "show", f"HEAD:./{paths.audit(name).as_posix()}"]
    try:
        shown = subprocess.run(call, capture_output=True, check=False)
        return Origin.model_validate_json(shown.stdout).commit_of(hub_id)
    except (OSError, ValidationError):
        return None


def _stored(name: str, hub_id: str) -> str | None:
    """The commit in the state folder. A file that can't be read is set aside, with a message."""
    path = state.revisions() / f"{name}.json"
    if not path.is_file():
        return None
    try:
        return Origin.read(path).commit_of(hub_id)
    except UserError:
        sealed.set_aside(
            path,
            "it can't be read",
            f"the present commit of '{hub_id}' on the hub counts as the first",
        )
        return None
