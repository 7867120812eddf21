//! Any text as a scenario, with one small manifest to read: compiled, and every diagnostic shown. Nothing may panic.

#![no_main]

use std::io;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use podsim::scenario::from_text;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\n\
                   spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}\n";

fuzz_target!(|text: &str| {
    let read = |path: &Path| match path.extension() {
        Some(extension) if extension == "yaml" => Ok(POD.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let loaded = from_text("fuzz.toml", text, &read);
    assert!(loaded.plan.is_some() != loaded.diagnostics.has_errors());
    for diagnostic in &loaded.diagnostics {
        if let Some(span) = diagnostic.span {
            assert!(span.start <= span.end && span.end <= loaded.sources.get(span.source).text.len());
        }
    }
    let _ = loaded.diagnostics.render(&loaded.sources, false);
});
