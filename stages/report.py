"""Write the verdict, the tables and the page, from metrics/, data/plots and data/errors.

python3 -m stages.report
"""

from __future__ import annotations

import click

from slingshot.machine import console


@click.command(cls=console.Command)
def main() -> None:
    """Write report/verdict.json, summary.md, index.html and figures/."""
    from slingshot import settings
    from slingshot.files import paths
    from slingshot.files.storage.json_files import write_json, write_text
    from slingshot.report.page import figures
    from slingshot.report.page import index as page
    from slingshot.report.section import sections
    from slingshot.report.summary import markdown

    study = settings.load()
    parts = sections(study)
    write_json(
        paths.REPORT / "verdict.json",
        {name: part.verdict.as_json() for name, part in parts.items()},
    )
    write_text(paths.REPORT / "summary.md", markdown(parts))
    built = page.build(parts, study)
    write_text(paths.REPORT / "index.html", built.html)
    figures.write(built.figures, paths.REPORT / "figures")
    headlines = "; ".join(f"{name}: {part.headline}" for name, part in parts.items())
    console.echo(
        f"report: {headlines} -> {paths.REPORT}/index.html, figures, summary.md, verdict.json"
    )


if __name__ == "__main__":
    main()
