//! `podsim get KIND SCENARIO [NAME]... --at TIME`: objects as `kubectl get` lists them.

use super::Exit;
use super::args::{GetArgs, Output};
use super::at::stop;
use super::kubectl::table::align;
use super::kubectl::{Item, Kind, Query, View, list_object, yaml};
use super::terminal::Terminal;

/// Columns of kubectl's tables are at least so wide, and so far apart.
const LEAST: usize = 6;
const PADDING: usize = 3;

pub(super) fn run(args: &GetArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let stop = match stop(&args.at, terminal) {
        Ok(stop) => stop,
        Err(exit) => return Ok(exit),
    };
    let (view, query) = (View::new(&stop.simulation, stop.now, &stop.written), &stop.query);
    if stop.kinds.contains(&Kind::Endpoints) {
        terminal.note("Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    }
    if stop.kinds.len() > 1 {
        return several(args, terminal, &view, query, &stop.kinds);
    }
    let items = view.list(query);
    let missing = missing(query, &items);
    terminal.print(text(args, &view, query, &items).as_bytes())?;
    for name in &missing {
        terminal.say(&not_found(query, name));
    }
    let structured = matches!(args.output, Some(Output::Yaml | Output::Json));
    if items.is_empty() && missing.is_empty() && !structured {
        terminal.note(&match &query.namespace {
            Some(namespace) if query.kind.is_namespaced() => format!("No resources found in {namespace} namespace."),
            _ => "No resources found".to_owned(),
        });
    }
    Ok(if missing.is_empty() { Exit::Success } else { Exit::ExpectationFailed })
}

/// Objects of several kinds: tables with a line between, each object called by its kind as well; or one list.
fn several(
    args: &GetArgs,
    terminal: &Terminal,
    view: &View<'_>,
    query: &Query,
    kinds: &[Kind],
) -> anyhow::Result<Exit> {
    let (mut tables, mut objects, mut lacking) = (Vec::new(), Vec::new(), Vec::new());
    for &kind in kinds {
        let query = Query { kind, ..query.clone() };
        let mut items = view.list(&query);
        lacking.extend(missing(&query, &items).into_iter().map(|name| not_found(&query, name)));
        if matches!(args.output, Some(Output::Yaml | Output::Json)) {
            objects.extend(items.iter().map(|item| view.object(kind, item)));
            continue;
        }
        // Events have no name in their table.
        if args.output != Some(Output::Name) && kind.columns()[0].0 == "NAME" {
            items.iter_mut().for_each(|item| item.cells[0] = format!("{}/{}", singular(kind), item.cells[0]));
        }
        tables.push(text(args, view, &query, &items));
    }
    tables.retain(|table| !table.is_empty());
    let all = || list_object(objects.clone());
    let shown = match args.output {
        Some(Output::Yaml) => yaml::yaml(&all()),
        Some(Output::Json) => yaml::json(&all()),
        Some(Output::Name) => tables.concat(),
        Some(Output::Wide) | None => tables.join("\n"),
    };
    terminal.print(shown.as_bytes())?;
    if shown.is_empty() && lacking.is_empty() {
        terminal.note("No resources found");
    }
    for text in &lacking {
        terminal.say(text);
    }
    Ok(if lacking.is_empty() { Exit::Success } else { Exit::ExpectationFailed })
}

/// What an object of the kind is called by, with the group if there is one: `deployment.apps`.
fn singular(kind: Kind) -> String {
    let resource = kind.resource();
    let (plural, group) = resource.split_once('.').map_or((resource, ""), |(plural, group)| (plural, group));
    let singular = if plural == "endpoints" { plural } else { plural.trim_end_matches('s') };
    if group.is_empty() { singular.to_owned() } else { format!("{singular}.{group}") }
}

/// Names that nothing has.
pub(super) fn missing<'q>(query: &'q Query, items: &[Item]) -> Vec<&'q String> {
    query.names.iter().filter(|name| items.iter().all(|item| item.name != **name)).collect()
}

pub(super) fn not_found(query: &Query, name: &str) -> String {
    format!("Error from server (NotFound): {} \"{name}\" not found", query.kind.resource())
}

fn text(args: &GetArgs, view: &View<'_>, query: &Query, items: &[Item]) -> String {
    let objects = || items.iter().map(|item| view.object(query.kind, item)).collect::<Vec<_>>();
    // One object that was asked for by its name stands alone.
    let whole = || match (query.names.as_slice(), objects().as_slice()) {
        ([_], [one]) => one.clone(),
        (_, all) => list_object(all.to_vec()),
    };
    match args.output {
        Some(Output::Name) => {
            let singular = singular(query.kind);
            items.iter().map(|item| format!("{singular}/{}\n", item.name)).collect()
        }
        Some(Output::Yaml | Output::Json) if items.is_empty() && !query.names.is_empty() => String::new(),
        Some(Output::Yaml) => yaml::yaml(&whole()),
        Some(Output::Json) => yaml::json(&whole()),
        Some(Output::Wide) | None => table(args, query, items),
    }
}

fn table(args: &GetArgs, query: &Query, items: &[Item]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let wide = args.output == Some(Output::Wide);
    let shown: Vec<(usize, &str)> = query
        .kind
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, (_, only_wide))| wide || !only_wide)
        .map(|(at, (title, _))| (at, *title))
        .collect();
    let namespaces = query.namespace.is_none() && query.kind.is_namespaced();
    let mut out = String::new();
    let mut line = |cells: Vec<String>| {
        out.push_str(&cells.join("\t"));
        out.push('\n');
    };
    if !args.no_headers {
        let mut titles: Vec<String> = shown.iter().map(|(_, title)| (*title).to_owned()).collect();
        if namespaces {
            titles.insert(0, "NAMESPACE".to_owned());
        }
        if args.show_labels {
            titles.push("LABELS".to_owned());
        }
        line(titles);
    }
    for item in items {
        // A cell is one line: what a text has more is cut.
        let cell = |at: usize| match item.cells[at].split_once(['\n', '\r']) {
            Some((first, _)) => format!("{first}..."),
            None => item.cells[at].replace('\t', " "),
        };
        let mut cells: Vec<String> = shown.iter().map(|&(at, _)| cell(at)).collect();
        if namespaces {
            cells.insert(0, item.namespace.clone());
        }
        if args.show_labels {
            let labels: Vec<String> = item.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            cells.push(if labels.is_empty() { "<none>".to_owned() } else { labels.join(",") });
        }
        line(cells);
    }
    align(&out, LEAST, PADDING)
}
