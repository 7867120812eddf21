//! Probes of a container: defaults, checks, port names. Mirrors validateProbe of pkg/apis/core/validation/validation.go
//! and SetDefaults_Probe of pkg/apis/core/v1/defaults.go, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::names;
use super::schema;
use super::tree::{Entry, Meaning, Value, meaning};
use crate::diag::did_you_mean;
use crate::model::names::go_quote;
use crate::model::{Probe, ProbeAction};

/// A declared port of the container: name and number.
pub(super) type NamedPort<'t> = (&'t str, u16);

/// Which probe it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// `startupProbe`.
    Startup,
    /// `readinessProbe`.
    Readiness,
    /// `livenessProbe`.
    Liveness,
}

impl Which {
    /// The field's name.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Startup => "startupProbe",
            Self::Readiness => "readinessProbe",
            Self::Liveness => "livenessProbe",
        }
    }
}

/// Reads one probe of a container.
pub(super) fn probe(
    cx: &mut Context<'_>,
    container: &Fields<'_, '_>,
    which: Which,
    ports: &[NamedPort<'_>],
) -> Option<Probe> {
    let entry = container.get(which.field())?;
    let path = container.path.field(which.field());
    let example = "write `httpGet: {path: /healthz, port: 8080}` under it";
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::PROBE, example)?;
    let action = handler(cx, &fields, entry, &path, ports, &["exec", "httpGet", "tcpSocket", "grpc"]);
    let initial_delay_seconds = number(cx, &fields, "initialDelaySeconds", 0);
    let timeout_seconds = number(cx, &fields, "timeoutSeconds", 1);
    let period_seconds = number(cx, &fields, "periodSeconds", 10);
    let success_threshold = number(cx, &fields, "successThreshold", 1);
    let failure_threshold = number(cx, &fields, "failureThreshold", 3);
    if which != Which::Readiness && success_threshold != 1 {
        let text = format!("Invalid value: {success_threshold}: must be 1");
        let help = "one success is enough for liveness and startup probes: write 1 or remove the line";
        cx.invalid(
            codes::OUT_OF_RANGE,
            fields.at("successThreshold"),
            &path.field("successThreshold"),
            &text,
            "",
            help,
        );
    }
    let grace = fields.integer(cx, "terminationGracePeriodSeconds", "int64");
    if let Some(seconds) = grace {
        let at = fields.at("terminationGracePeriodSeconds");
        let path = path.field("terminationGracePeriodSeconds");
        if which == Which::Readiness {
            let text = format!("Invalid value: {seconds}: must not be set for readinessProbes");
            cx.invalid(
                codes::FORBIDDEN,
                at,
                &path,
                &text,
                "",
                "a failed readiness probe stops nothing: remove the line",
            );
        } else if seconds <= 0 {
            let text = format!("Invalid value: {seconds}: must be greater than 0");
            cx.invalid(codes::OUT_OF_RANGE, at, &path, &text, "", "write the number of seconds, at least 1");
        }
    }
    Some(Probe {
        action: match action? {
            Handler::Http(port) => ProbeAction::Http(port),
            Handler::Tcp(port) => ProbeAction::Tcp(port),
            Handler::Exec | Handler::Sleep(_) => ProbeAction::Exec,
        },
        initial_delay_seconds,
        period_seconds,
        timeout_seconds,
        success_threshold,
        failure_threshold,
        grace_period_seconds: grace,
    })
}

/// A number that must not be negative; 0 is the default.
fn number(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str, default: i32) -> i32 {
    let value = fields.integer(cx, name, "int32").unwrap_or(0);
    if value < 0 {
        let text = format!("Invalid value: {value}: must be greater than or equal to 0");
        let help = format!("write a number of at least 0, or remove the line (default {default})");
        cx.invalid(codes::OUT_OF_RANGE, fields.at(name), &fields.path.field(name), &text, "below zero", &help);
    }
    match i32::try_from(value) {
        Ok(value) if value > 0 => value,
        _ => default,
    }
}

/// What a probe or a hook does.
pub(super) enum Handler {
    /// Runs a command.
    Exec,
    /// Asks a port by HTTP (or gRPC).
    Http(u16),
    /// Connects to a port.
    Tcp(u16),
    /// Waits for so many seconds.
    Sleep(i64),
}

