"""Whether this user may mount a disk of their own, for tests of full, read-only and other disks."""

import shutil
import subprocess

import pytest

MOUNTS = (
    shutil.which("unshare")
    and not subprocess.run(
        ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True
    ).returncode
)
needs_mounts = pytest.mark.skipif(not MOUNTS, reason="this user may mount nothing, even for itself")
