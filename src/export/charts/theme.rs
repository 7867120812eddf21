//! Colours and type of all charts. The palette is Okabe and Ito's, which colour-blind readers can tell apart.

use super::font::Weight;
use super::scene::{Anchor, Colour, Type};

pub(super) const PAPER: Colour = Colour::hex(0xff_ff_ff);
pub(super) const INK: Colour = Colour::hex(0x1f_23_28);
pub(super) const SOFT: Colour = Colour::hex(0x59_63_6e);
pub(super) const GRID: Colour = Colour::hex(0xe4_e7_eb);
pub(super) const AXIS: Colour = Colour::hex(0xa3_ab_b4);

pub(super) const ORANGE: Colour = Colour::hex(0xe6_9f_00);
pub(super) const SKY: Colour = Colour::hex(0x56_b4_e9);
pub(super) const GREEN: Colour = Colour::hex(0x00_9e_73);
pub(super) const YELLOW: Colour = Colour::hex(0xf0_e4_42);
pub(super) const BLUE: Colour = Colour::hex(0x00_72_b2);
pub(super) const VERMILLION: Colour = Colour::hex(0xd5_5e_00);
pub(super) const PURPLE: Colour = Colour::hex(0xcc_79_a7);
pub(super) const BLACK: Colour = Colour::hex(0x26_26_26);
pub(super) const GREY: Colour = Colour::hex(0xb4_ba_c1);
/// Green that fades: not of the palette, but lighter than all of it that may stand beside.
pub(super) const MINT: Colour = Colour::hex(0x9a_d8_b9);
pub(super) const PALE: Colour = Colour::hex(0xdf_e3_e8);

/// The order in which lines of equal rank take their colours.
pub(super) const SERIES: [Colour; 7] = [BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BLACK];

const fn face(size: f64, weight: Weight, colour: Colour) -> Type {
    Type { size, weight, colour, anchor: Anchor::Start }
}

pub(super) const TITLE: Type = face(21.0, Weight::Medium, INK);
pub(super) const SUBTITLE: Type = face(13.5, Weight::Regular, SOFT);
pub(super) const PANEL: Type = face(13.5, Weight::Medium, INK);
pub(super) const LABEL: Type = face(12.0, Weight::Regular, SOFT);
pub(super) const LEGEND: Type = face(12.5, Weight::Regular, INK);
pub(super) const STRONG: Type = face(12.5, Weight::Medium, INK);
pub(super) const SMALL: Type = face(11.0, Weight::Regular, SOFT);

impl Type {
    pub(super) const fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(super) const fn colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }
}
