"""Words can be read on what is behind them, in light and in dark: WCAG 2.2 AA asks for 4.5 to 1."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "templates"
LEAST = 4.5
ON_CARD = ("ink", "quiet", "accent", "yes", "no", "wait")
PAIRS = [
    *((ink, "card") for ink in ON_CARD),
    *((ink, "ground") for ink in ("ink", "quiet", "accent")),
    *((tag, f"{tag}-tint") for tag in ("yes", "no", "wait")),
    ("ink", "tint"),
    ("on-accent", "accent"),
]
"""What the stylesheet writes on what."""


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours like `#2a2026`."""

    def luminance(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", css))


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read(scheme: str) -> None:
    css = (TEMPLATES / "static" / "returndesk.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)", 1)
    found = colours(light if scheme == "light" else dark.split("\n}\n", 1)[0])
    for ink, ground in PAIRS:
        assert contrast(found[ink], found[ground]) >= LEAST, f"{ink} on {ground}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_emails_can_be_read(scheme: str) -> None:
    css = (TEMPLATES / "email" / "_layout.html").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)", 1)
    rules = light if scheme == "light" else dark.split("</style>", 1)[0]

    def of(selector: str, name: str) -> str:
        """The colour a rule gives, or in the dark the light one's where the dark does not change it."""
        pattern = rf"(?:^|[,\s]){re.escape(selector)}(?:, [^{{]+)? {{[^}}]*?(?<!-){name}: (#[0-9a-f]{{6}})"
        found = re.search(pattern, rules, re.MULTILINE) or re.search(pattern, light, re.MULTILINE)
        assert found, selector
        return found[1]

    page, card = of(".page", "background-color"), of(".card", "background-color")
    assert contrast(of(".shop", "color"), page) >= LEAST
    assert contrast(of(".footer", "color"), page) >= LEAST
    for selector in ("h1", ".reason", ".yes", ".no", ".items .count", "a"):
        assert contrast(of(selector, "color"), card) >= LEAST, selector
    assert contrast(of("h1", "color"), of(".next", "background-color")) >= LEAST
    assert contrast(of(".button", "color"), of(".button", "background-color")) >= LEAST
