//! Scenes as pixels. Edges are anti-aliased by exact coverage, because plotters' own bitmap backend draws hard steps.

use super::font;
use super::scene::{Anchor, Colour, Scene, Shape};

/// Pixels for a logical one.
const SCALE: f64 = 2.0;

/// The picture as PNG.
pub(super) fn png(scene: &Scene) -> Result<Vec<u8>, String> {
    let mut canvas = Canvas::new(scene.width, scene.height);
    for shape in &scene.shapes {
        canvas.draw(shape);
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, canvas.width_u32, canvas.height_u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer.write_image_data(&canvas.pixels).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(bytes)
}

struct Canvas {
    width: usize,
    height: usize,
    width_u32: u32,
    height_u32: u32,
    pixels: Vec<u8>,
    coverage: Coverage,
}

impl Canvas {
    fn new(width: f64, height: f64) -> Self {
        let (width_u32, height_u32) = (pixel(width * SCALE).unsigned_abs(), pixel(height * SCALE).unsigned_abs());
        let (width, height) = (width_u32 as usize, height_u32 as usize);
        let pixels = vec![255; width * height * 3];
        Self { width, height, width_u32, height_u32, pixels, coverage: Coverage::default() }
    }

    fn draw(&mut self, shape: &Shape) {
        let scaled = |points: &[(f64, f64)]| points.iter().map(|(x, y)| (x * SCALE, y * SCALE)).collect::<Vec<_>>();
        match shape {
            Shape::Rect(x, y, width, height, colour) => {
                let (right, bottom) = (x + width, y + height);
                let corners = [(*x, *y), (right, *y), (right, bottom), (*x, bottom)];
                self.fill(&[scaled(&corners)], *colour);
            }
            Shape::Area(points, colour) => self.fill(&[scaled(points)], *colour),
            Shape::Line(points, width, colour) => self.fill(&stroke(&scaled(points), width * SCALE / 2.0), *colour),
            Shape::Text(text, x, baseline, kind) => {
                let size = kind.size * SCALE;
                let wide = font::width(text, size, kind.weight);
                let start = x * SCALE
                    - match kind.anchor {
                        Anchor::Start => 0.0,
                        Anchor::Middle => wide / 2.0,
                        Anchor::End => wide,
                    };
                font::draw(text, size, kind.weight, start, baseline * SCALE, |x, y, coverage| {
                    self.blend(x, y, kind.colour, coverage);
                });
            }
        }
    }

    /// Fills the union of polygons that all turn the same way.
    fn fill(&mut self, polygons: &[Vec<(f64, f64)>], colour: Colour) {
        let mut coverage = std::mem::take(&mut self.coverage);
        if let Some((left, top)) = coverage.begin(polygons, self.width, self.height) {
            for polygon in polygons {
                let next = polygon.iter().cycle().skip(1);
                for (&from, &to) in polygon.iter().zip(next) {
                    coverage.edge((from.0 - left, from.1 - top), (to.0 - left, to.1 - top));
                }
            }
            coverage.each(|x, y, amount| self.blend(x + pixel(left), y + pixel(top), colour, amount));
        }
        self.coverage = coverage;
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a blend of bytes is a byte")]
    fn blend(&mut self, x: i32, y: i32, colour: Colour, coverage: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height || coverage <= 0.0 {
            return;
        }
        let alpha = f64::from(coverage.min(1.0)) * colour.alpha;
        let at = (y * self.width + x) * 3;
        let (r, g, b) = colour.rgb;
        for (pixel, ink) in self.pixels[at..at + 3].iter_mut().zip([r, g, b]) {
            let under = f64::from(*pixel);
            *pixel = (under + (f64::from(ink) - under) * alpha + 0.5) as u8;
        }
    }
}

/// A line as polygons: a quad for each segment and an octagon for each point, all turning the same way.
fn stroke(points: &[(f64, f64)], half: f64) -> Vec<Vec<(f64, f64)>> {
    const OCTAGON: [(f64, f64); 8] = [
        (1.0, 0.0),
        (0.707, 0.707),
        (0.0, 1.0),
        (-0.707, 0.707),
        (-1.0, 0.0),
        (-0.707, -0.707),
        (0.0, -1.0),
        (0.707, -0.707),
    ];
    let mut polygons = Vec::with_capacity(points.len() * 2);
    for pair in points.windows(2) {
        let [(ax, ay), (bx, by)] = [pair[0], pair[1]];
        let length = ((bx - ax) * (bx - ax) + (by - ay) * (by - ay)).sqrt();
        if length > 0.0 {
            let (nx, ny) = (-(by - ay) / length * half, (bx - ax) / length * half);
            polygons.push(vec![(ax - nx, ay - ny), (bx - nx, by - ny), (bx + nx, by + ny), (ax + nx, ay + ny)]);
        }
    }
    // Ends stay square and exact; only bends are rounded.
    for &(x, y) in points.iter().skip(1).take(points.len().saturating_sub(2)) {
        polygons.push(OCTAGON.iter().map(|(dx, dy)| (x + dx * half, y + dy * half)).collect());
    }
    polygons
}

/// Signed areas that edges leave in the cells of a grid; summed along a row they are the coverage of its pixels.
#[derive(Default)]
struct Coverage {
    cells: Vec<f32>,
    stride: usize,
    rows: usize,
}

impl Coverage {
    /// Prepares the box of `polygons` within the picture; returns its upper left corner, or nothing if they are outside.
    fn begin(&mut self, polygons: &[Vec<(f64, f64)>], width: usize, height: usize) -> Option<(f64, f64)> {
        let points = || polygons.iter().flatten();
        let low = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::INFINITY, f64::min);
        let high = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::NEG_INFINITY, f64::max);
        let (left, top) = (low(|p| p.0).floor().max(0.0), low(|p| p.1).floor().max(0.0));
        let (right, bottom) = (high(|p| p.0).min(as_f64(width)), high(|p| p.1).min(as_f64(height)));
        if right <= left || bottom <= top {
            return None;
        }
        self.stride = as_usize((right - left).ceil()) + 2;
        self.rows = as_usize((bottom - top).ceil());
        self.cells.clear();
        self.cells.resize(self.stride * self.rows, 0.0);
        Some((left, top))
    }

    /// Adds one edge, row by row: the area to its right within each cell that it crosses.
    #[allow(clippy::cast_possible_truncation, reason = "a coverage is between -1 and 1")]
    fn edge(&mut self, from: (f64, f64), to: (f64, f64)) {
        if from.1 == to.1 {
            return;
        }
        let (sign, (x0, y0), (x1, y1)) = if from.1 < to.1 { (1.0, from, to) } else { (-1.0, to, from) };
        let slope = (x1 - x0) / (y1 - y0);
        let limit = as_f64(self.stride - 2);
        let (first, last) = (as_usize(y0.max(0.0).floor()), as_usize(y1.min(as_f64(self.rows)).max(0.0).ceil()));
        for row in first..last {
            let (enter, leave) = (y0.max(as_f64(row)), y1.min(as_f64(row + 1)));
            let height = leave - enter;
            if height <= 0.0 {
                continue;
            }
            let at = |y: f64| (x0 + (y - y0) * slope).clamp(0.0, limit);
            let (a, b) = (at(enter), at(leave));
            let (left, right) = if a < b { (a, b) } else { (b, a) };
            let cells = &mut self.cells[row * self.stride..(row + 1) * self.stride];
            let (start, end) = (as_usize(left.floor()), as_usize(right.floor()));
            if start == end {
                // Within one cell: a trapezoid.
                let inside = 1.0 - ((left + right) / 2.0 - as_f64(start));
                cells[start] += (sign * height * inside) as f32;
                cells[start + 1] += (sign * height * (1.0 - inside)) as f32;
                continue;
            }
            // Across cells: the share of the height that lies left of each cell's right border.
            let per_x = height / (right - left);
            let mut done = 0.0;
            for (cell, slot) in cells.iter_mut().enumerate().take(end + 2).skip(start) {
                let (near, far) = (left.max(as_f64(cell)), right.min(as_f64(cell + 1)));
                let crossed = (far - near).max(0.0);
                // Height gained before this cell fully counts; within it, half of a triangle or the middle line does.
                let total = (near.min(right) - left).max(0.0) * per_x
                    + crossed * per_x * (as_f64(cell + 1) - (near + far) / 2.0).max(0.0);
                let total = if cell > end { height } else { total };
                *slot += (sign * (total - done)) as f32;
                done = total;
            }
        }
    }

    /// Calls `ink` for every pixel that is covered.
    fn each(&self, mut ink: impl FnMut(i32, i32, f32)) {
        for (y, row) in (0..).zip(self.cells.chunks_exact(self.stride)) {
            let mut sum = 0.0_f32;
            for (x, cell) in (0..).zip(&row[..self.stride - 1]) {
                sum += cell;
                let amount = sum.abs();
                if amount > 0.002 {
                    ink(x, y, amount.min(1.0));
                }
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "pictures have a few thousand pixels")]
fn pixel(v: f64) -> i32 {
    v.round() as i32
}

#[allow(clippy::cast_precision_loss, reason = "pictures have a few thousand pixels")]
fn as_f64(v: usize) -> f64 {
    v as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only called with small positive numbers")]
fn as_usize(v: f64) -> usize {
    v as usize
}
