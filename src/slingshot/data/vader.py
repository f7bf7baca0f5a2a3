"""Human-rated text inside the vaderSentiment source distribution, read without unpacking it.

pip fetches the archive once and requires its hash, so that nothing in it runs before the hash is compared. The state
folder keeps the archive under its sha256, which is compared again at every read. Only the source distribution has these
files, in a tar inside the tar; the wheels do not.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd

from slingshot.files.storage.atomic import atomic, scratch
from slingshot.files.storage.digests import sha256_file
from slingshot.machine import state
from slingshot.settings import UserError, VaderSource, nearest

VERSION = "3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = f"vaderSentiment-{VERSION}/additional_resources/hutto_ICWSM_2014.tar.gz"
SUFFIX = "_GroundTruth.txt"
PIP = ["-m", "pip", "download", "--no-deps", "--no-binary", "vaderSentiment", "--require-hashes"]


def read(source: VaderSource, labels: list[str]) -> pd.DataFrame:
    """Rows of one file: id, text, label (the class of its mean rating) and group.

    Raises UserError if the archive can't be fetched or has no such file.
    """
    return parse(_member(archive(), source.file), source, labels)


def parse(data: bytes, source: VaderSource, labels: list[str]) -> pd.DataFrame:
    """Rows of a tab-separated file of id, mean rating and text; only "\\n" ends a line."""
    lines = [
        line.removesuffix("\r").split("\t", 2)
        for line in data.decode("utf-8").split("\n")
        if line.strip()
    ]
    ids, ratings, texts = (list(column) for column in zip(*lines, strict=True))
    levels = cut(np.array(ratings, dtype=np.float64), source.cuts)
    groups = [name.split("_", 1)[0] for name in ids] if source.group_prefix else None
    return pd.DataFrame(
        {"id": ids, "text": texts, "label": [labels[level] for level in levels], "group": groups}
    )


def cut(ratings: np.ndarray, cuts: list[float]) -> np.ndarray:
    """Class of each rating, 0 to len(cuts), shape (ratings,); a rating on a cut belongs to the upper class."""
    return np.searchsorted(np.asarray(cuts), ratings, side="right")


def archive() -> bytes:
    """The source distribution, fetched if the state folder has no intact copy. Raises UserError if that fails."""
    path = state.downloads() / SHA256
    if not path.is_file() or sha256_file(path) != SHA256:
        _fetch(path)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise UserError(
            f"{path}: its sha256 differs from its name; delete the file and run this again"
        )
    return data


def _fetch(path: Path) -> None:
    with scratch(path) as folder:
        folder.mkdir()
        requirement = folder / "requirements.txt"
        requirement.write_text(_pinned() + "\n", encoding="utf-8")
        # Fails within 20 s without a network; the user's own index and proxy still apply.
        options = ["--retries", "1", "--timeout", "8", "--quiet", "-r", str(requirement)]
        pip = subprocess.run(
            [sys.executable, *PIP, *options, "-d", str(folder)], capture_output=True, text=True
        )
        archive_file = next(folder.glob("*.tar.gz"), None)
        if pip.returncode or archive_file is None:
            raise UserError(_remedy(path, pip.stderr))
        with atomic(path) as whole:
            shutil.copyfile(archive_file, whole)


def _pinned() -> str:
    return f"vaderSentiment=={VERSION} --hash=sha256:{SHA256}"


def _remedy(path: Path, stderr: str) -> str:
    reason = (stderr.strip().splitlines() or ["pip failed"])[-1]
    command = " ".join(["python3", *PIP, "-r", "vader.txt"])
    return (
        f"vaderSentiment {VERSION}, which holds this data set, could not be fetched: "
        f"{reason}\n"
        f"Check the network (or pip's index and proxy) and run this again. Or, where there is a network, run\n"
        f'  echo "{_pinned()}" > vader.txt\n'
        f"  {command}\n"
        f"and copy vaderSentiment-{VERSION}.tar.gz to\n"
        f"  {path}"
    )


def _member(data: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as outer:
        inner = outer.extractfile(INNER)
        if inner is None:
            raise UserError(f"vaderSentiment {VERSION}: no {INNER}")
        with tarfile.open(fileobj=inner) as files:
            texts = [file for file in files if file.isfile() and file.name.endswith(SUFFIX)]
            members = {Path(file.name).name: file for file in texts}
            if name not in members:
                raise UserError(f"params.yaml: source.file: no '{name}'{nearest(name, members)}")
            member = files.extractfile(members[name])
            assert member is not None
            return member.read()
