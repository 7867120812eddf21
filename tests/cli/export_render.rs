//! Writes everything for two hand-made runs; the charts are worth a look: `PODSIM_KEEP=folder cargo test --test cli export_render::`.

use std::path::PathBuf;

use crate::export_support::{Run, big, day};
use podsim::export::{terminal, write_all};

fn folder(name: &str) -> PathBuf {
    let root =
        std::env::var_os("PODSIM_KEEP").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    root.join(name)
}

fn render(run: &Run, name: &str) -> PathBuf {
    let dir = folder(name);
    let files = write_all(&dir, &run.context()).unwrap();
    assert!(files.iter().all(|file| file.metadata().is_ok_and(|m| m.len() > 0)), "{files:?}");
    let style = terminal::Style { colour: false, folder: Some(&dir), command: "podsim run scenarios/x.toml --seed 42" };
    println!("{}", terminal::summary(&run.context(), &style));
    dir
}

#[test]
fn a_day_has_every_file() {
    let dir = render(&day::run(), "day");
    for file in ["summary.json", "events.jsonl", "pods.csv", "timeseries.csv", "trace.json"] {
        assert!(dir.join(file).exists(), "{file}");
    }
    for chart in ["lives", "services", "pods", "resources"] {
        assert!(dir.join(format!("charts/{chart}.svg")).exists(), "{chart}");
        assert!(dir.join(format!("charts/{chart}.png")).exists(), "{chart}");
    }
}

#[test]
fn a_large_cluster_has_shares_and_waits() {
    let dir = render(&big::run(2000, 300), "large");
    for chart in ["shares", "waits"] {
        assert!(dir.join(format!("charts/{chart}.png")).exists(), "{chart}");
    }
}
