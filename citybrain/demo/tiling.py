"""A schematic tiling: nested rectangles in place of boundaries that a district has not uploaded yet."""

from collections.abc import Sequence

Rectangle = tuple[float, float, float, float]
# West, south, east, north of the old Xiacheng district, WGS-84.
XIACHENG: Rectangle = (120.155, 30.255, 120.200, 30.335)


def slice_up(area: Rectangle, weights: Sequence[float]) -> list[Rectangle]:
    """Cut a rectangle into one piece per weight, with areas in proportion, as square as halving allows."""
    if len(weights) <= 1:
        return [area] * len(weights)
    total, running, cut = sum(weights), 0.0, 0
    while cut < len(weights) - 1 and (running == 0 or running + weights[cut] / 2 <= total / 2):
        running += weights[cut]
        cut += 1
    first, second = _split(area, running / total)
    return slice_up(first, weights[:cut]) + slice_up(second, weights[cut:])


def _split(area: Rectangle, share: float) -> tuple[Rectangle, Rectangle]:
    west, south, east, north = area
    if east - west >= north - south:
        middle = west + (east - west) * share
        return (west, south, middle, north), (middle, south, east, north)
    middle = north - (north - south) * share
    return (west, middle, east, north), (west, south, east, middle)


def polygon(area: Rectangle) -> dict[str, object]:
    """Return the rectangle as a GeoJSON Polygon, counter-clockwise."""
    west, south, east, north = (round(value, 6) for value in area)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
