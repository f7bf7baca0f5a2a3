"""Fine-tuning through the stage, for each architecture of the published study and each option that changes training."""

import numpy as np
import pytest
from click.testing import CliRunner

from slingshot import settings
from slingshot.files.predictions import read_predictions
from slingshot.files.rows import read_rows
from slingshot.files.usage import Usage
from slingshot.finetune.transformer import Transformer, class_weights, pool
from stages.finetune import main
from tests.conftest import FILLER, NAMES, WORDS, set_param, write_toy
from tests.tiny_checkpoints import ARCHITECTURES


def run(project, **changes):
    for key, value in changes.items():
        set_param(project, f"models.tiny.{key}", value)
    result = CliRunner().invoke(main, ["toy", "tiny"])
    assert result.exit_code == 0, result.output
    frame = read_predictions(project / "data/predictions/toy/tiny.parquet", NAMES)
    return frame[frame["split"] == "test"], Usage.read(project / "data/usage/toy/tiny.json")


def accuracy(rows):
    return (rows["prediction"] == rows["label"]).mean()


def load(project):
    return Transformer.load(project / "data/models/toy/tiny", "cpu")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_learns_and_a_rows_logits_do_not_depend_on_its_batch(project, tiny, name):
    from transformers import pipeline

    rows, usage = run(project, checkpoint=str(tiny[name]), epochs=12, learning_rate=0.006)
    assert accuracy(rows) > 0.9
    model = load(project)
    texts = [
        *read_rows(project / "data/prepared/toy/test.parquet")["text"],
        "the </s> box <sep>",
        "box " * 60,
    ]
    together = np.log(model.predict(texts))
    alone = np.log(np.vstack([model.predict([text]) for text in texts]))
    np.testing.assert_allclose(together, alone, atol=1e-4)
    answers = pipeline("text-classification", model=str(project / "data/models/toy/tiny"))(
        texts[:20]
    )
    best = [model.model.config.id2label[k] for k in model.predict(texts[:20]).argmax(axis=1)]
    assert [answer["label"] for answer in answers] == best
    assert usage.details["0"]["tokens_per_second"] > 0
    assert usage.details["0"]["chosen"]["epoch"] <= usage.details["0"]["epochs"] == 12


@pytest.mark.parametrize("architecture", ["ModernBert", "DebertaV2"])
def test_other_architectures_need_no_code(project, tiny, tmp_path, architecture):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny["distilbert"])
    small = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    config = getattr(transformers, f"{architecture}Config")(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        **small,
    )
    getattr(transformers, f"{architecture}Model")(config).save_pretrained(tmp_path / "other")
    tokenizer.save_pretrained(tmp_path / "other")
    # DeBERTa does not learn at the higher rate of the toy project, and needs more epochs at this one.
    slower = {"learning_rate": 0.003, "batch_size": 8, "epochs": 16}
    rows, _ = run(project, checkpoint=str(tmp_path / "other"), **slower)
    assert accuracy(rows) > 0.9


def long_texts(project, words, last=3):
    """Texts of many words, of the first or the last class, which their `last` words alone decide."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 50), ("validation", 30), ("test", 40)):
        rows = (
            read_rows(project / f"data/prepared/toy/{split}.parquet")
            .query("label != 1")
            .iloc[:count]
            .copy()
        )
        rows["text"] = [
            " ".join([*rng.choice(FILLER, words), *rng.choice(WORDS[label].split(), last)])
            for label in rows["label"]
        ]
        write_toy(project, split, rows)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the first test that wants `known` leaves it for the others."""
    return tmp_path_factory.mktemp("kept") / "known"


@pytest.fixture
def known(project, tiny, kept):
    """A body that knows the words, as a pretrained one does: of a model tuned on short texts, without its head."""
    from transformers import AutoModel

    changes = {"epochs": 10, "learning_rate": 0.006}
    if not kept.is_dir():
        run(project, checkpoint=str(tiny["distilbert"]), **changes)
        AutoModel.from_pretrained(project / "data/models/toy/tiny").save_pretrained(kept)
        load(project).inputs.tokenizer.save_pretrained(kept)
    return {**changes, "checkpoint": str(kept), "max_length": 64}


