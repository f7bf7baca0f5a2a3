import itertools
import time
from collections import Counter

import numpy as np
import pytest
import scipy.stats

from slingshot.machine import hardware
from slingshot.report.required import ENOUGH_TEXTS
from slingshot.settings import RunSettings, UserError


def test_latency_leaves_the_first_call_out_and_counts_the_rest():
    calls = []

    def answer(text: str) -> None:
        time.sleep(0.2 if not calls else 0.001)
        calls.append(text)

    found = hardware.latency(answer, [str(number) for number in range(30)], 9)
    assert len(calls) == 10
    assert 0.001 <= found["p50"] <= found["p95"] < 0.2 and found["texts"] == 9


def test_a_single_text_is_timed_all_the_same():
    assert hardware.latency(lambda text: None, ["only"], 9)["p50"] >= 0


def test_a_latency_rests_on_as_many_texts_as_may_put_a_contestant_out():
    assert hardware.LATENCY_TEXTS == ENOUGH_TEXTS
    texts = [str(number) for number in range(150)]
    assert hardware.latency(lambda text: None, texts)["texts"] == 100
    assert hardware.latency(lambda text: None, texts[:100])["texts"] == 99, "the first warms up"


@pytest.mark.parametrize(("texts", "calls"), [(1000, 10), (160, 10), (72, 12), (20, 10), (1, 10)])
def test_parts_cover_the_texts_in_order_and_few_texts_are_answered_again(texts, calls):
    asked = []

    def answer(part):
        asked.append(part)
        return np.array([[float(text), 1.0] for text in part])

    found = hardware.timed(answer, [str(number) for number in range(texts)], [1] * texts)
    assert found.answers[:, 0].tolist() == list(range(texts))
    assert len(asked) == calls and min(map(len, asked)) >= min(texts, hardware.PART_TEXTS)
    assert Counter(itertools.chain.from_iterable(asked)) == dict.fromkeys(
        map(str, range(texts)), sum(map(len, asked)) // texts
    )
    assert found.seconds > 0 and found.error is not None


def test_the_seconds_are_those_of_one_pass_and_the_error_shows_what_was_uneven():
    waits = iter([0.001, 0.02] * 10)

    def answer(part):
        time.sleep(next(waits))
        return np.zeros((len(part), 1))

    found = hardware.timed(answer, ["a"] * 40, [1] * 40)
    assert found.seconds == pytest.approx(2 * 0.0105, rel=0.3), "two parts a pass, five passes"
    assert found.error == pytest.approx(2 * 0.0095 / 9**0.5, rel=0.3)


def test_where_texts_are_alike_the_error_is_that_of_a_sum():
    seconds = [1.0, 1.5, 0.7, 1.1]
    assert hardware.standard_error(seconds, [5] * 4) == pytest.approx(4 * scipy.stats.sem(seconds))
    assert hardware.standard_error(seconds, [0] * 4) == pytest.approx(4 * scipy.stats.sem(seconds))
    assert hardware.standard_error([1.0], [5]) is None


def test_longer_parts_that_take_longer_are_no_noise():
    assert hardware.standard_error([1.0, 2.0, 3.0], [10, 20, 30]) == pytest.approx(0, abs=1e-12)
    assert hardware.standard_error([1.0, 2.0, 3.0], [30, 20, 10]) > 2


def test_a_device_that_is_not_there_is_named():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(UserError, match=r"run\.device is cuda.*write auto"):
        hardware.set_up(RunSettings(device="cuda"))


def test_threads_and_device_are_as_asked():
    import torch

    before = torch.get_num_threads()
    assert hardware.set_up(RunSettings(device="cpu", threads=1)) == "cpu"
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)
    described = hardware.describe("cpu", "float32")
    assert described["cores"] >= 1 and described["name"] and described["dtype"] == "float32"
    assert hardware.peak_memory_bytes() > 10_000_000
