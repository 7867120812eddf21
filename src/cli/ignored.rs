//! What was read but is not modelled, in a few lines: what an API server writes into every object is only counted.

/// Fields of `metadata` that API servers fill in.
const METADATA: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Whether an API server, a controller or a kubelet wrote it, not the user: `Pod: status`.
fn is_written_by_servers(path: &str) -> bool {
    let field = path.split_once(": ").map_or(path, |(_, field)| field);
    let of_metadata = field.strip_prefix("metadata.").is_some_and(|name| METADATA.contains(&name));
    of_metadata || field == "status" || field.starts_with("status.")
}

/// One line for each field, and one for all those that no user writes, unless `all` are wanted.
pub(super) fn lines(ignored: &[(String, u32)], all: bool) -> Vec<String> {
    let (servers, users): (Vec<_>, Vec<_>) = ignored.iter().partition(|(path, _)| !all && is_written_by_servers(path));
    let mut lines: Vec<String> =
        users.iter().map(|(path, count)| format!("  not modelled: {path} ({count} times)")).collect();
    if !servers.is_empty() {
        let times: u32 = servers.iter().map(|(_, count)| count).sum();
        let fields = if servers.len() == 1 { "field" } else { "fields" };
        lines.push(format!(
            "  not modelled: {} {fields} that the API server writes ({times} times; -v lists them)",
            servers.len()
        ));
    }
    lines
}

/// One line for all fields together, unless `all` are wanted: for commands in which they are beside the point.
pub(super) fn in_short(ignored: &[(String, u32)], all: bool) -> Vec<String> {
    if all || ignored.is_empty() {
        return lines(ignored, all);
    }
    let (users, servers) =
        ignored.iter().fold((0, 0), |(users, servers), (path, count)| match is_written_by_servers(path) {
            true => (users, servers + count),
            false => (users + count, servers),
        });
    let fields = if ignored.len() == 1 { "field" } else { "fields" };
    let counts = format!("{users} times, and {servers} times as API servers write them");
    vec![format!("not modelled: {} {fields} ({counts}; -v lists them)", ignored.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_write_is_one_line() {
        let ignored = [("Node: metadata.uid", 2), ("Node: status.images", 2), ("Pod: spec.os", 3), ("Pod: status", 5)];
        let ignored = ignored.map(|(path, count)| (path.to_owned(), count));
        let want = [
            "  not modelled: Pod: spec.os (3 times)",
            "  not modelled: 3 fields that the API server writes (9 times; -v lists them)",
        ];
        assert_eq!(lines(&ignored, false), want);
        assert_eq!(lines(&ignored, true).len(), 4);
        assert_eq!(in_short(&ignored, true).len(), 4);
        let want = "not modelled: 4 fields (3 times, and 9 times as API servers write them; -v lists them)";
        assert_eq!(in_short(&ignored, false), [want]);
        assert!(!is_written_by_servers("Pod: spec.statusPage") && !is_written_by_servers("Pod: metadata.finalizers"));
    }
}
