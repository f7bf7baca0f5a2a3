"""Loads models and tokenizers from a local folder: only safetensors, in float32, with only the code of transformers.

No other module loads anything through transformers. A checkpoint may name its own code (`auto_map`). That code is never
run, and the user is not asked to allow it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from slingshot.settings import Checkpoint, UserError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

TOKENIZER = "put the tokenizer's files there, beside the weights"


class AutoClass(Protocol):
    """One of transformers' Auto classes, which have no types of their own."""

    def from_pretrained(self, pretrained_model_name_or_path: str | Path, **options: Any) -> Any: ...


class LoadingInfo(TypedDict):
    """The keys used here of what transformers returns beside a model with `output_loading_info`."""

    missing_keys: set[str]


def pretrained(kind: AutoClass, folder: str | Path, **options: object) -> Any:
    """The object that an Auto class loads from the folder.

    Raises UserError where the checkpoint needs its own code, and whatever else `kind` raises.
    """
    try:
        return kind.from_pretrained(folder, trust_remote_code=False, **options)
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise UserError(
            f"{folder}: the checkpoint needs its own code (auto_map in its JSON files), which is never run: name a "
            "checkpoint of an architecture that transformers has"
        ) from None


def as_module(model: PreTrainedModel) -> torch.nn.Module:
    """The same model with torch's types: transformers overrides `to`, `train` and `eval` without types."""
    return model


def encoder(folder: str | Path) -> PreTrainedModel:
    """A model without a head, in float32."""
    import torch
    import transformers

    model: PreTrainedModel = pretrained(
        transformers.AutoModel, folder, use_safetensors=True, dtype=torch.float32
    )
    return model


def trained(folder: Path) -> PreTrainedModel:
    """A sequence classifier that training has saved."""
    import transformers

    model: PreTrainedModel = pretrained(
        transformers.AutoModelForSequenceClassification, folder, use_safetensors=True
    )
    return model


def classifier(folder: str, names: Sequence[str]) -> PreTrainedModel:
    """A sequence classifier for the classes `names`. Weights that the checkpoint lacks start at random.

    Raises UserError where the checkpoint's architecture has no classifier, or its head has another number of classes.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    try:
        model: PreTrainedModel = pretrained(
            transformers.AutoModelForSequenceClassification,
            folder,
            num_labels=len(names),
            id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
            problem_type="single_label_classification",
            use_safetensors=True,
            dtype=torch.float32,
        )
    except RuntimeError as error:
        if "mismatch" not in str(error):
            raise
        raise UserError(
            f"{folder}: its classification head does not have the data set's {len(names)} classes: "
            "name the checkpoint that it was fine-tuned from"
        ) from None
    except (ValueError, OSError, SafetensorError) as error:
        raise UserError(f"{folder}: not a checkpoint that can classify: {_short(error)}") from None
    return model


def causal_lm(folder: str) -> torch.nn.Module:
    """A causal language model in float32. Raises UserError where the checkpoint is not one."""
    import torch
    import transformers
    from safetensors import SafetensorError

    try:
        loaded: tuple[torch.nn.Module, LoadingInfo] = pretrained(
            transformers.AutoModelForCausalLM,
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (ValueError, OSError, RuntimeError, KeyError, SafetensorError) as error:
        raise UserError(
            f"{folder}: not a causal language model that can be loaded: {_short(error)}"
        ) from None
    model, info = loaded
    check_causal(model.eval(), info, folder)
    return model


def _short(error: Exception) -> str:
    """The error's message without the list of all classes that transformers adds."""
    return textwrap.shorten(str(error), 300, placeholder=" ...")


def check_causal(model: torch.nn.Module, info: LoadingInfo, source: object) -> None:
    """Raises UserError where weights are missing, or a later token changes the prediction after an earlier one."""
    import torch

    if info["missing_keys"]:
        raise UserError(
            f"{source}: not a causal language model: it lacks the weights {sorted(info['missing_keys'])}"
        )
    with torch.inference_mode():
        alone, followed = (model(torch.tensor([ids])).logits[0, 0] for ids in ([1], [1, 2]))
    if not torch.allclose(alone, followed, atol=1e-2):
        raise UserError(f"{source}: not a causal language model: it reads the tokens that follow")


def tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """The checkpoint's tokenizer. Raises UserError where its files are missing."""
    import transformers

    try:
        loaded: PreTrainedTokenizerBase = pretrained(transformers.AutoTokenizer, folder)
    except (ValueError, OSError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder}: has no tokenizer that can be loaded ({error}); {TOKENIZER}"
        ) from None
    # Some classes load without their files. Then they have only their special tokens, and every word is unknown.
    files = loaded.vocab_files_names.values()
    if not any((Path(folder) / file).is_file() for file in files):
        raise UserError(f"{folder}: has no tokenizer, neither {' nor '.join(files)}; {TOKENIZER}")
    return loaded


def check_length(checkpoint: Checkpoint, config: PreTrainedConfig) -> None:
    """Raises UserError where `max_length` is more than the model can read."""
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and 0 < limit < checkpoint.max_length:
        raise UserError(
            f"params.yaml: max_length is {checkpoint.max_length}, "
            f"but {checkpoint.checkpoint} reads {limit} tokens at most"
        )