/// The one handler of a probe or hook, of those that it may have.
pub(super) fn handler(
    cx: &mut Context<'_>,
    owner: &Fields<'_, '_>,
    entry: &Entry<'_>,
    path: &Path<'_>,
    ports: &[NamedPort<'_>],
    names: &[&'static str],
) -> Option<Handler> {
    let mut first: Option<&'static str> = None;
    let mut result = None;
    for &name in names {
        let Some(given) = owner.get(name) else { continue };
        let inner = path.field(name);
        if let Some(other) = first {
            let text = "Forbidden: may not specify more than 1 handler type";
            let help = format!("only one of them can be done: remove `{name}` or `{other}`");
            cx.invalid(codes::BAD_PROBE, given.key_at, &inner, text, "second action", &help);
        }
        first = Some(name);
        let schema = match name {
            "exec" => &schema::EXEC,
            "httpGet" => &schema::HTTP_GET,
            "tcpSocket" => &schema::TCP_SOCKET,
            "sleep" => &schema::SLEEP,
            _ => &schema::GRPC,
        };
        let Some(fields) = cx.fields(&given.value, given.key_at, &inner, schema, "") else { continue };
        result = match name {
            "exec" => {
                if fields.list(cx, "command", "string").is_empty() {
                    let help = "say what to run: add `command: [cat, /tmp/healthy]`";
                    let at = fields.at("command");
                    cx.invalid(codes::REQUIRED, at, &inner.field("command"), "Required value", "runs nothing", help);
                }
                Some(Handler::Exec)
            }
            "httpGet" => {
                if fields.get("scheme").is_some() {
                    cx.choice(&fields, "scheme", &[("HTTP", ()), ("HTTPS", ())]);
                    cx.ignore(&inner.field("scheme"));
                }
                port(cx, &fields, ports).map(Handler::Http)
            }
            "tcpSocket" => port(cx, &fields, ports).map(Handler::Tcp),
            "sleep" => Some(Handler::Sleep(fields.integer(cx, "seconds", "int64").unwrap_or(0))),
            _ => port(cx, &fields, ports).map(Handler::Http),
        };
    }
    if first.is_none() {
        let text = "Required value: must specify a handler type";
        let help =
            format!("say what to do: add `httpGet: {{path: /healthz, port: 8080}}` or one of {}", names.join(", "));
        cx.invalid(codes::BAD_PROBE, entry.key_at, path, text, "does nothing", &help);
    }
    result
}

/// A port number, or a name that one of the container's ports has.
fn port(cx: &mut Context<'_>, fields: &Fields<'_, '_>, ports: &[NamedPort<'_>]) -> Option<u16> {
    let path = fields.path.field("port");
    let Some(entry) = fields.get("port") else {
        let text = "Required value";
        cx.invalid(codes::REQUIRED, fields.at("port"), &path, text, "`port` is missing", "add `port: 8080`");
        return None;
    };
    let node = &entry.value;
    if let Value::Plain(text) = &node.value
        && let Meaning::Integer(number) = meaning(text)
    {
        return super::container::check_port(cx, number, node.at, &path);
    }
    let name = cx.text(node, &path, "HTTPGetAction", "intstr.IntOrString")?;
    if let Some(&(_, number)) = ports.iter().find(|(other, _)| *other == name) {
        return Some(number);
    }
    if let Ok(number) = name.parse::<u16>() {
        let text = format!("Invalid value: {}: must contain at least one letter (a-z)", go_quote(name));
        let help = format!("in quotes it is a name; write the number without quotes: {number}");
        cx.invalid(codes::BAD_PORT_NAME, node.at, &path, &text, "a name, not a number", &help);
        return None;
    }
    let reasons = names::port_name_errors(name);
    if !reasons.is_empty() {
        let help = "port names have at most 15 lower case letters, digits and `-`, and at least one letter";
        cx.invalid_text(codes::BAD_PORT_NAME, node.at, &path, name, reasons, help);
        return None;
    }
    let known: Vec<&str> = ports.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
    let help = match did_you_mean(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => {
            format!(
                "the container's ports have no names: add `ports: [{{name: {name}, containerPort: 8080}}]`, or write a number"
            )
        }
        None => format!("the container's ports are called {}: use one of them, or a number", known.join(", ")),
    };
    let message = format!("{path}: couldn't find port: {}", go_quote(name));
    cx.error(codes::UNKNOWN_PROBE_PORT, node.at, &message, "no port of this container has that name", &help);
    None
}
