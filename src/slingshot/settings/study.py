"""The `study:`, `metrics:` and `decision:` blocks of params.yaml: what is compared, and how the verdict is made."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from slingshot.settings.base import Block, Count, Name, NotNegative, Positive, Primary, Share


class CascadeSettings(Block):
    """The small model answers where it is confident enough, else the LLM."""

    name: Name
    small: Name
    large: Name
    max_cost: Positive | None = None
    """The most that 1,000 texts may cost, in `cost.currency`; null is no limit. The cascade takes the threshold within
    this limit that has the highest lead over the better side, in the primary metric on validation rows."""


class StudySettings(Block):
    """The data sets and contestants that take part. Every matrix in dvc.yaml comes from here."""

    datasets: list[Name] = Field(min_length=1)
    models: list[Name]
    llms: list[Name]
    cascades: list[CascadeSettings]

    @property
    def contestants(self) -> list[str]:
        return [*self.models, *self.llms, *(cascade.name for cascade in self.cascades)]


class MetricsSettings(Block):
    """How predictions are scored. DVC fails if a key is missing, because dvc.yaml lists it: so no key has a default."""

    primary: Primary
    margin: Share
    """Non-inferiority margin on the primary metric, stated before the figures are seen."""
    confidence: Share
    seed_sd: NotNegative
    """Standard deviation of the primary metric between training seeds. It is assumed for a contestant with fewer than
    metrics.scored.ENOUGH_SEEDS seeds."""
    ece_bins: Count
    """Equal-width bins of the expected calibration error."""


class DecisionSettings(Block):
    """What the verdict requires besides the primary metric, and the texts and months for which costs are added up. Null
    requires nothing. DVC needs each key."""

    monthly_texts: Count | None
    """Texts to label in a month; null: the total cost assumes report.total.TEXTS, and says so."""
    horizon_months: Count | None
    """Months over which the total cost is added up; null: report.total.MONTHS, and the report says so."""
    count_labels: bool
    """Whether the labels of training and validation rows still have to be paid for. Labels that exist already are a
    sunk cost."""
    monthly_budget: Positive | None
    """The most that predicting `monthly_texts` texts may cost in a month, in `cost.currency`; needs `monthly_texts`."""
    latency_p95: Positive | None
    """Seconds within which 95 of 100 single texts must be answered."""

    @model_validator(mode="after")
    def _a_budget_needs_a_volume(self) -> Self:
        if self.monthly_budget is not None and self.monthly_texts is None:
            raise ValueError(
                "monthly_budget needs monthly_texts, the number of texts that it is for"
            )
        return self
