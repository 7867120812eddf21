//! Any text as a label selector in kubectl's notation: parsing and matching never panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podsim::model::{Selector, Strings};

fuzz_target!(|text: &str| {
    let Ok(selector) = Selector::parse(text) else { return };
    let matches = |pairs: &[(&str, &str)]| {
        selector.matches(|key| pairs.iter().find(|(name, _)| *name == key).map(|&(_, value)| value))
    };
    let pairs = [("app", "web"), ("tier", "1")];
    let mut strings = Strings::new();
    let compiled = selector.compile(&mut strings);
    for pairs in [&pairs[..], &[]] {
        let id = strings.intern_labels(pairs.iter().copied());
        let set = strings.labels(id).clone();
        assert_eq!(compiled.matches(&set, &strings), matches(pairs), "{text:?} on {pairs:?}");
    }
});
