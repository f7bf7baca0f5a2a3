import time

import pytest

from slingshot import hardware
from slingshot.settings import RunSettings, UserError


def test_latency_leaves_the_first_call_out_and_counts_the_rest():
    calls = []

    def answer(text: str) -> None:
        time.sleep(0.2 if not calls else 0.001)
        calls.append(text)

    found = hardware.latency(answer, [str(number) for number in range(30)], 9)
    assert len(calls) == 10
    assert 0.001 <= found["p50"] <= found["p95"] < 0.2


def test_a_single_text_is_timed_all_the_same():
    assert hardware.latency(lambda text: None, ["only"], 9)["p50"] >= 0


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
