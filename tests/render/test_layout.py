"""Layered layouts: rows by longest paths, no overlaps, straight long edges, few crossings."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from symdiff.render.layout import Layout, arrange

GAP = 10.0


def random_dag(seed: int, count: int = 30) -> list[tuple[int, int]]:
    rng = random.Random(seed)
    return [
        (rng.randrange(max(0, k - 8), k), k)
        for k in range(3, count)
        for _ in range(rng.choice([1, 2]))
    ]


def by_row(layout: Layout) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(max(layout.rows) + 1)]
    for point in sorted(range(len(layout.rows)), key=layout.centers.__getitem__):
        rows[layout.rows[point]].append(point)
    return rows


def test_a_box_stands_a_row_below_the_last_of_its_inputs() -> None:
    layout = arrange([20.0] * 4, [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)], {0}, GAP)
    assert layout.rows[:4] == [0, 1, 2, 3]


def test_what_no_input_feeds_stands_right_above_its_first_use() -> None:
    # 0 -> 1 -> 2 -> 3 <- 4 <- 5, where only 0 is pinned to the top.
    edges = [(0, 2), (2, 3), (1, 4), (4, 5), (3, 5)]
    layout = arrange([20.0] * 6, edges, {0}, GAP)
    assert layout.rows[:6] == [0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("seed", range(10))
def test_edges_lead_one_row_down_and_connect_the_same_boxes(seed: int) -> None:
    edges = random_dag(seed)
    layout = arrange([20.0] * 30, edges, {0, 1, 2}, GAP)
    below: dict[int, list[int]] = {}
    for upper, lower in layout.segments:
        assert layout.rows[lower] == layout.rows[upper] + 1
        below.setdefault(upper, []).append(lower)

    def reached(point: int) -> list[int]:
        if point < 30:
            return [point]
        return [box for lower in below[point] for box in reached(lower)]

    found = [(k, box) for k in range(30) for lower in below.get(k, []) for box in reached(lower)]
    assert sorted(found) == sorted(edges)


@pytest.mark.parametrize("seed", range(10))
def test_boxes_in_a_row_keep_the_gap(seed: int) -> None:
    rng = random.Random(seed)
    widths = [rng.uniform(10, 90) for _ in range(30)]
    layout = arrange(widths, random_dag(seed), {0, 1, 2}, GAP)
    for row in by_row(layout):
        boxes = [p for p in row if p < 30]
        for left, right in pairwise(boxes):
            between = layout.centers[right] - layout.centers[left]
            assert between >= (widths[left] + widths[right]) / 2 + GAP - 1e-9
    edges_of = [
        (layout.centers[k] - widths[k] / 2, layout.centers[k] + widths[k] / 2) for k in range(30)
    ]
    assert min(left for left, _ in edges_of) >= -1e-9
    assert max(right for _, right in edges_of) <= layout.width + 1e-9


def test_a_chain_is_a_straight_line() -> None:
    layout = arrange([20.0, 50.0, 10.0], [(0, 1), (1, 2)], {0}, GAP)
    assert layout.centers == [25.0, 25.0, 25.0]


def test_crossings_that_can_be_avoided_are() -> None:
    # Each input's chain ends opposite to where it began.
    edges = [(0, 7), (1, 6), (2, 5), (3, 4)]
    layout = arrange([20.0] * 8, edges, {0, 1, 2, 3}, GAP)
    order = sorted(range(4), key=layout.centers.__getitem__)
    lower = sorted(range(4, 8), key=layout.centers.__getitem__)
    assert [dict(edges)[k] for k in order] == lower


def test_long_edges_of_one_box_share_their_bends() -> None:
    chain = [(k, k + 1) for k in range(5)]
    layout = arrange([20.0] * 6, [*chain, (0, 3), (0, 4), (0, 5)], {0}, GAP)
    assert len(layout.rows) == 6 + 4


def test_nothing_has_a_layout() -> None:
    assert arrange([], [], set(), GAP) == Layout([], [], 0.0, [])
    assert arrange([30.0], [], {0}, GAP) == Layout([0], [15.0], 30.0, [])


def test_an_edge_may_occur_twice() -> None:
    layout = arrange([20.0, 20.0], [(0, 1), (0, 1)], {0}, GAP)
    assert layout.segments == [(0, 1), (0, 1)]