def test_windows_learn_what_only_the_last_sentence_says_and_a_head_does_not(project, known):
    long_texts(project, 200, last=50)
    changes = {**known, "overlap": 0.1, "learning_rate": 0.004}
    read, _ = run(project, truncation="windows", **changes)
    assert accuracy(read) > 0.9
    assert read["input_tokens"].min() > 250
    cut, _ = run(project, truncation="head", **changes)
    assert accuracy(cut) < 0.75
    assert cut["input_tokens"].max() == 64


@pytest.mark.parametrize("truncation", ["tail", "head_tail"])
def test_a_tail_is_read(project, known, truncation):
    long_texts(project, 100, last=10)
    rows, _ = run(project, truncation=truncation, **known)
    assert accuracy(rows) > 0.9


def test_training_stops_when_validation_no_longer_gains(project):
    _, usage = run(project, epochs=40, patience=2)
    details = usage.details["0"]
    assert details["epochs"] < 40
    assert details["epochs"] == details["chosen"]["epoch"] + 2 == len(details["validation"])


def test_accumulated_batches_are_one_step_of_the_larger_batch(project):
    """Without dropout, and with equal batches, the two give the same predictions up to rounding."""
    from transformers import AutoConfig

    checkpoint = settings.load().models["tiny"].checkpoint
    config = AutoConfig.from_pretrained(checkpoint)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    import shutil

    shutil.copytree(checkpoint, project / "still")
    config.save_pretrained(project / "still")
    same = {"checkpoint": "./still", "epochs": 1}
    whole, _ = run(project, batch_size=150, **same)
    parts, usage = run(project, batch_size=50, accumulate=3, **same)
    assert usage.details["0"]["steps"] == 1
    np.testing.assert_allclose(np.vstack(parts["scores"]), np.vstack(whole["scores"]), atol=1e-3)


def test_label_smoothing_keeps_the_loss_above_the_entropy_of_the_smoothed_label(project):
    smoothed = np.array([0.6 + 0.4 / 3, 0.4 / 3, 0.4 / 3])
    floor = -(smoothed * np.log(smoothed)).sum()
    lowest = [
        min(loss for _, loss in run(project, label_smoothing=smoothing)[1].details["0"]["loss"])
        for smoothing in (0.0, 0.4)
    ]
    assert lowest[0] < floor <= lowest[1]


def test_balanced_class_weights_give_every_class_the_same_sum_and_rows_1_on_average():
    weights = class_weights(np.array([0, 0, 0, 0, 2, 2]), "balanced")
    assert weights.mean() == pytest.approx(1)
    assert weights[:4].sum() == pytest.approx(weights[4:].sum())
    assert class_weights(np.array([0, 1, 1]), "none").tolist() == [1, 1, 1]


def test_bfloat16_is_written_into_the_usage(project):
    rows, usage = run(project, precision="bfloat16", epochs=2)
    assert usage.hardware["dtype"] == "bfloat16"
    assert np.isfinite(np.vstack(rows["scores"])).all()


def test_the_loss_curve_falls(project):
    _, usage = run(project)
    steps, losses = zip(*usage.details["0"]["loss"], strict=True)
    assert steps[-1] == 8 * usage.details["0"]["steps"]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_length": 65}, "reads 64 tokens at most"),
        ({"checkpoint": "./nowhere"}, "'./nowhere' is not a folder"),
    ],
)
def test_what_can_not_work_is_said_before_training(project, change, message):
    for key, value in change.items():
        set_param(project, f"models.tiny.{key}", value)
    result = CliRunner().invoke(main, ["toy", "tiny"])
    assert result.exit_code == 1
    assert message in result.output


def test_windows_that_lean_a_little_do_not_outvote_the_one_that_decides():
    decides = np.vstack([np.tile([0.8, 0.0], (100, 1)), [[0.0, 4.0]]])
    undecided = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 3.0]])
    owner = np.repeat([0, 1, 2], [101, 2, 1])
    pooled = pool(np.vstack([decides, undecided]), owner, 3)
    assert pooled[0, 1] > pooled[0, 0] + 1
    np.testing.assert_allclose(pooled[1:], [[1, 0], [3, 3]])
