"""Texts filled into templates, and a search of all pairs: what near-duplicate detection is measured against.

The hard kinds keep most pairs of a family just under a similarity of 0.9. bench/near_duplicates.py uses them too.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

LETTERS = np.array(list("etaoinshrdlucmfwypvbgk"))
CORE = 50
"""Words of a template; with its noise a text has about 300 characters."""
Make = Callable[[np.random.Generator, int], list[str]]


def words(rng: np.random.Generator, count: int) -> list[str]:
    return ["".join(rng.choice(LETTERS, size=length)) for length in rng.integers(2, 9, size=count)]


def template(rng: np.random.Generator, count: int = CORE) -> str:
    return " ".join(words(rng, count))


def noise(rng: np.random.Generator, length: float) -> str:
    return "".join(rng.choice(LETTERS, size=int(length)))


def front(rng: np.random.Generator, count: int) -> list[str]:
    core = template(rng)
    return [f"{number * 7919 % 1000003} {core}" for number in range(count)]


def end(rng: np.random.Generator, count: int) -> list[str]:
    core = template(rng)
    return [f"{core} {number * 7919 % 1000003}" for number in range(count)]


def tail(rng: np.random.Generator, count: int) -> list[str]:
    core = template(rng)
    return [f"{core} {noise(rng, share * len(core))}" for share in rng.uniform(0, 0.15, size=count)]


def middle(rng: np.random.Generator, count: int) -> list[str]:
    core, rest = template(rng, CORE // 2), template(rng, CORE // 2)
    shares = rng.uniform(0, 0.15, size=count)
    return [f"{core} {noise(rng, share * 2 * len(core))} {rest}" for share in shares]


def number_inside(rng: np.random.Generator, count: int) -> list[str]:
    """A short text: only numbers that share most of their digits are near."""
    core, rest = template(rng, 7), template(rng, 7)
    return [
        f"{core} {number} {rest}" for number in rng.choice(10 * count, size=count, replace=False)
    ]


def loud_tails(rng: np.random.Generator, count: int) -> list[str]:
    """Tails of 6 to 8.5% of the core, which keeps all pairs under 0.9; one in fifty is shorter."""
    core = template(rng)
    shares = np.where(
        rng.random(count) < 0.02, rng.uniform(0, 0.05, count), rng.uniform(0.06, 0.085, count)
    )
    return [f"{core} {noise(rng, share * len(core))}" for share in shares]


def copied_tails(rng: np.random.Generator, count: int) -> list[str]:
    """Tails of a twelfth of the core, of which a tenth repeat the middle two thirds of another's."""
    core = template(rng)
    long, margin = len(core) // 12, len(core) // 72
    tails = [noise(rng, long) for _ in range(count)]
    for place in range(0, count - 1, 10):
        kept = tails[int(rng.integers(count))][margin : long - margin]
        tails[place] = noise(rng, margin) + kept + noise(rng, margin)
    return [f"{core} {end}" for end in tails]


