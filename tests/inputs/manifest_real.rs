//! Real manifests load: dumps without errors, anything else with diagnostics but never a panic. The files are other
//! people's and are read where they are; without them the tests say so and pass.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use podsim::diag::{Diagnostics, Severity, Sources};
use podsim::manifest::{Objects, codes, load};
use podsim::model::Vocabulary;

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("PODSIM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let found = folder.join("data/traces/kubesbs/pods-100.yaml").exists();
    if !found {
        // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no shared data at {}", folder.display());
    }
    found.then_some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            found.push(path);
        }
    }
}

fn load_files(paths: &[PathBuf]) -> (Objects, Diagnostics, Sources, Vocabulary) {
    let mut sources = Sources::default();
    let read = |path: &PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let ids: Vec<_> = paths.iter().map(|path| sources.add(path.display().to_string(), read(path))).collect();
    let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
    let objects = load(&ids, &sources, &mut words, &mut diagnostics);
    (objects, diagnostics, sources, words)
}

#[test]
fn kubesbs_loads_without_errors() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("data/traces/kubesbs");
    for (name, nodes, pods) in [
        ("nodes-4.yaml", 4, 0),
        ("nodes-100.yaml", 100, 0),
        ("nodes-700.yaml", 700, 0),
        ("pods-4.yaml", 0, 400),
        ("pods-100.yaml", 0, 1067),
        ("pods-700.yaml", 0, 6453),
    ] {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let start = Instant::now();
        let (objects, diagnostics, sources, _) = load_files(&[path]);
        eprintln!("{name}: {} nodes, {} pods in {:?}", objects.nodes.len(), objects.pods.len(), start.elapsed());
        // Its files declare no namespaces.
        let mut others = diagnostics.sorted().into_iter().filter(|one| one.code != codes::MISSING_NAMESPACE);
        assert!(others.next().is_none(), "{}", diagnostics.render_short(&sources));
        assert_eq!((objects.nodes.len(), objects.pods.len()), (nodes, pods), "{name}");
    }
}

#[test]
fn cluster_dumps_load_without_errors() {
    let Some(shared) = shared() else { return };
    let mut paths = Vec::new();
    files(&shared.join("data/manifests/cluster-dumps"), &mut paths);
    // Beside the dumps lie objects that are to be added to them, one with a selector that misses its pods.
    paths.retain(|path| {
        path.parent().is_some_and(|folder| folder.ends_with("cluster_dump") || folder.ends_with("dump"))
    });
    let (mut pods, mut nodes) = (0, 0);
    for path in paths {
        let (objects, diagnostics, sources, _) = load_files(std::slice::from_ref(&path));
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render_short(&sources));
        pods += objects.pods.len();
        nodes += objects.nodes.len();
    }
    eprintln!("cluster-dumps: {pods} pods, {nodes} nodes");
    assert!(pods >= 32 && nodes >= 9);
}

#[test]
fn no_real_manifest_panics() {
    let Some(shared) = shared() else { return };
    let mut paths = Vec::new();
    files(&shared.join("data/manifests"), &mut paths);
    let (mut errors, mut warnings) = (0, 0);
    for path in &paths {
        let (_, diagnostics, sources, _) = load_files(std::slice::from_ref(path));
        errors += diagnostics.errors();
        warnings += diagnostics.warnings();
        let shown = diagnostics.render(&sources, false);
        assert_eq!(shown.is_empty(), diagnostics.is_empty());
        for diagnostic in &diagnostics {
            assert!(!diagnostic.message.is_empty() && !diagnostic.help.is_empty());
            if diagnostic.severity == Severity::Error && std::env::var_os("PODSIM_SHOW").is_some() {
                let (line, column) = diagnostic.span.map_or((0, 0), |span| sources.position(span));
                let code = diagnostic.code;
                eprintln!("{}:{line}:{column} {code} {} | {}", path.display(), diagnostic.message, diagnostic.help);
            }
        }
    }
    eprintln!("{} files: {errors} errors, {warnings} warnings", paths.len());
    let (objects, diagnostics, ..) = load_files(&paths);
    let (pods, services) = (objects.pods.len(), objects.services.len());
    eprintln!("all at once: {pods} pods, {services} services, {} diagnostics", diagnostics.len());
}
