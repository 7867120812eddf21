//! Helm charts among the files: their templates are no manifests, and one message for a chart is enough. Knows paths and texts,
//! no YAML.

use std::collections::BTreeMap;

use super::codes;
use crate::diag::{Diagnostics, SourceId, Sources, Span};

/// What only templates of Helm have.
const SIGNS: &[&str] = &[".Values", ".Release", ".Chart", ".Capabilities", "include \"", "template \"", "define \""];

/// Takes the files of charts out and reports each chart once: those below a folder with a `Chart.yaml`, and those in a folder
/// `templates` that have templates in them.
pub(super) fn leave_out(files: &[SourceId], sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<SourceId> {
    let name = |file: SourceId| sources.get(file).name.as_str();
    let mut charts: BTreeMap<&str, Vec<SourceId>> = BTreeMap::new();
    for &file in files {
        let root = match name(file).rsplit_once('/') {
            Some((folder, "Chart.yaml" | "Chart.yml")) => Some(folder),
            _ if is_template(&sources.get(file).text) => name(file).rfind("/templates/").map(|at| &name(file)[..at]),
            _ => None,
        };
        if let Some(root) = root {
            charts.entry(root).or_default();
        }
    }
    let mut others = Vec::new();
    for &file in files {
        let is_below = |root: &&str| name(file).strip_prefix(*root).is_some_and(|rest| rest.starts_with('/'));
        match charts.keys().copied().find(is_below) {
            Some(root) => charts.entry(root).or_default().push(file),
            None => others.push(file),
        }
    }
    for (root, files) in charts {
        let first = files.iter().find(|file| is_template(&sources.get(**file).text)).or(files.first());
        let span = first.map(|&source| {
            let start = sources.get(source).text.find("{{").unwrap_or(0);
            Span { source, start, end: start + 2 }
        });
        let (count, word) = (files.len(), if files.len() == 1 { "file" } else { "files" });
        let message = format!("`{root}` is a Helm chart ({count} {word}): these are templates, not manifests");
        let help = format!(
            "render it first: `helm template {root} > rendered.yaml`, and give rendered.yaml instead of the chart"
        );
        diagnostics.error(codes::TEMPLATE, span, message, "to be filled in by Helm", help);
    }
    others
}

fn is_template(text: &str) -> bool {
    text.match_indices("{{").any(|(at, _)| {
        let inner = &text[at..];
        let inner = inner.find("}}").map_or("", |end| &inner[..end]);
        SIGNS.iter().any(|sign| inner.contains(sign))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_one_mistake_and_its_files_are_left_out() {
        let mut sources = Sources::default();
        let files = [
            sources.add("a/chart/Chart.yaml", "name: chart\n"),
            sources.add("a/chart/values.yaml", "x: 1\n"),
            sources.add("a/chart/templates/web.yaml", "kind: Pod\nmetadata:\n  name: {{ .Values.name }}\n"),
            sources.add("a/charted.yaml", "kind: Pod\n"),
            sources.add("b/templates/x.yaml", "x: {{ include \"name\" . }}\n"),
            sources.add("b/templates/y.yaml", "{{- if .Values.y }}\n{{- end }}\n"),
            sources.add("c/templates/rule.yaml", "x: '{{ $labels.pod }}'\n"),
        ];
        let mut diagnostics = Diagnostics::default();
        assert_eq!(leave_out(&files, &sources, &mut diagnostics), [files[3], files[6]]);
        let said: Vec<_> = diagnostics.iter().map(|one| (one.message.as_str(), one.span.map(|s| s.source))).collect();
        assert_eq!(
            said[0],
            ("`a/chart` is a Helm chart (3 files): these are templates, not manifests", Some(files[2]))
        );
        assert_eq!(said[1].0, "`b` is a Helm chart (2 files): these are templates, not manifests");
    }
}
