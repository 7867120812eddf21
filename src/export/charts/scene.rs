//! A picture as a list of shapes in logical pixels, and its SVG. Charts make scenes; scenes know nothing of charts.

use plotters::prelude::{Color, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, RGBColor, ShapeStyle, TextStyle};

use super::font::{self, Weight};

/// SVG coordinates are integers: so many of them make a logical pixel.
const FINE: f64 = 4.0;

/// An opaque or translucent colour.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Colour {
    pub rgb: (u8, u8, u8),
    pub alpha: f64,
}

impl Colour {
    /// From `0xRRGGBB`.
    pub(super) const fn hex(rgb: u32) -> Self {
        let [_, r, g, b] = rgb.to_be_bytes();
        Self { rgb: (r, g, b), alpha: 1.0 }
    }

    pub(super) const fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// Which end of a text is at its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Type {
    pub size: f64,
    pub weight: Weight,
    pub colour: Colour,
    pub anchor: Anchor,
}

/// Points in logical pixels.
pub(super) type Points = Vec<(f64, f64)>;

/// One thing to draw.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shape {
    /// Upper left corner, width and height.
    Rect(f64, f64, f64, f64, Colour),
    /// A filled polygon.
    Area(Points, Colour),
    /// A line of a width.
    Line(Points, f64, Colour),
    /// A text on its baseline.
    Text(String, f64, f64, Type),
}

/// A picture.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Scene {
    pub width: f64,
    pub height: f64,
    /// For readers who cannot see it.
    pub title: String,
    pub shapes: Vec<Shape>,
}

impl Scene {
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, colour: Colour) {
        self.shapes.push(Shape::Rect(x, y, width, height, colour));
    }

    pub(super) fn line(&mut self, points: Points, width: f64, colour: Colour) {
        self.shapes.push(Shape::Line(points, width, colour));
    }

    pub(super) fn area(&mut self, points: Points, colour: Colour) {
        self.shapes.push(Shape::Area(points, colour));
    }

    pub(super) fn text(&mut self, text: impl Into<String>, x: f64, baseline: f64, style: Type) {
        self.shapes.push(Shape::Text(text.into(), x, baseline, style));
    }

    /// The picture as SVG.
    pub(super) fn svg(&self) -> Result<String, String> {
        let mut svg = String::new();
        let size = (unsigned(self.width * FINE), unsigned(self.height * FINE));
        let mut backend = SVGBackend::with_string(&mut svg, size);
        for shape in &self.shapes {
            svg_shape(&mut backend, shape).map_err(|e| e.to_string())?;
        }
        backend.present().map_err(|e| e.to_string())?;
        drop(backend);
        // The backend knows one size only: shown, a picture is as large as it was laid out.
        let fine = format!(r#"width="{}" height="{}""#, size.0, size.1);
        let shown = format!(r#"width="{}" height="{}" role="img""#, self.width, self.height);
        let title = self.title.replace('&', "&amp;").replace('<', "&lt;");
        Ok(svg.replacen(&fine, &shown, 1).replacen(">\n", &format!(">\n<title>{title}</title>\n"), 1))
    }
}

type SvgResult = Result<(), plotters::drawing::DrawingAreaErrorKind<std::io::Error>>;

fn svg_shape(backend: &mut SVGBackend<'_>, shape: &Shape) -> SvgResult {
    let fine = |&(x, y): &(f64, f64)| (signed(x * FINE), signed(y * FINE));
    let style = |colour: &Colour, width: u32| ShapeStyle {
        color: RGBColor(colour.rgb.0, colour.rgb.1, colour.rgb.2).mix(colour.alpha),
        filled: true,
        stroke_width: width,
    };
    let drawn = match shape {
        Shape::Rect(x, y, width, height, colour) => {
            backend.draw_rect(fine(&(*x, *y)), fine(&(x + width, y + height)), &style(colour, 1), true)
        }
        Shape::Area(points, colour) => backend.fill_polygon(points.iter().map(fine), &style(colour, 1)),
        Shape::Line(points, width, colour) => {
            backend.draw_path(points.iter().map(fine), &style(colour, unsigned(width * FINE)))
        }
        Shape::Text(text, x, baseline, kind) => {
            let h_pos = match kind.anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            // The backend divides sizes by 1.24 and moves texts that hang from their top down by 0.76 em.
            let font = FontDesc::new(FontFamily::Name(font::FAMILY), kind.size * FINE * 1.24, kind.weight.style());
            let colour = RGBColor(kind.colour.rgb.0, kind.colour.rgb.1, kind.colour.rgb.2).mix(kind.colour.alpha);
            let style = TextStyle::from(font).color(&colour).pos(Pos::new(h_pos, VPos::Top));
            backend.draw_text(text, &style, fine(&(*x, baseline - 0.76 * kind.size)))
        }
    };
    drawn.map_err(plotters::drawing::DrawingAreaErrorKind::BackendError)
}

#[allow(clippy::cast_possible_truncation, reason = "pictures have a few thousand pixels")]
fn signed(v: f64) -> i32 {
    v.round() as i32
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pictures have a few thousand pixels")]
fn unsigned(v: f64) -> u32 {
    v.round().max(1.0) as u32
}
