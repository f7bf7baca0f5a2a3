"""python3 -m stages.report: the verdict, the tables and the page, from the files in metrics/."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
def main() -> None:
    """Read metrics/, write report/verdict.json, report/summary.md and report/index.html."""
    from slingshot import settings, tables
    from slingshot.report.page import html
    from slingshot.report.section import sections
    from slingshot.report.summary import markdown

    params = settings.load()
    parts = sections(params)
    report = Path("report")
    tables.write_json(report / "verdict.json", {name: part.verdict.as_json() for name, part in parts.items()})
    tables.write_text(report / "summary.md", markdown(parts))
    tables.write_text(report / "index.html", html(parts, params))
    headlines = "; ".join(f"{name}: {part.headline}" for name, part in parts.items())
    click.echo(f"report: {headlines} -> {report}/index.html, summary.md, verdict.json")


if __name__ == "__main__":
    main()
