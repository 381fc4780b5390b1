"""The colours of every mode, as static/css/tokens.css sets them, can be read."""

import re

import pytest

from tests.repo import tree

TOKENS = (tree.ROOT / "static" / "css" / "tokens.css").read_text()
STYLES = [path for path in tree.files("*.css", "static/css") if path.name != "tokens.css"]
MODES = ("standard", "elder", "wall")
# Text and its ground: 4.5:1; in large type 7:1 for running text.
TEXT = [
    *(
        (text, ground)
        for text in ("ink", "ink-soft", "teal", "red", "amber")
        for ground in ("paper", "ground", "hover")
    ),
    *((text, f"{tint}-tint") for tint in ("teal", "red", "amber") for text in ("ink", "ink-soft", tint)),
    ("teal-deep", "paper"),
    ("teal-deep", "teal-tint"),
    ("red", "red-tint"),
    ("on-teal", "teal"),
    ("on-teal", "teal-deep"),
    ("on-red", "red"),
    ("on-bar", "bar"),
    ("on-bar", "bar-here"),
]
# Edges of fields and boxes, and the ring of what has the focus: 3:1.
SHAPES = [("edge", "paper"), ("edge", "ground"), ("teal", "paper"), ("teal", "ground"), ("red", "paper")]


def tokens_of(mode: str) -> dict[str, str]:
    """Return the tokens that hold in a mode, those of the standard below its own."""
    blocks = [r":root"] if mode == "standard" else [r":root", rf'html\[data-mode="{mode}"\]']
    found: dict[str, str] = {}
    for block in blocks:
        body = re.search(rf"^{block} {{(.*?)^}}", TOKENS, re.MULTILINE | re.DOTALL)
        assert body, block
        found |= dict(re.findall(r"--([\w-]+):\s*([^;]+);", body.group(1)))
    return found


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    digits = "".join(2 * one for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert round(contrast("#fff", "#000000"), 1) == 21
    assert round(contrast("#767676", "#fff"), 2) == 4.54


@pytest.mark.parametrize("mode", MODES)
def test_every_pair_of_text_and_ground_can_be_read_in_every_mode(mode: str) -> None:
    tokens = tokens_of(mode)
    least = {(text, ground): contrast(tokens[text], tokens[ground]) for text, ground in TEXT}
    tree.expect_none([f"{pair}: {found:.2f}" for pair, found in least.items() if found < 4.5], "text needs 4.5:1")


@pytest.mark.parametrize("mode", MODES)
def test_every_edge_that_says_something_stands_out_in_every_mode(mode: str) -> None:
    tokens = tokens_of(mode)
    found = {(edge, ground): contrast(tokens[edge], tokens[ground]) for edge, ground in SHAPES}
    tree.expect_none([f"{pair}: {value:.2f}" for pair, value in found.items() if value < 3], "shapes need 3:1")


def test_running_text_in_large_type_has_the_higher_contrast() -> None:
    tokens = tokens_of("elder")
    assert all(contrast(tokens[text], tokens["paper"]) >= 7 for text in ("ink", "ink-soft"))


def test_targets_and_type_grow_in_large_type() -> None:
    standard, elder = tokens_of("standard"), tokens_of("elder")
    assert (standard["target"], elder["target"]) == ("44px", "60px")
    assert re.search(r'html\[data-mode="elder"\] {[^}]*font-size: 150%', TOKENS)
    sizes = [value for name, value in elder.items() if name.startswith(("text", "h1", "h2", "h3"))]
    assert all(float(size.rstrip("rem")) >= 1 for size in sizes), "1rem is 24 px there, and the least"


def test_styles_use_tokens_that_exist() -> None:
    texts = {path: path.read_text() for path in STYLES}
    own = {name for text in texts.values() for name in re.findall(r"--([\w-]+):", text)}
    known = tokens_of("standard").keys() | own
    unknown = (
        f"{tree.short(path)}: --{name}"
        for path, text in texts.items()
        for name in re.findall(r"var\(--([\w-]+)", text)
        if name not in known
    )
    tree.expect_none(unknown, "name the token in static/css/tokens.css")
