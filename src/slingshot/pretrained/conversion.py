"""Converts checkpoints to safetensors once, and keeps them in the state folder.

A converted checkpoint is named by the digest of its source, and compared with its own digests at every use. Loading a
GGUF file takes most of a minute; loading its converted folder takes seconds. Only this module reads pickles, in a
separate process.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from slingshot.files.storage.atomic import atomic
from slingshot.machine import sealed
from slingshot.pretrained import loading
from slingshot.settings import UserError
from slingshot.settings.errors import errno_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# A script for a separate process: a pickle that finds a way around weights_only reaches nothing of this process.
_CONVERT = """
import sys
import torch
from safetensors.torch import save_file
weights = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, sys.argv[2], {"format": "pt"})
"""


@contextlib.contextmanager
def once(target: Path) -> Iterator[Path | None]:
    """Yield the folder to convert into, which becomes `target` at the end; None where `target` is whole already."""
    with sole(target):
        if is_whole(target):
            yield None
            return
        with atomic(target) as folder:
            yield folder
            sealed.seal(folder)


def sole(target: Path) -> AbstractContextManager[None]:
    """Lock a converted checkpoint for the block, or wait while another process checks or converts it."""
    return sealed.sole(
        target.with_name(f"{target.name}.lock"), f"{target}: another process converts or checks it"
    )


def is_whole(converted: Path, then: str = "it is converted again") -> bool:
    """Whether the folder exists undamaged. A damaged one is renamed, and a line says what happens `then`."""
    if not converted.is_dir():
        return False
    why = sealed.damage(converted)
    if why:
        sealed.set_aside(converted, why, then)
    return why is None


def convert_pickle(pickle: Path, file: Path) -> None:
    """Write the weights of a pickle to the safetensors file `file`.

    torch.load(weights_only=True) builds tensors and calls nothing else. Raises UserError where it refuses the pickle.
    """
    process = subprocess.run(
        [sys.executable, "-c", _CONVERT, str(pickle), str(file)], capture_output=True, text=True
    )
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["no reason given"])[-1]
        if errno_of(RuntimeError(reason)):
            raise RuntimeError(reason)  # an error of the disk: `atomic` adds the folder
        raise UserError(
            f"{pickle}: not converted, because torch.load(weights_only=True) refuses it: {reason}"
        )


def convert_gguf(file: Path, folder: Path) -> None:
    """Write the model and the tokenizer of a GGUF file into `folder`.

    Raises UserError where the file is malformed, or is not a causal LM that transformers can load.
    """
    import torch
    import transformers

    tokenizer: PreTrainedTokenizerBase
    try:
        loaded: tuple[PreTrainedModel, loading.LoadingInfo] = loading.pretrained(
            transformers.AutoModelForCausalLM,
            file.parent,
            gguf_file=file.name,
            dtype=torch.float32,
            output_loading_info=True,
        )
        tokenizer = loading.pretrained(transformers.AutoTokenizer, file.parent, gguf_file=file.name)
    except UserError:
        raise
    except Exception as error:  # a malformed file may raise anything
        raise UserError(f"{file}: not a GGUF file of a causal language model: {error}") from None
    model, info = loaded
    loading.check_causal(loading.as_module(model).eval(), info, file)
    # The loader leaves quantisation marks on the model, although its weights are plain float32 now. With these marks
    # save_pretrained would refuse it.
    for mark, value in (("hf_quantizer", None), ("is_quantized", False)):
        setattr(model, mark, value)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
