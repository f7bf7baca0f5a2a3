"""What contestants cost, as the page says it."""

from dataclasses import replace

import pytest

from slingshot.money import month as monthly
from slingshot.report import economy, inputs, published, total
from slingshot.report.page import sliders
from slingshot.report.section import sections

API = {
    "machine_seconds_per_1000_texts": None,
    "machine_seconds_spread": None,
    "token_cost_per_1000_texts": 1.0,
    "list_cost_per_1000_texts": 2.0,
    "cached_cost_per_1000_texts": 1.0,
    "batch_cost_per_1000_texts": 0.5,
    "cost_per_1000_texts": 1.0,
}
CASCADES = [{"name": "both", "small": "minilm", "large": "gemma"}]


@pytest.fixture
def results(files, study, tmp_path):
    def made(**chosen):
        files.write(tmp_path)
        settings = study(**chosen)
        return inputs.read(settings, tmp_path)[0], settings

    return made


def test_what_is_written_by_the_cost_stage_is_what_a_month_adds_up_to(files, results) -> None:
    files.costs["gemma"] |= API
    held, settings = results()
    start = total.terms(settings)
    for name, work in economy.works(held, settings).items():
        month = monthly.month(work, start)
        price = files.costs[name]["cost_per_1000_texts"]
        assert month.machine + month.tokens == pytest.approx(start.texts / 1000 * price), name
        assert month.labels == 0, "labels are there already"
        assert monthly.month(work, total.with_labels(settings)).labels == pytest.approx(336 / 12)


def test_a_cascades_seconds_beyond_its_small_model_s_are_its_llms(files, results) -> None:
    files.add_cascade("both", 0.85, 0.004)
    held, settings = results(cascades=CASCADES)
    works = economy.works(held, settings)
    assert works["both"].seconds == pytest.approx(works["minilm"].seconds)
    assert works["both"].llm_seconds == pytest.approx((0.004 - 0.00151) / 0.1 * 3600)
    assert works["gemma"].seconds == 0 and works["minilm"].llm_seconds == 0


def test_training_labels_and_prediction_stand_apart_with_every_price(files, results) -> None:
    files.costs["gemma"] |= API
    held, settings = results()
    grid = economy.costs(held, settings)
    rows = {row[0]: dict(zip(grid.columns, row, strict=True)) for row in grid.rows}
    gemma = rows["Gemma 3 270m*"]
    assert gemma["Training, once"] == "–" and gemma["at list price"] == "2,000"
    assert gemma["list price, in batches"] == "500"
    assert gemma["100,000 a month, always on"] == "100" and gemma["Per million texts"] == "1,000"
    assert (
        rows["minilm"]["Per million texts"] == "1.51" and rows["minilm"]["Training, once"] == "0.01"
    )
    assert rows["tfidf"]["Per million texts"] == "< 0.01"
    assert rows["minilm"]["at list price"] == "–" and rows["minilm"]["Labels, once"] == "336"
    assert rows["minilm"]["100,000 a month, by use"] == "0.15"
    assert rows["minilm"]["100,000 a month, always on"] == "73.00"
    assert rows["minilm"]["Spread of the timing"] == "1%" and gemma["Spread of the timing"] == "–"
    assert rows["minilm"]["In all, without labels"] == "1.82", "twelve months, and training"
    assert rows["minilm"]["In all, with labels"] == "338"
    assert "over 12 months (assumed) of 100,000 texts (assumed) each" in grid.caption


def test_break_even_is_of_texts_in_all_and_says_who_is_cheaper_where(files, results) -> None:
    files.costs["gemma"] |= API | {"labels": 312}
    held, settings = results(models=["minilm"])
    [(a, b, texts, words)] = economy.break_evens(held, settings).rows
    once = (3360 - 312) * 0.1 + 312.4 * 0.1 / 3600
    assert (a, b) == ("minilm", "Gemma 3 270m*")
    assert int(texts.replace(",", "")) == pytest.approx(once / (1.0 - 0.00151) * 1000, abs=1)
    assert words == "Gemma 3 270m is cheaper below, minilm above"
    assert economy.break_evens(*results(models=[])) is None


