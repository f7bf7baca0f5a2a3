"""README.md of a trained model's folder: what the model predicts, how it was trained and on what, and how to use it.

Its front matter has the hub's form. The stage writes what it knows. `slingshot export` replaces the last section with
the scores, the costs and the facts of the data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slingshot.files.storage.json_files import write_text
from slingshot.files.usage import Usage
from slingshot.finetune.families import Details
from slingshot.machine.markdown import code, plain, table
from slingshot.settings import PARAMS, Checkpoint, ModelSettings, Primary, TfidfSettings

FILE = "README.md"
UNSCORED = "## Scores, costs and limits"
"""The heading of the section that `slingshot export` replaces."""
TASK = "text-classification"


@dataclass(frozen=True)
class Trained:
    """What the card of a trained model says. counts: training rows of each of the classes `names`."""

    dataset: str
    model: str
    settings: ModelSettings
    names: Sequence[str]
    counts: Sequence[int]
    fraction: float
    primary: Primary
    usage: Usage


def write(folder: Path, trained: Trained) -> None:
    """Write the card into the model's folder. The same training gives the same card."""
    sections = [
        f"# {trained.dataset}-{trained.model}",
        "A text classifier trained with Slingshot. It gives each text one of "
        f"{len(trained.names)} classes, with a probability for each class.",
        "## What it was trained on",
        *_data(trained),
        "## How it was trained",
        *_training(trained),
        "## How to use it",
        *_usage(trained.settings),
        UNSCORED,
        "This copy does not have them. "
        f"`slingshot export {trained.dataset} {trained.model} FOLDER` makes a copy that does.",
    ]
    write_text(
        folder / FILE, f"---\n{_front_matter(trained)}\n---\n\n" + "\n\n".join(sections) + "\n"
    )


def _front_matter(trained: Trained) -> str:
    from huggingface_hub import ModelCardData

    transformer = trained.settings.family == "transformer"
    from_checkpoint = isinstance(trained.settings, Checkpoint)
    data = ModelCardData(
        model_name=f"{trained.dataset}-{trained.model}",
        license="other",  # the hub's word for a licence that is not in its list
        license_name="of-its-data-and-checkpoint" if from_checkpoint else "of-its-data",
        pipeline_tag=TASK,
        library_name="transformers" if transformer else "slingshot",
        tags=["slingshot", TASK, trained.settings.family],
        base_model=_hub_id(trained.settings),
    )
    return str(data.to_yaml())


def _hub_id(settings: ModelSettings) -> str | None:
    """The checkpoint's id on the hub; None for a package or a local folder, which the hub does not know."""
    if isinstance(settings, TfidfSettings) or settings.checkpoint.startswith("package:"):
        return None
    return None if Path(settings.checkpoint).is_dir() else settings.checkpoint


def _data(trained: Trained) -> list[str]:
    rows = trained.usage.train_rows
    classes = zip(trained.names, trained.counts, strict=True)
    return [
        f"The data set `{trained.dataset}`: {rows:,} training rows, {100 * trained.fraction:g}% of all there are.",
        table(["Class", "Training rows"], [(name, f"{count:,}") for name, count in classes]),
    ]


def _training(trained: Trained) -> list[str]:
    usage, run = trained.usage, trained.usage.train[0]
    details: Details = (usage.details or {}).get(str(run.seed)) or Details()
    machine = usage.hardware
    seed = f"seed {run.seed}" if run.seed >= 0 else "no seed, because nothing in it is random"
    others = f", the first of {len(usage.train)} that were trained" if len(usage.train) > 1 else ""
    facts = [
        f"Family: `{trained.settings.family}`. {type(trained.settings).__doc__}",
        *_checkpoint(trained.settings),
        f"Settings: {_settings(trained.settings)}.",
        f"Training: {seed}{others}; {run.seconds:,.1f} s and {run.tokens:,} tokens, on "
        f"{plain(str(machine.get('name')))} ({machine.get('cores')} cores, {machine.get('device')}, "
        f"{machine.get('dtype')}).",
        *_chosen(details, trained.primary),
        *ends(f"models.{trained.model}", trained.settings, usage),
    ]
    return ["\n".join(f"- {fact}" for fact in facts)]


def _checkpoint(settings: ModelSettings) -> list[str]:
    if not isinstance(settings, Checkpoint):
        return []
    local = Path(settings.checkpoint).is_dir()
    # Only the folder's name: its path belongs to this machine, and means nothing elsewhere.
    name = (
        f"a local folder, {code(Path(settings.checkpoint).name)}"
        if local
        else code(settings.checkpoint)
    )
    at = f", revision {code(settings.revision)}" if settings.revision else ""
    return [f"Checkpoint it started from: {name}{at}."]


def _settings(settings: ModelSettings) -> str:
    values = settings.model_dump(
        mode="json", exclude={"family", "checkpoint", "revision", "sha256"}
    )
    return ", ".join(f"{key} {_plain(value)}" for key, value in values.items())


def _plain(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return " or ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else plain(str(value))


def _chosen(details: Details, primary: str) -> list[str]:
    """A line on what was chosen on validation rows, e.g. the epoch; none where nothing was."""
    chosen = dict(details.get("chosen") or {})
    score = chosen.pop("score", None)
    if not chosen or score is None:
        return []
    run = f" of {details['epochs']} that were run" if "epochs" in details else ""
    choice = ", ".join(f"{key} {_plain(value)}" for key, value in sorted(chosen.items()))
    return [
        f"Chosen on validation rows: {choice}{run}, with {primary.replace('_', ' ')} {score:.3f} there."
    ]


def ends(key: str, settings: ModelSettings, usage: Usage) -> list[str]:
    """A line for each end of the grid of C that was chosen, because a C beyond this end may be better.

    key: the model's key in params.yaml.
    """
    tried = getattr(settings, "c", [])
    if min(tried, default=None) == max(tried, default=None):
        return []
    chosen = {
        details["chosen"]["c"]
        for details in (usage.details or {}).values()
        if "c" in details.get("chosen", {})
    }
    return [
        f"The best C, {c:g}, is the {end} value that was tried: a {beyond} value may be better. Add one to {key}.c in "
        f"{PARAMS}."
        for end, c, beyond in (
            ("smallest", min(tried), "smaller"),
            ("largest", max(tried), "larger"),
        )
        if c in chosen
    ]


def _usage(settings: ModelSettings) -> list[str]:
    label = "```\nslingshot predict FOLDER texts.csv --output labelled.csv\n```"
    lines = [
        "With Slingshot, on a CSV, TSV or JSONL file whose column `text` holds the texts:",
        label,
    ]
    if settings.family == "transformer":
        code = f'pipeline("{TASK}", model="FOLDER")("a text", truncation=True)'
        lines += [
            "Or with transformers alone, which reads the head of a text that is too long, whatever `truncation` says:",
            f"```python\nfrom transformers import pipeline\n\n{code}\n```",
        ]
    return [*lines, "The weights are safetensors; nothing in this folder is pickled."]
