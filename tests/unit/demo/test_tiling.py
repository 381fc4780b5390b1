from hypothesis import given
from hypothesis import strategies as st

from citybrain.demo.tiling import XIACHENG, Rectangle, slice_up


def _size(piece: Rectangle) -> float:
    return (piece[2] - piece[0]) * (piece[3] - piece[1])


@given(st.lists(st.integers(min_value=1, max_value=16), min_size=1, max_size=40))
def test_a_tiling_covers_the_whole_without_overlap_in_proportion(weights: list[int]) -> None:
    pieces = slice_up(XIACHENG, weights)
    assert len(pieces) == len(weights)
    assert abs(sum(map(_size, pieces)) - _size(XIACHENG)) < 1e-12
    for piece, weight in zip(pieces, weights, strict=True):
        assert abs(_size(piece) / _size(XIACHENG) - weight / sum(weights)) < 1e-9
    for i, one in enumerate(pieces):
        for other in pieces[:i]:
            width = min(one[2], other[2]) - max(one[0], other[0])
            height = min(one[3], other[3]) - max(one[1], other[1])
            assert width < 1e-9 or height < 1e-9
