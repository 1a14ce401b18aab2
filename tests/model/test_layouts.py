"""Layouts: labels, weights, masks and fold-down matrices, held against the standards' own tables."""

from __future__ import annotations

import pytest

from stemmix.model import layouts
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, SURROUND_7_1, SURROUND_7_1_4, Layout

SPEAKER_BIT = {
    "L": 0x1, "R": 0x2, "C": 0x4, "LFE": 0x8, "Lrs": 0x10, "Rrs": 0x20, "Lss": 0x200, "Rss": 0x400,
    "Ltf": 0x1000, "Rtf": 0x4000, "Ltr": 0x8000, "Rtr": 0x20000,
}  # fmt: skip
"""WAVEFORMATEXTENSIBLE's dwChannelMask."""


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=str)
def test_a_layout_is_known_by_its_name_and_has_one_weight_for_each_label(layout: Layout) -> None:
    assert LAYOUTS[layout.name] is layout
    assert len(set(layout.labels)) == layout.channels == len(layout.weights)


def test_no_two_layouts_share_a_mask() -> None:
    masks = [mask for layout in LAYOUTS.values() for mask in layout.masks]
    assert len(masks) == len(set(masks))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=str)
def test_every_mask_has_one_bit_for_each_channel_and_leads_back_to_its_layout(layout: Layout) -> None:
    for mask in layout.masks:
        assert mask.bit_count() == layout.channels
        assert layouts.layout_of_mask(mask, layout.channels) is layout


@pytest.mark.parametrize("layout", [STEREO, SURROUND_7_1, SURROUND_7_1_4], ids=str)
def test_labels_stand_in_the_order_of_the_masks_bits(layout: Layout) -> None:
    bits = [SPEAKER_BIT[label] for label in layout.labels]
    assert bits == sorted(bits)
    assert sum(bits) == layout.masks[0]


def test_surround_may_be_at_the_side_or_at_the_back_in_a_mask() -> None:
    assert layouts.layout_of_mask(0x60F, 6) is layouts.layout_of_mask(0x3F, 6) is SURROUND_5_1


def test_a_mask_that_names_nothing_known_gives_no_layout() -> None:
    assert layouts.layout_of_mask(0, 6) is None
    assert layouts.layout_of_mask(0x3, 6) is None
    assert layouts.layout_of_mask(0x33, 4) is None


def test_loudness_weights_are_those_of_bs_1770_5() -> None:
    """Only channels at ear height, 60 to 120 degrees to the side, count 1.41; rears and heights 1; LFE nothing."""
    assert MONO.weights == (1.0,)
    assert SURROUND_5_1.weights == (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)
    assert SURROUND_7_1.weights == (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41)
    assert SURROUND_7_1_4.weights == (*SURROUND_7_1.weights, 1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=str)
def test_folding_a_layout_to_itself_changes_nothing(layout: Layout) -> None:
    matrix = layouts.fold_matrix(layout, layout)
    assert matrix is not None
    assert [[cell != 0 for cell in row] for row in matrix] == [
        [row == column for column in range(layout.channels)] for row in range(layout.channels)
    ]
    assert {matrix[index][index] for index in range(layout.channels)} == {1.0}


def test_mono_stands_in_the_centre_at_constant_power() -> None:
    matrix = layouts.fold_matrix(MONO, STEREO)
    assert matrix is not None
    assert matrix[0] == matrix[1]
    assert sum(row[0] ** 2 for row in matrix) == pytest.approx(1.0)


def test_5_1_folds_lo_ro_without_normalising() -> None:
    """ITU-R BS.775-3: L and R at 0 dB, C and surrounds at -3 dB, each surround to its side, LFE left out."""
    half = 0.5**0.5
    matrix = layouts.fold_matrix(SURROUND_5_1, STEREO)
    assert matrix == ((1.0, 0.0, half, 0.0, half, 0.0), (0.0, 1.0, half, 0.0, 0.0, half))


def test_a_fold_that_nobody_defined_is_refused_not_invented() -> None:
    assert layouts.fold_matrix(SURROUND_7_1_4, STEREO) is None
    assert layouts.fold_matrix(STEREO, SURROUND_5_1) is None
