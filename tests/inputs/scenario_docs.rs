//! What is made from the table of keys is fresh: the schema in scenarios/ and the reference in docs/. With
//! `PODSIM_BLESS=1` it is written instead of compared.

use std::path::{Path, PathBuf};

use podsim::cli::Exit;
use podsim::scenario::spec;

const BEGIN: &str = "<!-- reference:begin -->\n";
const END: &str = "<!-- reference:end -->";

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn read(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_default()
}

fn fresh(relative: &str, want: &str) {
    if std::env::var_os("PODSIM_BLESS").is_some() {
        std::fs::write(path(relative), want).expect("the repository can be written");
    }
    assert!(
        read(relative) == want,
        "{relative} is stale: PODSIM_BLESS=1 cargo test --test inputs scenario_docs:: writes it anew"
    );
}

#[test]
fn the_schema_is_fresh() {
    fresh("scenarios/scenario.schema.json", &spec::schema::text());
}

#[test]
fn the_reference_is_fresh_and_complete() {
    let page = read("docs/SCENARIO.md");
    let begin = page.find(BEGIN).expect("the mark at the begin") + BEGIN.len();
    let end = page.find(END).expect("the mark at the end");
    let reference = spec::markdown::reference();
    fresh("docs/SCENARIO.md", &format!("{}{}{}", &page[..begin], reference, &page[end..]));
    for section in spec::sections() {
        assert!(section.name.is_empty() || reference.contains(&format!("### `{}`", section.name)));
        for key in section.keys.iter().filter(|_| !section.name.is_empty()) {
            assert!(reference.contains(&format!("| `{}` |", key.name)), "[{}] {}", section.name, key.name);
        }
    }
    for key in spec::ROOT.keys {
        assert!(reference.contains(&format!("### `{}`", key.name)), "{}", key.name);
    }
}

#[test]
fn the_reference_of_studies_is_fresh() {
    let page = read("docs/STUDIES.md");
    let begin = page.find(BEGIN).expect("the mark at the begin") + BEGIN.len();
    let end = page.find(END).expect("the mark at the end");
    let reference = spec::markdown::study_reference();
    fresh("docs/STUDIES.md", &format!("{}{}{}", &page[..begin], reference, &page[end..]));
}

#[test]
fn exit_codes_are_documented() {
    let page = read("docs/EXIT_CODES.md");
    for (exit, meaning) in Exit::ALL {
        assert!(page.contains(&format!("| {} | {meaning} |", exit.code())), "{exit:?}");
    }
}
