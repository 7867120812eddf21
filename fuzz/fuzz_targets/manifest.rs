//! Any text as a manifest: loaded, and every diagnostic shown. Nothing may panic, and every place lies in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podsim::diag::{Diagnostics, Sources};
use podsim::manifest::load;
use podsim::model::Vocabulary;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let file = sources.add("fuzz.yaml", text);
    let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
    load(&[file], &sources, &mut words, &mut diagnostics);
    for diagnostic in &diagnostics {
        let span = diagnostic.span.expect("every mistake of a manifest has a place");
        assert!(span.start <= span.end && span.end <= text.len());
    }
    let _ = diagnostics.render(&sources, false);
    let _ = diagnostics.render_json(&sources);
});
