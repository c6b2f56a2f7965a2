"""Where the boxes of a picture stand: a layered drawing, computed with plain loops.

The method of K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of
hierarchical system structures" (1981): every box gets a row by the longest path to it, edges
over several rows bend in each row between, rows are ordered by barycentres to avoid crossings,
and the places along a row are those nearest to the neighbours' that keep boxes apart. Nothing
is random, so the same graph always gives the same picture.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

__all__ = ["Layout", "arrange"]

_ORDER_SWEEPS: Final = 12
_PLACE_SWEEPS: Final = 8
_SETTLE_SWEEPS: Final = 16
_BEND_WIDTH: Final = 8.0
_BEND_WEIGHT: Final = 4.0  # for each end of a segment: long edges would rather be straight

Edge = tuple[int, int]


class Layout(NamedTuple):
    """Places of boxes and edges.

    Points below the number of boxes are the boxes; the others are bends of long edges, which
    edges of one source share. `segments` join a point to one a row below.
    """

    rows: list[int]
    """The row of each point, counted from the top."""

    centers: list[float]
    """The place of each point along its row; the leftmost box begins at 0."""

    width: float
    segments: list[Edge]


def arrange(
    widths: Sequence[float], edges: Sequence[Edge], top: Collection[int], gap: float
) -> Layout:
    """Place boxes in rows.

    Arguments: `widths` of the boxes, in topological order; `edges` as pairs (from, to), where a
    pair may occur twice; `top`, the boxes that stay in the first row (the others without
    incoming edges stand right above what uses them); `gap`, the least space between two.

    >>> layout = arrange([10, 10, 10], [(0, 2), (1, 2)], {0, 1}, 4)
    >>> layout.rows, layout.centers, layout.width
    ([0, 0, 1], [5.0, 19.0, 12.0], 24.0)
    """
    rows = _rows(len(widths), edges, top)
    segments = _bend_long_edges(rows, edges)
    full = [*map(float, widths), *[_BEND_WIDTH] * (len(rows) - len(widths))]
    order = _order(rows, segments)
    centers = _places(order, segments, full, len(widths), gap)
    left = min((c - w / 2 for c, w in zip(centers, full, strict=True)), default=0.0)
    right = max((c + w / 2 for c, w in zip(centers, full, strict=True)), default=0.0)
    return Layout(rows, [c - left for c in centers], right - left, segments)


def _rows(count: int, edges: Sequence[Edge], top: Collection[int]) -> list[int]:
    above, below = _neighbours(count, edges)
    rows = [0] * count
    loose = [False] * count  # no box of the top row leads here
    for box in range(count):
        rows[box] = max((rows[a] + 1 for a in above[box]), default=0)
        loose[box] = box not in top and all(loose[a] for a in above[box])
    for box in reversed(range(count)):
        if loose[box] and below[box]:
            rows[box] = min(rows[b] for b in below[box]) - 1
    return rows


def _neighbours(count: int, edges: Iterable[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for upper, lower in edges:
        above[lower].append(upper)
        below[upper].append(lower)
    return above, below


def _bend_long_edges(rows: list[int], edges: Sequence[Edge]) -> list[Edge]:
    """Segments from row to row; appends the bends they need to `rows`."""
    segments: list[Edge] = []
    bends: dict[tuple[int, int], int] = {}  # (source box, row) -> point
    for source, target in edges:
        upper = source
        for row in range(rows[source] + 1, rows[target]):
            if (source, row) not in bends:
                bends[source, row] = len(rows)
                segments.append((upper, len(rows)))
                rows.append(row)
            upper = bends[source, row]
        segments.append((upper, target))
    return segments


def _order(rows: Sequence[int], segments: Sequence[Edge]) -> list[list[int]]:
    """The points of each row from left to right, with few crossings."""
    above, below = _neighbours(len(rows), segments)
    order: list[list[int]] = [[] for _ in range(max(rows, default=-1) + 1)]
    for point, row in enumerate(rows):
        order[row].append(point)
    at = [0.0] * len(rows)
    for line in order:
        _number(line, at)
    best, fewest = [list(line) for line in order], _crossings(segments, rows, at)
    for sweep in range(_ORDER_SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for line in order if down else reversed(order):
            wanted = {p: _mean([at[q] for q in neighbours[p]], at[p]) for p in line}
            line.sort(key=wanted.__getitem__)
            _number(line, at)
        found = _crossings(segments, rows, at)
        if found < fewest:
            best, fewest = [list(line) for line in order], found
    return best


def _number(line: Sequence[int], at: list[float]) -> None:
    # Rows of different lengths are compared by how far along they are.
    for k, point in enumerate(line):
        at[point] = (k + 0.5) / len(line)


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(segments: Sequence[Edge], rows: Sequence[int], at: Sequence[float]) -> int:
    by_row: dict[int, list[tuple[float, float]]] = {}
    for upper, lower in segments:
        by_row.setdefault(rows[upper], []).append((at[upper], at[lower]))
    total = 0
    for pairs in by_row.values():
        ends: list[float] = []
        for _, end in sorted(pairs):
            total += len(ends) - bisect_right(ends, end)
            insort(ends, end)
    return total


def _places(
    order: Sequence[Sequence[int]],
    segments: Sequence[Edge],
    widths: Sequence[float],
    boxes: int,
    gap: float,
) -> list[float]:
    """Centers along the rows: each point is drawn to its neighbours' places.

    First to those above and to those below by turns, then to all of them.
    """
    above, below = _neighbours(len(widths), segments)
    both = [[*a, *b] for a, b in zip(above, below, strict=True)]
    weights = [1.0 if p < boxes else _BEND_WEIGHT for p in range(len(widths))]
    centers = [0.0] * len(widths)
    for sweep in range(_PLACE_SWEEPS + _SETTLE_SWEEPS):
        down = sweep % 2 == 0
        pulls = both if sweep >= _PLACE_SWEEPS else above if down else below
        for line in order if down else reversed(order):
            wanted = []
            for point in line:
                near = pulls[point] or both[point]
                total = sum(weights[q] for q in near) or 1.0
                pull = sum(weights[q] * centers[q] for q in near) if near else centers[point]
                wanted.append(pull / total)
            halves = [widths[p] / 2 for p in line]
            kept = _kept_apart(wanted, [weights[p] for p in line], halves, gap)
            for point, center in zip(line, kept, strict=True):
                centers[point] = center
    return centers


def _kept_apart(
    wanted: Sequence[float], weights: Sequence[float], halves: Sequence[float], gap: float
) -> list[float]:
    """The centers nearest to those wanted (least squares) that keep the order and the gaps.

    With the least distances taken off this is isotonic regression, which pooling neighbours
    that stand in each other's way solves in one pass.
    """
    offsets = [0.0]
    for k in range(1, len(halves)):
        offsets.append(offsets[-1] + halves[k - 1] + gap + halves[k])
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for place, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, members = place - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_members = pools.pop()
            mean = (mean * total + other * other_weight) / (total + other_weight)
            total, members = total + other_weight, members + other_members
        pools.append((mean, total, members))
    means = [mean for mean, _, members in pools for _ in range(members)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
