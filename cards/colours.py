"""The one colour scale of page and plot: light to dark with the score, safe for colour-blind eyes.

Every step differs from its neighbours in lightness, so it reads in grey as well; the text on a
step is black or white, whichever stands out more (at least 4.5 to 1, WCAG AA).
"""

from __future__ import annotations

STEPS = 20
LIGHT_STOPS = ("#f4f3ec", "#cfe3d4", "#8cc3bd", "#4596a8", "#22658c", "#123a63")
DARK_STOPS = ("#1d2429", "#21434f", "#256879", "#3b929a", "#7cc0b2", "#d3ecd0")
DOMAINS = dict.fromkeys(("auroc", "auroc_weighted", "auroc_hard", "macro_auroc"), (0.5, 1.0))
"""Metric → values at the two ends of the scale; all others run from 0 to 1."""

Rgb = tuple[float, float, float]


def domain(metric: str) -> tuple[float, float]:
    """Return the values at the two ends of a metric's scale: chance (or nothing) and perfect."""
    return DOMAINS.get(metric, (0.0, 1.0))


def position(value: float, metric: str) -> float:
    """Return where a value lies on its metric's scale, 0 to 1; beyond the ends is at the end."""
    low, high = domain(metric)
    return min(1.0, max(0.0, (value - low) / (high - low)))


def step(value: float, metric: str) -> int:
    """Return the step of the scale for a value, 0 to STEPS."""
    return round(position(value, metric) * STEPS)


def ramp(stops: tuple[str, ...]) -> list[str]:
    """Return STEPS + 1 colours as #rrggbb, evenly between the stops."""
    return [_hex(_between(stops, index / STEPS)) for index in range(STEPS + 1)]


def ink(colour: str) -> str:
    """Return black or white: the text colour that stands out more on `colour`."""
    shine = luminance(colour)
    return "#000000" if (shine + 0.05) / 0.05 > 1.05 / (shine + 0.05) else "#ffffff"


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb as WCAG defines it, 0 to 1."""
    red, green, blue = (_linear(channel) for channel in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def scale_css() -> str:
    """Return the CSS rules of the steps: classes s0 … s20, for light and for dark pages."""
    steps = zip(ramp(LIGHT_STOPS), ramp(DARK_STOPS), strict=True)
    return "\n".join(
        f".s{index} {{ background: light-dark({light}, {dark}); fill: light-dark({light}, {dark}); "
        f"color: light-dark({ink(light)}, {ink(dark)}); }}"
        for index, (light, dark) in enumerate(steps)
    )


def _between(stops: tuple[str, ...], where: float) -> Rgb:
    place = where * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    part = place - index
    low, high = _rgb(stops[index]), _rgb(stops[index + 1])
    red, green, blue = (a + (b - a) * part for a, b in zip(low, high, strict=True))
    return red, green, blue


def _rgb(colour: str) -> Rgb:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in rgb)


def _linear(channel: float) -> float:
    toe = 0.04045
    return channel / 12.92 if channel <= toe else ((channel + 0.055) / 1.055) ** 2.4
