"""Writes the output of `dvc metrics diff BASE --json` as a folded Markdown table.

DVC's own --md does not escape keys, and some keys are labels of a data set.

    dvc metrics diff BASE --json | python3 .ci/metrics_diff.py BASE

Exits with 1 if the input is empty, because DVC has then failed.
"""

import html
import json
import sys

from slingshot.machine.markdown import table


def number(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def main() -> None:
    base, text = sys.argv[1], sys.stdin.read()
    if not text.strip():
        sys.exit(1)  # DVC has printed what is wrong
    rows = [
        (path, metric, *(number(change.get(key)) for key in ("old", "new", "diff")))
        for path, changes in json.loads(text).items()
        for metric, change in changes.items()
    ]
    shown = table(("Path", "Metric", base, "workspace", "Change"), rows)
    print(
        f"<details><summary><code>dvc metrics diff {html.escape(base)}</code></summary>\n\n{shown}\n\n</details>"
    )


if __name__ == "__main__":
    main()
