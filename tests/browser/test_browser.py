"""report/index.html in headless Chromium: quiet, alone, true to Python, and usable by eye, finger and keyboard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slingshot.money import month as monthly
from slingshot.report import total
from slingshot.report.numbers import amount
from slingshot.report.page import sliders
from tests.browser.conftest import HOSTILE, WAIT

SIZES = [(1280, 800), (390, 844)]
UNFOLD = "document.querySelectorAll('details').forEach((details) => { details.open = true; })"


def figure(page, selector: str) -> float | None:
    """The figure that stands in an element's data-value; None where it is empty."""
    text = page.locator(selector).get_attribute("data-value")
    return float(text) if text else None


def move(page, key: str, value: float) -> None:
    """Put a slider on one of its stops, as a hand does."""
    page.evaluate(
        """([id, value]) => {
          const input = document.getElementById(id);
          const stop = JSON.parse(input.dataset.stops).indexOf(value);
          if (stop < 0) throw new Error(`${id} has no stop ${value}`);
          input.value = stop;
          input.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        [key, value],
    )


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_complaint_and_asks_for_nothing(
    open_page, built, width, height, scheme
) -> None:
    opened = open_page(width, height, color_scheme=scheme)
    opened.page.evaluate(UNFOLD)
    opened.page.wait_for_timeout(300)
    assert opened.complaints == []
    assert opened.asked == [built.path.as_uri()]


def test_every_chart_is_drawn_the_folded_ones_once_they_are_unfolded(open_page) -> None:
    page = open_page().page
    assert page.locator(".chart:visible:not(:has(svg))").count() == 0
    page.evaluate(UNFOLD)
    for chart in page.locator(".chart").all():
        chart.scroll_into_view_if_needed()
        chart.locator("svg").wait_for(timeout=WAIT)
    assert page.locator(".chart svg").count() == page.locator(".chart").count() > 30


def test_hostile_texts_stay_texts(open_page) -> None:
    opened = open_page()
    page = opened.page
    page.evaluate(UNFOLD)
    assert page.title() == "Slingshot: fine-tune or prompt?"
    assert page.locator("img").count() == 0
    assert page.locator("#months th", has_text=HOSTILE).count() == 1
    assert page.locator("td.words, th", has_text=HOSTILE).count() > 20
    page.locator("#chart-tweets-confusion-minilm .mark-rect path").first.hover(
        position={"x": 8, "y": 8}
    )
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for(timeout=WAIT)
    assert HOSTILE in tooltip.inner_text()
    assert opened.complaints == []


def test_the_first_screen_holds_the_question_the_verdicts_and_accuracy_against_cost(
    open_page,
) -> None:
    for width, height in SIZES:
        page = open_page(width, height).page
        held = [
            "h1",
            ".verdicts article >> nth=0",
            ".verdicts article >> nth=1",
            "#chart-tweets-cost svg",
        ]
        for selector in held:
            box = page.locator(selector).bounding_box()
            assert box["y"] + box["height"] <= height, (width, selector, box)
        text = page.locator(".verdicts").inner_text()
        assert "tweets: fine-tune minilm" in text and "snippets: fine-tune minilm" in text


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_is_wider_than_the_screen(open_page, width, height) -> None:
    page = open_page(width, height).page
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


SCENARIOS = [
    ({}, "", "billed"),
    (
        {"texts": 1e6, "hourly_price": 2.0, "utilisation": 0.35, "label_price": 0.5, "months": 24},
        "",
        "list",
    ),
    ({"texts": 2e7, "hourly_price": 0.5, "llm_factor": 50.0}, "1", "cached"),
    ({"texts": 5e7, "utilisation": 0.2, "label_price": 0.0, "llm_factor": 0.1}, "1", "batch"),
]


@pytest.mark.parametrize(("moved", "always_on", "billing"), SCENARIOS)
def test_the_sliders_move_the_figures_as_python_does(
    open_page, built, moved, always_on, billing
) -> None:
    page = open_page().page
    for key, value in moved.items():
        move(page, f"terms-{key}", value)
    if always_on:
        page.get_by_label("always on").check()
    page.get_by_label("Price of an API").select_option(billing)
    terms = replace(
        total.terms(built.settings), always_on=bool(always_on), billing=billing, **moved
    )

    expected = {name: monthly.month(work, terms) for name, work in built.works.items()}
    titles = {name: name for name in expected}
    titles |= {"api": HOSTILE, "gemma": built.settings.llms["gemma"].title}
    for name, month in expected.items():
        row = (
            page.locator("#months tbody tr")
            .filter(has=page.locator("th", has_text=titles[name]))
            .first
        )
        shown = [cell.get_attribute("data-value") for cell in row.locator("td").all()]
        if month is None:
            assert set(shown) == {""}, name
        else:
            money = [month.machine, month.tokens, month.training, month.labels, month.total]
            money.append(month.total / terms.texts * 1e6)
            assert [float(text) for text in shown] == pytest.approx(money), name
            assert row.locator("td").all_inner_texts() == [amount(value) for value in money], name
    cheapest = min((n for n in expected if expected[n]), key=lambda name: expected[name].total)
    assert titles[cheapest] in page.locator("#cheapest").inner_text()
    assert "cheapest" in page.locator("#months tbody tr").first.inner_text()

    names = {title: name for name, title in titles.items()}
    for row in page.locator("#evens tbody tr").all():
        shown = row.locator("th").inner_text(), row.locator("td").first.inner_text()
        a, b = (names[title] for title in shown)
        texts = row.locator("td").nth(1).get_attribute("data-value")
        even = monthly.break_even(built.works[a], built.works[b], terms)
        assert (float(texts) if texts else None) == pytest.approx(even), (a, b)

    small, large = built.works["minilm"], built.works["gemma"]
    flip = monthly.flip_price(small, large, terms)
    assert figure(page, "#flip") == pytest.approx(flip and 1000 * flip), "per million texts"
    assert figure(page, "#even") == pytest.approx(monthly.break_even(small, large, terms))
    cells = page.locator("#cells td").evaluate_all(
        "(cells) => cells.map((cell) => cell.dataset.value)"
    )
    ratios = [cell.ratio for cell in sliders.surface(small, large, terms)]
    assert [float(text) if text else None for text in cells] == pytest.approx(ratios)


def test_the_surface_follows_and_two_others_can_be_compared(open_page, built) -> None:
    page = open_page().page

    def drawn() -> str:
        return page.locator("#chart-surface svg").inner_html()

    before = drawn()
    move(page, "terms-llm_factor", 100.0)
    page.wait_for_timeout(300)
    assert drawn() != before
    page.locator("#first").select_option("tfidf")
    page.locator("#second").select_option("api")
    terms = replace(total.terms(built.settings), llm_factor=100.0)
    assert figure(page, "#flip") == pytest.approx(
        1000 * monthly.flip_price(built.works["tfidf"], built.works["api"], terms)
    )
    assert page.locator(".second-name").inner_text() == HOSTILE
    page.get_by_role("button", name="Back to params.yaml").click()
    page.wait_for_timeout(300)
    assert page.locator("#terms-llm_factor-value").inner_text() == "×1"
    assert page.locator("#first").input_value() == "minilm"
    assert drawn() == before


def test_the_studys_ratio_follows_its_assumptions(open_page) -> None:
    page = open_page().page
    assert figure(page, "#claim-ratio") == pytest.approx(252)
    assert page.locator("#claim-ratio").inner_text() == "252"
    move(page, "claim-hourly_price", 10.0)
    assert figure(page, "#claim-ratio") == pytest.approx(126)


def test_the_keyboard_reaches_the_skip_link_and_every_control(open_page) -> None:
    page = open_page().page
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("(link) => link === document.activeElement")
    assert skip.bounding_box()["x"] >= 0, "it is seen while it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "verdicts"

    page.locator("#dataset").focus()
    controls = [
        f"terms-{key}"
        for key in ("texts", "hourly_price", "utilisation", "label_price", "months", "llm_factor")
    ]
    for control in controls:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == control
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        before = page.locator(f"#{control}-value").inner_text()
        page.keyboard.press(
            "ArrowRight" if page.locator(f"#{control}").input_value() == "0" else "ArrowLeft"
        )
        after = page.locator(f"#{control}-value").inner_text()
        assert after != before
        assert page.locator(f"#{control}").get_attribute("aria-valuetext") == after


def test_every_control_has_a_name(open_page) -> None:
    page = open_page().page
    unnamed = "(all) => all.filter((one) => !one.labels.length).map((one) => one.id)"
    assert page.locator("input, select").evaluate_all(unnamed) == []
    assert (
        page.locator("[role=img]").evaluate_all(
            "(all) => all.filter((one) => !document.getElementById(one.getAttribute('aria-labelledby'))"
            "?.textContent.trim()).map((one) => one.id)"
        )
        == []
    )


def test_dark_and_print_change_the_charts_with_the_page(open_page) -> None:
    light, dark = open_page(color_scheme="light").page, open_page(color_scheme="dark").page
    page_colour = "getComputedStyle(document.body).backgroundColor"
    label = "getComputedStyle(document.querySelector('#chart-tweets-cost svg text')).fill"
    for script in (page_colour, label):
        assert light.evaluate(script) != dark.evaluate(script)
    dark.emulate_media(media="print", color_scheme="dark")
    assert dark.evaluate(label) == light.evaluate(label), "paper is white"
    assert not dark.locator("nav").is_visible()
    assert dark.pdf(format="A4").startswith(b"%PDF")


def test_without_javascript_the_tables_hold_the_figures(open_page) -> None:
    page = open_page(java_script_enabled=False).page
    assert page.get_by_text("The sliders need JavaScript").is_visible()
    assert page.locator("#set-tweets-money ~ .scroll table").first.is_visible()
    page.locator("#chart-tweets-cost ~ details > summary").click()
    assert "0.842" in page.locator("#chart-tweets-cost ~ details table").inner_text()
