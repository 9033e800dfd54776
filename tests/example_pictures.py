"""The pictures of the worked examples (docs/examples), drawn from the same points as the pages.

``python -P tests/test_examples.py`` writes them; its test holds them to what is drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]

_UNIT = 34  # pixels a unit
_MARGIN = 70
_INK, _FIRST, _SECOND, _THIN = "#333333", "#0072b2", "#d55e00", "#999999"


class Plane:
    """A piece of the plane from (0, 0) to (``width``, ``height``) that collects what is drawn.

    The numbers below begin again at 0 after ``panel`` units.
    """

    def __init__(self, width: int, height: int, title: str, panel: int = 100) -> None:
        self.width, self.height = width, height
        self.parts = [f"<title>{title}</title>", '<rect width="100%" height="100%" fill="white"/>']
        for x in range(width + 1):
            self.line((x, 0), (x, height), "#eeeeee")
            self.text((x, 0), str(x % panel), (0, 18), "middle")
        for y in range(height + 1):
            self.line((0, y), (width, y), "#eeeeee")
            self.text((0, y), str(y), (-8, 4), "end")

    def at(self, point: Point) -> tuple[str, str]:
        """Pixels of a point; y grows upwards."""
        x, y = point
        return f"{_MARGIN + x * _UNIT:.1f}", f"{_MARGIN + (self.height - y) * _UNIT:.1f}"

    def line(self, start: Point, end: Point, colour: str, dashes: str = "") -> None:
        (x1, y1), (x2, y2) = self.at(start), self.at(end)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}"{dashed}/>'
        )

    def circle(self, centre: Point, radius: float, colour: str) -> None:
        """A circle whose ``radius`` is in units of the plane."""
        x, y = self.at(centre)
        self.parts.append(
            f'<circle cx="{x}" cy="{y}" r="{radius * _UNIT:.1f}" fill="none" stroke="{colour}"/>'
        )

    def dot(self, point: Point, colour: str) -> None:
        x, y = self.at(point)
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="6" fill="{colour}"/>')

    def cross(self, point: Point, colour: str) -> None:
        x, y = point
        arm = 0.18
        self.line((x - arm, y - arm), (x + arm, y + arm), colour)
        self.line((x - arm, y + arm), (x + arm, y - arm), colour)

    def text(
        self, point: Point, words: str, shift: tuple[int, int] = (10, -8), anchor: str = "start"
    ) -> None:
        x, y = (float(pixel) + by for pixel, by in zip(self.at(point), shift, strict=True))
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>')

    def svg(self) -> str:
        wide = 2 * _MARGIN + self.width * _UNIT
        high = 2 * _MARGIN + self.height * _UNIT
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" '
            f'font-family="sans-serif" font-size="12" fill="{_INK}" stroke-width="1.5">'
        )
        return "\n".join([head, *self.parts, "</svg>", ""])


def pictures() -> dict[str, str]:
    """Every picture by the name of its file."""
    return {
        "k-means.svg": _k_means(),
        "dbscan.svg": _dbscan(),
        "support-vector-machine.svg": _support_vector_machine(),
    }


def _k_means() -> str:
    plane = Plane(13, 7, "Three points and the two places where K-means comes to rest", panel=7)
    _resting(plane, 0, ((1, 2), (2, 4)), ((4, 6),))
    plane.text((0, 7), "(2, 4) to the first centre: error 2.50", (0, -10))
    _resting(plane, 7, ((1, 2),), ((2, 4), (4, 6)))
    plane.text((7, 7), "(2, 4) to the second: error 4.00", (0, -10))
    plane.text((0, 0), "crosses: centres; a point that is alone is its centre", (0, 38))
    return plane.svg()


def _resting(plane: Plane, aside: float, *groups: Sequence[Point]) -> None:
    for points, colour in zip(groups, (_FIRST, _SECOND), strict=True):
        xs, ys = zip(*points, strict=True)
        centre = (sum(xs) / len(xs) + aside, sum(ys) / len(ys))
        for x, y in points:
            plane.line((x + aside, y), centre, colour, "4 3")
            plane.dot((x + aside, y), colour)
        if len(points) > 1:
            plane.cross(centre, _INK)


def _dbscan() -> str:
    plane = Plane(12, 13, "Five points with circles of eps 2 and 2.9")
    for number, point in enumerate(((1, 2), (2, 4), (4, 6), (6, 8), (9, 10)), 1):
        plane.circle(point, 2, _FIRST)
        plane.circle(point, 2.9, _THIN)
        plane.dot(point, _INK)
        plane.text(point, str(number))
    plane.text((0, 13), "blue: eps = 2 reaches nobody; grey: 2.9 goes on from 1 to 4", (0, -32))
    return plane.svg()


def _support_vector_machine() -> str:
    plane = Plane(6, 6, "Four rows of two classes and two lines")
    for point, label in zip(((1, 2), (2, 3), (3, 4), (4, 5)), "ABAB", strict=True):
        plane.dot(point, _FIRST if label == "A" else _SECOND)
        plane.text(point, label)
    plane.line((0, 1), (1, 0), _INK)
    plane.text((0, 6), "solid: the article's, x₁ + x₂ = 1", (0, -30))
    plane.line((0, 6), (6, 0), _THIN, "5 4")
    plane.text((0, 6), "dashed: the soft machine's, x₁ + x₂ = 6", (0, -12))
    return plane.svg()
