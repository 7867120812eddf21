//! Whatever stands in a scenario or in a trace: a plan or diagnostics, never a panic, and never both a plan and errors.

use std::io;
use std::path::Path;

use podsim::scenario::{Files, from_text_with};
use proptest::prelude::*;

const EVERYTHING: &str = include_str!("../../src/scenario/everything.toml");
const CSV: &str = "name,at_seconds,cpu_milli,memory_mib,run_seconds\nx,5,100,64,2.5\ny,6,100,64,\n";
const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, \
                   spec: {containers: [{name: app, image: app, ports: [{containerPort: 80}]}]}}";

/// Every file is the same pod or the same table.
struct Same(String);

impl Files for Same {
    fn read(&self, path: &Path) -> io::Result<String> {
        Ok(if path.extension().is_some_and(|extension| extension == "csv") { self.0.clone() } else { POD.to_owned() })
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(vec!["web.yaml".to_owned()])
    }

    fn variable(&self, _: &str) -> Option<String> {
        Some("shared".to_owned())
    }
}

/// Values that are likely to be mishandled.
const VALUES: &[&str] = &[
    "0",
    "-1",
    "9223372036854775807",
    "1e999",
    "nan",
    "\"\"",
    "\"0s\"",
    "\"-5s\"",
    "\"99999999d\"",
    "\"1ns\"",
    "\"0\"",
    "\"9999999Ei\"",
    "\"24:00\"",
    "\"1900-01-01\"",
    "9999-12-31",
    "[]",
    "[[]]",
    "{}",
    "{ exp = \"1s\" }",
    "true",
    "\"*\"",
    "\"$PODSIM_SHARED/*.csv\"",
    "\"é\"",
    "\"a=b:NoExecute\"",
    "\"/\"",
    "\"web\"",
    "{ uniform = [\"0s\", \"0s\"] }",
];

fn check(text: &str, csv: &str, overrides: &[String]) {
    let loaded = from_text_with("fuzz.toml", text, overrides, &Same(csv.to_owned()));
    assert_eq!(loaded.plan.is_some(), !loaded.diagnostics.has_errors());
    // Every place can be shown.
    let _ = loaded.diagnostics.render(&loaded.sources, false);
}

/// Replaces the values of some lines, and moves or drops others.
fn mutated(edits: &[(usize, usize, u8)]) -> String {
    let mut lines: Vec<String> = EVERYTHING.lines().map(str::to_owned).collect();
    for &(at, other, how) in edits {
        let at = at % lines.len();
        let other = other % lines.len();
        match how % 4 {
            0 => {
                if let Some((key, _)) = lines[at].clone().split_once(" = ") {
                    lines[at] = format!("{key} = {}", VALUES[other % VALUES.len()]);
                }
            }
            1 => lines.swap(at, other),
            2 => drop(lines.remove(at)),
            _ => {
                let line = lines[other].clone();
                lines.insert(at, line);
            }
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mutated_scenarios(edits in proptest::collection::vec(any::<(usize, usize, u8)>(), 1..6)) {
        check(&mutated(&edits), CSV, &[]);
    }

    #[test]
    fn arbitrary_text(text in "\\PC{0,200}", line in 0_usize..200) {
        check(&text, CSV, &[]);
        let lines: Vec<&str> = EVERYTHING.lines().collect();
        let line = line % lines.len();
        check(&[&lines[..line], &[text.as_str()], &lines[line + 1..]].concat().join("\n"), CSV, &[]);
    }

    #[test]
    fn arbitrary_tables(csv in "[a-z_,\"0-9.\n\r é-]{0,200}", cut in 0_usize..80) {
        check(EVERYTHING, &csv, &[]);
        check(EVERYTHING, &format!("{}{csv}", &CSV[..cut.min(CSV.len())]), &[]);
    }

    #[test]
    fn arbitrary_overrides(path in "[a-z_.0-9]{0,30}", value in "\\PC{0,20}") {
        check(EVERYTHING, CSV, &[format!("{path}={value}"), value]);
    }
}