def test_no_break_even_says_why(files, results) -> None:
    files.costs["gemma"] |= {"machine_seconds_per_1000_texts": None}
    held, settings = results()
    words = {row[:2]: row[3] for row in economy.break_evens(held, settings).rows}
    assert words["minilm", "Gemma 3 270m*"] == "a price is not known"
    assert words["tfidf", "minilm"] == "tfidf is cheaper at any number"
    assert words["frozen", "minilm"] == economy.CLOSE


def test_the_surface_is_the_ratio_of_two_months(results) -> None:
    held, settings = results()
    works, start = economy.works(held, settings), total.terms(settings)
    cells = sliders.surface(works["minilm"], works["gemma"], start)
    assert len(cells) == len(sliders.VOLUMES) * len(sliders.UTILISATIONS)
    cell = next(c for c in cells if (c.texts, c.utilisation) == (1e7, 0.5))
    here = replace(start, texts=1e7, utilisation=0.5)
    small, large = (monthly.month(works[name], here) for name in ("minilm", "gemma"))
    assert cell.ratio == pytest.approx(large.total / small.total)
    assert cell.flip == pytest.approx((small.total - large.once) / 10)


def test_the_sliders_start_at_params_yaml_and_at_the_study(results) -> None:
    _, settings = results()
    start, claim = total.terms(settings), published.read().claim
    for slider in sliders.sliders(start, claim, "EUR"):
        source = start if slider.group == "terms" else claim
        assert slider.stops[slider.at] == getattr(source, slider.key)
        assert slider.stops == sorted(set(slider.stops))
    odd = replace(start, texts=12_345.0, label_price=0.0, utilisation=0.333)
    [texts] = [s for s in sliders.sliders(odd, claim, "EUR") if s.key == "texts"]
    assert texts.stops[texts.at] == 12_345


def test_the_studys_claim_follows_from_its_three_assumptions() -> None:
    claim = published.read().claim
    assert claim.ratio == pytest.approx(252)
    assert (claim.llm_per_million, claim.hourly_price, claim.tokens_per_second) == (7, 5, 50_000)


def test_the_surface_starts_from_the_pair_of_the_verdict(files, study, tmp_path) -> None:
    files.write(tmp_path)

    def found(**chosen: object) -> tuple[str, str] | None:
        settings = study(**chosen)
        part = sections(settings, tmp_path)["tweets"]
        return sliders.pair(part, economy.works(part.results, settings))

    assert found() == ("minilm", "gemma")
    assert found(llms=[]) == ("tfidf", "frozen")
    assert found(llms=[], models=["tfidf"]) is None
    files.costs["gemma"] |= {"machine_seconds_per_1000_texts": None}
    files.write(tmp_path)
    assert found() == ("tfidf", "frozen"), "the verdict's LLM has no known cost"


def test_a_cascade_that_always_asks_is_the_llm_to_the_last_bit_of_its_seconds(
    files, results
) -> None:
    seconds = files.costs["gemma"]["machine_seconds_per_1000_texts"]
    files.add_cascade("both", 0.7, files.costs["gemma"]["cost_per_1000_texts"])
    same = {key: files.costs["gemma"][key] for key in ("labels", "train_seconds", "labelling_cost")}
    files.costs["both"] |= same | {"machine_seconds_per_1000_texts": seconds * (1 + 1e-15)}
    for row in files.cascades["both"]["seeds"]:
        row["threshold"] = None
    held, settings = results(cascades=CASCADES)
    works, start = economy.works(held, settings), total.terms(settings)
    assert works["both"].seconds == 0
    dearer = replace(start, llm_factor=100.0)
    llm, cascade = (monthly.month(works[name], dearer).total for name in ("gemma", "both"))
    assert cascade == pytest.approx(llm)
    words = {row[:2]: row[3] for row in economy.break_evens(held, settings).rows}
    assert words["Gemma 3 270m*", "both*"] == "both cost the same"
