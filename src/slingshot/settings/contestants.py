"""The `models:` block of params.yaml: one class for each family."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field

from slingshot.settings.base import Block, Count, Positive


def _not_one(longest: int) -> int:
    if longest == 1:
        raise ValueError("character n-grams start at 2; 0 leaves them out")
    return longest


Truncation = Literal["head", "tail", "head_tail", "windows"]
CharNgrams = Annotated[int, Field(ge=0), AfterValidator(_not_one)]


class Family(Block):
    """The base of every family's settings."""

    module: ClassVar[str]
    """The module of slingshot.finetune that trains the family; its CLASSIFIER is the class that does so."""
    seeded: ClassVar[bool] = False
    """Whether a training seed changes the outcome."""
    torch: ClassVar[bool] = True
    """Whether torch runs it. Without torch it runs on the CPU, and torch, which loads for seconds, is not imported."""


class TfidfSettings(Family):
    """TF-IDF word and character n-grams + logistic regression, chosen by grid on validation."""

    module: ClassVar[str] = "slingshot.finetune.tfidf"
    torch: ClassVar[bool] = False
    family: Literal["tfidf"]
    word_ngrams: list[Count] = Field(default=[1, 2], min_length=1)
    """Longest word n-gram; each value is tried."""
    char_ngrams: list[CharNgrams] = Field(default=[0, 5], min_length=1)
    """Longest character n-gram (from 2); 0 leaves characters out. Each value is tried."""
    c: list[Positive] = Field(default=[0.3, 1.0, 3.0, 10.0, 30.0], min_length=1)
    """Inverse regularisation strengths to try."""
    max_features: Count = 100_000


class Checkpoint(Block):
    checkpoint: str = Field(min_length=1)
    """`package:NAME` (a pip package that carries weights), a local folder, a hub id or, for a causal LLM, a GGUF
    file."""
    revision: str | None = None
    """A branch, a tag or a commit of a hub id; null takes the default branch."""
    sha256: dict[str, str] = {}
    """File name -> digest, compared before the file is loaded. Weights without a digest here may change unnoticed:
    neither DVC nor the resume folders look inside them."""
    max_length: Count = 128
    """Most tokens of a text; a longer text is cut."""


class FrozenSettings(Checkpoint, Family):
    """The mean-pooled output of an encoder that is not trained + logistic regression, C chosen on validation."""

    module: ClassVar[str] = "slingshot.finetune.frozen"
    family: Literal["frozen"]
    c: list[Positive] = Field(default=[0.1, 1.0, 10.0, 100.0], min_length=1)


class TransformerSettings(Checkpoint, Family):
    """A sequence classifier; all its weights are fine-tuned."""

    module: ClassVar[str] = "slingshot.finetune.transformer"
    seeded: ClassVar[bool] = True
    family: Literal["transformer"]
    truncation: Truncation = "head"
    """What the model reads of a longer text: its head, its tail, both, or all of it in windows. The logits of the
    windows are averaged, and the most confident windows weigh most."""
    overlap: float = Field(default=0.25, ge=0, lt=1)
    """Share of a window that the next window repeats."""
    epochs: Count = 4
    patience: Count | None = None
    """Training stops after this many epochs without a better validation score; null trains all epochs."""
    learning_rate: Positive = 1e-4
    batch_size: Count = 32
    accumulate: Count = 1
    """Batches for each step of the optimiser."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the optimiser's steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: Positive = 1.0
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: the weight of a row is inversely proportional to the number of rows of its class."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """The dtype of matrix products; auto is bfloat16 on a GPU that has it, where it is faster, and float32
    elsewhere."""
    compile: bool | Literal["auto"] = "auto"
    """Whether torch.compile compiles the model first; auto does so on a GPU."""
    save_seconds: float = Field(default=60.0, ge=0)
    """Seconds between two resume checkpoints."""


ModelSettings = Annotated[
    TfidfSettings | FrozenSettings | TransformerSettings, Field(discriminator="family")
]
FAMILIES: dict[str, type[Family]] = {
    get_args(settings.model_fields["family"].annotation)[0]: settings
    for settings in get_args(get_args(ModelSettings)[0])
}
"""Family -> its settings class."""
