"""What `dvc metrics diff BASE --json` says, as a Markdown table that is folded. DVC's own --md leaves keys as they are,
and labels of a data set are among them.

    dvc metrics diff BASE --json | python3 .ci/metrics_diff.py BASE

Ends with 1 where DVC says nothing, as where it fails.
"""

import html
import json
import sys
from typing import Any

from slingshot.machine.markdown import table


def number(value: Any) -> str:
    return "-" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)


def main() -> None:
    base, said = sys.argv[1], sys.stdin.read()
    if not said.strip():
        sys.exit(1)  # DVC has said what is wrong
    rows = [
        (path, metric, *(number(change.get(key)) for key in ("old", "new", "diff")))
        for path, changes in json.loads(said).items()
        for metric, change in changes.items()
    ]
    shown = table(("Path", "Metric", base, "workspace", "Change"), rows)
    print(
        f"<details><summary><code>dvc metrics diff {html.escape(base)}</code></summary>\n\n{shown}\n\n</details>"
    )


if __name__ == "__main__":
    main()
