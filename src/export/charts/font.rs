//! The embedded typeface: how wide texts are, and the pixels of their glyphs. No font of the system is ever looked at.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The family's name is a list, because SVG viewers read it: they take the first that they have.
pub(super) const FAMILY: &str = "Roboto, Helvetica, Arial, sans-serif";

const REGULAR: &[u8] = include_bytes!("../assets/Roboto-Regular.subset.ttf");
const MEDIUM: &[u8] = include_bytes!("../assets/Roboto-Medium.subset.ttf");

/// One of the two weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weight {
    Regular,
    Medium,
}

impl Weight {
    pub(super) const fn style(self) -> FontStyle {
        match self {
            Self::Regular => FontStyle::Normal,
            Self::Medium => FontStyle::Bold,
        }
    }

    fn metrics(self) -> &'static Metrics {
        static METRICS: OnceLock<[Metrics; 2]> = OnceLock::new();
        let both = METRICS.get_or_init(|| [REGULAR, MEDIUM].map(|face| Metrics::read(face).expect("a sound font")));
        &both[self as usize]
    }
}

/// Makes the faces known to plotters; to be called before anything is drawn.
pub(super) fn register() -> Result<(), &'static str> {
    for (weight, bytes) in [(Weight::Regular, REGULAR), (Weight::Medium, MEDIUM)] {
        // The error has no Debug and nothing to tell.
        register_font(FAMILY, weight.style(), bytes).map_err(|_| "the embedded font is damaged")?;
    }
    Ok(())
}

/// The width of `text` at `size` pixels an em.
pub(super) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let metrics = weight.metrics();
    let units: f64 = text.chars().map(|c| f64::from(metrics.glyph(c).0)).sum();
    units * size / metrics.units_per_em
}

/// The longest beginning of `text` that fits into `room`, with an ellipsis if something is missing.
pub(super) fn fit(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let mut kept: String = text.to_owned();
    while kept.pop().is_some() {
        let short = format!("{}…", kept.trim_end());
        if width(&short, size, weight) <= room {
            return short;
        }
    }
    String::new()
}

/// Draws `text` with its baseline starting at (`x`, `baseline`); `ink` gets pixels and their coverage.
pub(super) fn draw(text: &str, size: f64, weight: Weight, x: f64, baseline: f64, mut ink: impl FnMut(i32, i32, f32)) {
    let metrics = weight.metrics();
    // plotters sizes fonts by their height and puts the baseline at half of it, cut to a pixel. With an even height
    // nothing is cut, and glyphs of one line agree on where it is.
    let height = (size * metrics.height / metrics.units_per_em / 2.0).round() * 2.0;
    let scale = height / metrics.height;
    let font = FontDesc::new(FontFamily::Name(FAMILY), height, weight.style());
    let top = to_pixel(baseline) - to_pixel(height / 2.0);
    let mut pen = x;
    let mut glyph = [0; 4];
    for c in text.chars() {
        let (advance, bearing) = metrics.glyph(c);
        // It also forgets the space to the left of a glyph, so that glyphs are drawn one by one where they belong.
        let left = to_pixel(pen) + to_pixel((f64::from(bearing) * scale).floor());
        let drawn = font.draw(c.encode_utf8(&mut glyph), (left, top), |px, py, coverage| {
            ink(px, py, coverage);
            Ok::<(), std::convert::Infallible>(())
        });
        debug_assert!(drawn.is_ok(), "the font is registered before anything is drawn");
        pen += f64::from(advance) * scale;
    }
}

#[allow(clippy::cast_possible_truncation, reason = "pictures have a few thousand pixels")]
fn to_pixel(v: f64) -> i32 {
    v.round() as i32
}

/// Horizontal metrics of a TrueType face, in font units.
struct Metrics {
    units_per_em: f64,
    /// From the descender to the ascender.
    height: f64,
    /// (first character, last character, index of the first's glyph), sorted.
    ranges: Vec<(u16, u16, Vec<u16>)>,
    /// Advance and left side bearing of each glyph.
    glyphs: Vec<(u16, i16)>,
}

