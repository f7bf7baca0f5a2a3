"""The `models:` block of params.yaml: one class a family."""

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
    """What the settings of every family say of its training."""

    module: ClassVar[str]
    """The module of slingshot.finetune that names the class which trains it as CLASSIFIER."""
    seeded: ClassVar[bool] = False
    """Whether a training seed changes the outcome."""


class TfidfSettings(Family):
    """TF-IDF word and character n-grams + logistic regression, chosen by grid on validation."""

    module: ClassVar[str] = "slingshot.finetune.tfidf"
    family: Literal["tfidf"]
    word_ngrams: list[Count] = Field(default=[1, 2], min_length=1)
    """Longest word n-gram: each value is tried."""
    char_ngrams: list[CharNgrams] = Field(default=[0, 5], min_length=1)
    """Longest character n-gram (from 2); 0 leaves characters out. Each value is tried."""
    c: list[Positive] = Field(default=[0.3, 1.0, 3.0, 10.0, 30.0], min_length=1)
    """Inverse regularisation strengths to try."""
    max_features: Count = 100_000


class Checkpoint(Block):
    checkpoint: str = Field(min_length=1)
    """`package:NAME` (a pip package that carries weights), a local folder, or a hub id; of a causal LLM a GGUF file
    too."""
    revision: str | None = None
    """Of a hub id: a branch, a tag or a commit; null takes the default branch."""
    sha256: dict[str, str] = {}
    """File name -> digest, compared before the file is loaded. Weights that are not pinned may change unnoticed:
    neither DVC nor the resume folders look inside them."""
    max_length: Count = 128
    """Tokens that a text is cut to."""


class FrozenSettings(Checkpoint, Family):
    """An encoder left as it is, mean-pooled, + logistic regression, C chosen on validation."""

    module: ClassVar[str] = "slingshot.finetune.frozen"
    family: Literal["frozen"]
    c: list[Positive] = Field(default=[0.1, 1.0, 10.0, 100.0], min_length=1)


class TransformerSettings(Checkpoint, Family):
    """A sequence classifier fine-tuned whole."""

    module: ClassVar[str] = "slingshot.finetune.transformer"
    seeded: ClassVar[bool] = True
    family: Literal["transformer"]
    truncation: Truncation = "head"
    """What is read of a longer text: its head, its tail, both, or all of it in windows whose logits are averaged, the
    surest windows' counting most."""
    overlap: float = Field(default=0.25, ge=0, lt=1)
    """Share of a window that the next one repeats."""
    epochs: Count = 4
    patience: Count | None = None
    """Epochs without a better validation score after which training stops; null trains them all."""
    learning_rate: Positive = 1e-4
    batch_size: Count = 32
    accumulate: Count = 1
    """Batches to one step of the optimiser."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the optimiser's steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: Positive = 1.0
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: a row weighs as much less as its class has more rows."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products; auto is bfloat16 on a GPU that has it, where it is faster, and float32 elsewhere."""
    compile: bool | Literal["auto"] = "auto"
    """Whether torch.compile translates the model first; auto does on a GPU."""
    save_seconds: float = Field(default=60.0, ge=0)
    """A resume checkpoint is written when this many seconds have gone by since the last."""


ModelSettings = Annotated[
    TfidfSettings | FrozenSettings | TransformerSettings, Field(discriminator="family")
]
FAMILIES: dict[str, type[Family]] = {
    get_args(settings.model_fields["family"].annotation)[0]: settings
    for settings in get_args(get_args(ModelSettings)[0])
}
"""Family -> its settings class."""
