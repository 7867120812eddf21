//! Did-you-mean: the name that a mistyped one was probably meant to be. Knows only texts.

/// The one of `names` that is nearest to `typed`, if it is near enough to be a slip of the keyboard: a third of the
/// length, letters that changed places counting once and upper case not at all. The first of equally near ones.
#[must_use]
pub fn did_you_mean<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let typed_lower = typed.to_lowercase();
    // Of one or two letters nothing is left after a slip.
    let most = match typed.chars().count() {
        0..=2 => 0,
        count => (count / 3).min(3),
    };
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        if name == typed || name.len().abs_diff(typed.len()) > 4 * most + 2 {
            continue;
        }
        let distance = edits(&typed_lower, &name.to_lowercase());
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// How many letters must be put in, left out, exchanged for others or swapped with their neighbour.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let names = ["containers", "initContainers", "image", "imagePullPolicy", "name", "env"];
        for (typed, want) in [
            ("contianers", Some("containers")),
            ("Image", Some("image")),
            ("imagepullpolicy", Some("imagePullPolicy")),
            ("nmae", Some("name")),
            ("evn", Some("env")),
            ("requests", None),
            ("name", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(typed, names), want, "{typed}");
        }
    }
}