impl Metrics {
    fn glyph(&self, c: char) -> (u16, i16) {
        let code = u16::try_from(u32::from(c)).unwrap_or(0);
        let range = self.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&code));
        let index = range.and_then(|(first, _, glyphs)| glyphs.get(usize::from(code - first))).copied().unwrap_or(0);
        self.glyphs.get(usize::from(index)).copied().unwrap_or((0, 0))
    }

    /// Reads `head`, `hhea`, `hmtx` and a format 4 `cmap`.
    fn read(face: &[u8]) -> Option<Self> {
        let u16_at = |at: usize| Some(u16::from_be_bytes(face.get(at..at + 2)?.try_into().ok()?));
        let i16_at = |at: usize| u16_at(at).map(u16::cast_signed);
        let u32_at = |at: usize| Some(u32::from_be_bytes(face.get(at..at + 4)?.try_into().ok()?) as usize);
        let table = |tag: &[u8]| {
            let mut records = (0..usize::from(u16_at(4)?)).map(|i| 12 + 16 * i);
            u32_at(records.find(|&at| face.get(at..at + 4) == Some(tag))? + 8)
        };
        let (head, hhea, hmtx, cmap) = (table(b"head")?, table(b"hhea")?, table(b"hmtx")?, table(b"cmap")?);
        let long = usize::from(u16_at(hhea + 34)?);
        let count = usize::from(u16_at(table(b"maxp")? + 4)?);
        let glyphs = (0..count).map(|i| {
            let advance = u16_at(hmtx + 4 * i.min(long - 1))?;
            let bearing = if i < long { hmtx + 4 * i + 2 } else { hmtx + 4 * long + 2 * (i - long) };
            Some((advance, i16_at(bearing)?))
        });
        let mut subtables = (0..usize::from(u16_at(cmap + 2)?)).filter_map(|i| Some(cmap + u32_at(cmap + 8 + 8 * i)?));
        let map = subtables.rfind(|&at| u16_at(at) == Some(4))?;
        let segments = usize::from(u16_at(map + 6)?) / 2;
        let column = |which: usize, i: usize| map + 14 + 2 * (which * segments + i) + if which > 0 { 2 } else { 0 };
        let range = |i: usize| {
            let (last, first) = (u16_at(column(0, i))?, u16_at(column(1, i))?);
            let (delta, offset) = (u16_at(column(2, i))?, u16_at(column(3, i))?);
            let glyph = |code: u16| match offset {
                0 => Some(code.wrapping_add(delta)),
                _ => u16_at(column(3, i) + usize::from(offset) + 2 * usize::from(code - first)),
            };
            Some((first, last, (first..=last).map(glyph).collect::<Option<Vec<_>>>()?))
        };
        Some(Self {
            units_per_em: f64::from(u16_at(head + 18)?),
            height: f64::from(i16_at(hhea + 4)?) - f64::from(i16_at(hhea + 6)?),
            ranges: (0..segments).map(range).collect::<Option<_>>()?,
            glyphs: glyphs.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_charts_use_has_a_glyph() {
        for weight in [Weight::Regular, Weight::Medium] {
            for c in (' '..='~').chain("µ·×—–…→−≤≥°é".chars()) {
                assert!(weight.metrics().glyph(c).0 > 0, "{c}");
            }
        }
        // Roboto's "0" is 1151 units of 2048 wide.
        assert!((width("0000", 2048.0, Weight::Regular) - 4604.0).abs() < 1.0);
        assert_eq!(fit("abcdefghij", 10.0, Weight::Regular, 1000.0), "abcdefghij");
        assert!(fit("abcdefghij", 10.0, Weight::Regular, 30.0).ends_with('…'));
    }

    #[test]
    fn a_drawn_text_leaves_ink_where_it_should() {
        register().unwrap();
        let (mut inked, mut lowest, mut rightmost) = (0, 0, 0);
        draw("Hx", 20.0, Weight::Regular, 5.0, 30.0, |x, y, coverage| {
            if coverage > 0.5 {
                (inked, lowest, rightmost) = (inked + 1, lowest.max(y), rightmost.max(x));
            }
        });
        assert!(inked > 50 && (28..=30).contains(&lowest), "{inked} {lowest}");
        assert!(rightmost <= 5 + to_pixel(width("Hx", 20.0, Weight::Regular)) + 1);
    }
}
