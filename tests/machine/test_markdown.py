"""Text from data inside Markdown: nothing happens, and it reads as what it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slingshot.machine.markdown import bullets, code, plain, table
from tests.conftest import ROOT
from tests.markdown_effects import effects, parsed, shown

NASTY = [
    "@someone and @org/team, a@b.org",
    "@_ @_x #_ _@b :_a_:",
    "#2, them/it#2, GH-12 and gh-3",
    "fixes #2",
    "0123456789abcdef0123456789abcdef01234567 or abcdef1, them/it@abcdef1234",
    "1234567 and dead-beef1",
    "http://evil.example/x?y=z, https://e.vil, ftp://e.vil, www.evil.example, WWW.EVIL.EXAMPLE",
    "_www.evil.example x_www.evil.example _gh-3 x_GH-12",
    "mailto:me@evil.example",
    "![x](http://evil.example/x.png)",
    "[x](http://evil.example) [x][1] [x] [^1] [ ]",
    "[1](http://evil.example) [0.1, 0.2][x] [1]: http://evil.example",
    "<img src=x onerror=alert(1)><!-- --><b>x</b> <http://evil.example> <me@evil.example>",
    "</details><script>alert(1)</script>",
    "a | b \\| c \\\\| d \\",
    "`code` ``x`` ```",
    "**bold** *it* _it_ __b__ ~~gone~~ a_b",
    "$x^2$ and $$y$$ at $5",
    ":tada: :+1: :100:",
    "&copy; &#64;someone &lt;b&gt; R&D",
    "# heading",
    "###",
    "- item",
    "+",
    "---",
    "- - -",
    "===",
    "1. item",
    "12) item",
    "> quote",
    "> [!NOTE]",
    "    indented",
    "two\nlines\r\n\n# and a heading\u2028x\x0by",
    "a  \nb",
    "| a | b |\n|---|---|\n| c | d |",
    "\x1b[2J\u202e\x9b",
    "",
    " ",
]


def one_line(text: str) -> str:
    from slingshot.settings.errors import visible

    return visible(" ".join(text.split()))


def places(text: str) -> dict[str, str]:
    """Markdown with the text in every place that the reports have."""
    return {
        "paragraph": plain(text),
        "in a sentence": f"{plain(text)} and {plain(text)}",
        "heading": f"## toy: {plain(text)}",
        "item": bullets([text, text]),
        "cell": table(("a", text), [(text, "b"), ("c", text)]),
        "in code": f"a {code(text)} b" if text.strip() else "",
        "bold": f"**Lost: {plain(text)}.**",
    }


@pytest.mark.parametrize("text", NASTY)
def test_nothing_happens_and_it_reads_as_what_it_is(text: str) -> None:
    for place, markdown in places(text).items():
        assert effects(markdown) == [], place
        assert one_line(text) in shown(markdown), place
    kinds = {token.type for token in parsed(plain(text))}
    assert kinds <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "text_special",
        "html_inline",
    }, kinds


@given(
    st.lists(
        st.sampled_from([*"@#[]()!<>|\\`*_~$:&- .1ae\n", "http", "www.", "gh-2", "abc1234"]),
        max_size=12,
    )
)
def test_nor_of_any_mixture(parts: list[str]) -> None:
    text = "".join(parts)
    for place, markdown in places(text).items():
        assert effects(markdown) == [], (place, markdown)
        assert one_line(text) in shown(markdown), (place, markdown)


def test_the_patterns_find_what_is_not_neutralised() -> None:
    harmless = [text for text in NASTY[: NASTY.index("# heading")] if not effects(text)]
    assert [text[:5] for text in harmless] == ["a | b", "`code"]


@pytest.mark.parametrize(
    "text",
    [
        "-5.0 points [-5.0, 2.3], better",
        "0.846 [0.820–0.870]",
        "EUR 0.0000071",
        "macro_f1",
        "a @ b",
    ],
)
def test_what_needs_nothing_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_no_metrics_are_no_table_and_no_traceback() -> None:
    call = [sys.executable, ".ci/metrics_diff.py", "main"]
    done = subprocess.run(call, cwd=ROOT, input="\n", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_the_table_of_changed_metrics_shows_labels_as_they_are() -> None:
    changed = {
        "metrics/audit/toy.json": {
            f"classes.{text}.train": {"old": 1, "new": 2.5, "diff": 1.5} for text in NASTY
        }
    }
    done = subprocess.run(
        [sys.executable, ".ci/metrics_diff.py", "<main>"],
        cwd=ROOT,
        input=json.dumps(changed),
        capture_output=True,
        text=True,
        check=True,
    )
    head, _, folded = done.stdout.partition("\n\n")
    assert head == "<details><summary><code>dvc metrics diff &lt;main&gt;</code></summary>"
    listed = folded.removesuffix("\n\n</details>\n")
    assert effects(listed) == []
    assert all(one_line(f"classes.{text}.train") in shown(listed) for text in NASTY)
    assert done.stdout.count(" | 1 | 2.5 | 1.5 |\n") == len(NASTY)