def listed_words(rng: np.random.Generator, count: int) -> list[str]:
    """Three words of a list before, in and after the core: only those that share two are near."""
    core, rest, listed = (
        template(rng, CORE // 2),
        template(rng, CORE // 2),
        [noise(rng, 9) for _ in range(200)],
    )
    return [
        f"{listed[a]} {core} {listed[b]} {rest} {listed[c]}"
        for a, b, c in rng.integers(200, size=(count, 3))
    ]


def changed_words(rng: np.random.Generator, count: int) -> list[str]:
    """Three words of the core changed, which keeps most pairs under 0.9; one in six is another with a word changed."""
    core, texts = template(rng).split(), list[str]()
    for number in range(count):
        copied = number % 6 == 1
        filled = texts[int(rng.integers(number))].split() if copied else list(core)
        for place in rng.choice(len(core), size=1 if copied else 3, replace=False):
            filled[place] = noise(rng, 8)
        texts.append(" ".join(filled))
    return texts


def bag_of_words(rng: np.random.Generator, count: int) -> list[str]:
    """Four words of a list of 60 in any order after the core: only those that share three are near."""
    core, listed = template(rng), [noise(rng, 8) for _ in range(60)]
    return [
        " ".join([core, *(listed[k] for k in rng.choice(60, size=4, replace=False))])
        for _ in range(count)
    ]


def kin(rng: np.random.Generator, count: int) -> list[str]:
    """Templates of one beginning, with fronts of which three in ten add little."""
    core = template(rng).split()
    cores = [
        " ".join(core[: int(rng.integers(34, 40))] + words(rng, 12))
        for _ in range(max(count // 500, 2))
    ]
    shares = np.where(
        rng.random(count) < 0.3, rng.uniform(0, 0.06, count), rng.uniform(0.06, 0.12, count)
    )
    return [
        f"{noise(rng, share * 280)} {cores[number % len(cores)]}"
        for number, share in enumerate(shares)
    ]


def replaced(rng: np.random.Generator, count: int) -> list[str]:
    """Each of 30 words replaced by one of a list with a chance of 6%."""
    core, listed = np.array(words(rng, 30)), np.array(words(rng, 3000))
    drawn = listed[rng.integers(3000, size=(count, 30))]
    return [" ".join(text) for text in np.where(rng.random((count, 30)) < 0.06, drawn, core)]


def one_or_two_replaced(rng: np.random.Generator, count: int) -> list[str]:
    """One or two of 30 words replaced by one of a list."""
    core, listed = words(rng, 30), words(rng, 3000)
    texts = []
    for changed in rng.integers(1, 3, size=count):
        filled = list(core)
        for place in rng.choice(30, size=changed, replace=False):
            filled[place] = listed[rng.integers(3000)]
        texts.append(" ".join(filled))
    return texts


def spun(rng: np.random.Generator, count: int) -> list[str]:
    """Each fourth of 40 words is one of three: mostly those that differ in one of them are near."""
    slots = [words(rng, 1 if place % 4 else 3) for place in range(40)]
    drawn = rng.integers(3, size=(count, 40))
    return [
        " ".join(slot[k % len(slot)] for slot, k in zip(slots, row, strict=True)) for row in drawn
    ]


def typos(rng: np.random.Generator, count: int) -> list[str]:
    """Up to six letters of 30 words replaced."""
    core, texts = template(rng, 30), []
    for changed in rng.integers(7, size=count):
        letters = list(core)
        for place in rng.integers(len(core), size=changed):
            letters[place] = str(rng.choice(LETTERS))
        texts.append("".join(letters))
    return texts


def many(rng: np.random.Generator, count: int) -> list[str]:
    """Templates of 12 to 40 texts each, of every other kind."""
    makes = [make for make in KINDS.values() if make not in (many, mixed)]
    texts: list[str] = []
    while len(texts) < count:
        texts += makes[len(texts) % len(makes)](rng, int(rng.integers(12, 41)))
    return texts[:count]


def mixed(rng: np.random.Generator, count: int) -> list[str]:
    """Equally many texts of every other kind."""
    makes = [make for make in KINDS.values() if make is not mixed]
    return [text for make in makes for text in make(rng, count // len(makes))]


KINDS: dict[str, Make] = {
    "number in front": front,
    "number at the end": end,
    "random tail": tail,
    "random middle": middle,
    "number in a short text": number_inside,
    "loud tails": loud_tails,
    "copied tails": copied_tails,
    "listed words": listed_words,
    "a bag of words": bag_of_words,
    "words changed anywhere": changed_words,
    "templates alike": kin,
    "words replaced": replaced,
    "one or two words replaced": one_or_two_replaced,
    "words of three": spun,
    "typos": typos,
    "many templates": many,
    "all mixed": mixed,
}


def all_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Pairs (i, j), i < j, whose 5-gram sets have Jaccard >= threshold, by comparing all; shape (pairs, 2)."""
    sets = [{text[i : i + 5] for i in range(max(len(text) - 4, 1))} for text in texts]
    number: dict[str, int] = {}
    columns = np.array(
        [number.setdefault(gram, len(number)) for grams in sets for gram in sorted(grams)]
    )
    sizes = np.array([len(grams) for grams in sets])
    held = sp.csr_array(
        (np.ones(len(columns), np.float32), columns, np.concatenate([[0], np.cumsum(sizes)]))
    )
    frequent = np.bincount(columns) > len(texts) // 20
    common, rare = held[:, frequent].toarray(), held[:, ~frequent]
    found = []
    for start in range(0, len(texts), 500):
        both = (
            common[start : start + 500] @ common.T + (rare[start : start + 500] @ rare.T).toarray()
        )
        near = both >= threshold * (sizes[start : start + 500, None] + sizes - both)
        left, right = np.nonzero(near)
        found.append(np.column_stack([left + start, right])[left + start < right])
    return np.concatenate(found)
