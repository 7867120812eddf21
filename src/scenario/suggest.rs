//! Help texts that name what there is instead of what was written.

use crate::diag::did_you_mean;

/// The candidate nearest to `word`, or else all of them.
pub(super) fn help<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(candidate) = did_you_mean(word, candidates.clone()) {
        return format!("did you mean `{candidate}`?");
    }
    let mut all: Vec<&str> = candidates.into_iter().collect();
    let more = all.len().saturating_sub(30);
    all.truncate(30);
    match (all.is_empty(), more) {
        (true, _) => "there is none".to_owned(),
        (false, 0) => format!("there is: {}", all.join(", ")),
        (false, _) => format!("there is: {} and {more} more", all.join(", ")),
    }
}
