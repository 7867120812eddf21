//! Columns: a text with tabs becomes one whose columns stand below each other, as in kubectl.
//!
//! A column is a run of lines that all have a cell there which ends in a tab; what follows the last tab of a line is in no
//! column. Mirrors Go's text/tabwriter.

/// Aligns columns with blanks: at least `padding` after the widest cell, and no column narrower than `least`.
pub(crate) fn align(text: &str, least: usize, padding: usize) -> String {
    let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
    let mut out = String::with_capacity(text.len() * 2);
    block(&lines, &mut Vec::new(), (least, padding), &mut out);
    out.pop();
    out
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// Writes lines whose first columns are known to be as wide as `widths`.
fn block(lines: &[Vec<&str>], widths: &mut Vec<usize>, shape: (usize, usize), out: &mut String) {
    let column = widths.len();
    let has_cell = |line: &Vec<&str>| column + 1 < line.len();
    let mut at = 0;
    while at < lines.len() {
        if !has_cell(&lines[at]) {
            write(&lines[at], widths, out);
            at += 1;
            continue;
        }
        let end = at + lines[at..].iter().take_while(|line| has_cell(line)).count();
        let cells = lines[at..end].iter().map(|line| width(line[column]) + shape.1);
        widths.push(cells.max().unwrap_or(0).max(shape.0));
        block(&lines[at..end], widths, shape, out);
        widths.pop();
        at = end;
    }
}

fn write(line: &[&str], widths: &[usize], out: &mut String) {
    for (cell, column) in line.iter().zip(0..) {
        out.push_str(cell);
        if let Some(wide) = widths.get(column).filter(|_| column + 1 < line.len()) {
            out.extend(std::iter::repeat_n(' ', wide.saturating_sub(width(cell))));
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_where_a_line_has_no_cell() {
        let text = "a\tbb\tc\nlonger\tb\nalone\nx\ty\n";
        assert_eq!(align(text, 0, 2), "a       bb  c\nlonger  b\nalone\nx  y\n");
        assert_eq!(align("NAME\tAGE\nx\t5s\n", 6, 3), "NAME   AGE\nx      5s\n");
        assert_eq!(align("a\t\tb\nccc\t\td\n", 0, 2), "a      b\nccc    d\n");
    }
}
