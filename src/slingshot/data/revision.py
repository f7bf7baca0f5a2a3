"""Holds a data set of the hub to the commit of its first load, unless params.yaml names another.

The audit that is committed to git says which commit that was; before anything is committed, a file in the state folder
does. (DVC removes the audit itself before the stage that writes it runs.)
"""

from __future__ import annotations

import json
import subprocess

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.machine import sealed, state
from slingshot.pretrained import hub
from slingshot.settings import HubSource, UserError


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
    """Remember the commit that data set `name` has been read at."""
    write_json(state.revisions() / f"{name}.json", {"hub_id": source.id, "revision": commit})


def _committed(name: str, hub_id: str) -> str | None:
    try:
        shown = subprocess.run(
            ["git", "show", f"HEAD:./metrics/audit/{name}.json"], capture_output=True, check=False
        )
        return _of(json.loads(shown.stdout), hub_id)
    except (OSError, ValueError):  # no git, no commit, no such file
        return None


def _stored(name: str, hub_id: str) -> str | None:
    path = state.revisions() / f"{name}.json"
    if not path.is_file():
        return None
    try:
        record = read_json(path)
    except UserError:
        record = None
    if not isinstance(record, dict):
        sealed.set_aside(
            path,
            "it can't be read",
            f"the commit of '{hub_id}' on the hub now is taken for the first",
        )
        return None
    return _of(record, hub_id)


def _of(record: dict[str, str | None], hub_id: str) -> str | None:
    """The commit in an audit or a stored record, if that is of the same repository."""
    return record.get("revision") if record.get("hub_id") == hub_id else None
