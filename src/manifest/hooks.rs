//! What a container does when it starts, stops or ends: lifecycle hooks, and a restart policy of its own. Mirrors
//! validateLifecycle, validateSleepAction and validateContainerRestartPolicy of
//! pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::probe::{Handler, NamedPort, handler};
use super::schema;
use crate::model::{Hook, OwnRestartPolicy, ResizeRestarts, RestartPolicy, RestartRule, Role};

/// At most so many restart rules.
const MAX_RULES: usize = 20;
/// At most so many exit codes in a rule.
const MAX_EXIT_CODES: usize = 255;

/// `postStart` and `preStop` of a container; no hook may sleep longer than the pod's grace period.
pub(super) fn lifecycle(
    cx: &mut Context<'_>,
    container: &Fields<'_, '_>,
    ports: &[NamedPort<'_>],
    grace_seconds: i64,
) -> [Option<Hook>; 2] {
    let Some(entry) = container.get("lifecycle") else { return [None; 2] };
    let path = container.path.field("lifecycle");
    let example = "write `preStop:` and under it `sleep: {seconds: 5}`";
    let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, &schema::LIFECYCLE, example) else {
        return [None; 2];
    };
    ["postStart", "preStop"].map(|name| hook(cx, &fields, name, ports, grace_seconds))
}

fn hook(
    cx: &mut Context<'_>,
    lifecycle: &Fields<'_, '_>,
    name: &'static str,
    ports: &[NamedPort<'_>],
    grace_seconds: i64,
) -> Option<Hook> {
    let entry = lifecycle.get(name)?;
    let path = lifecycle.path.field(name);
    let example = "write `sleep: {seconds: 5}` or `exec: {command: [...]}` under it";
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::LIFECYCLE_HANDLER, example)?;
    match handler(cx, &fields, entry, &path, ports, &["exec", "httpGet", "tcpSocket", "sleep"])? {
        Handler::Exec => Some(Hook::Exec),
        Handler::Http(port) => Some(Hook::Http(port)),
        Handler::Tcp(_) => Some(Hook::Tcp),
        Handler::Sleep(seconds) if (0..=grace_seconds).contains(&seconds) => {
            Some(Hook::Sleep(u32::try_from(seconds).unwrap_or(u32::MAX)))
        }
        Handler::Sleep(seconds) => {
            let text = format!(
                "Invalid value: {seconds}: must be non-negative and less than terminationGracePeriodSeconds \
                 ({grace_seconds})"
            );
            let help = "a hook has the pod's grace period and no more: write fewer seconds, or raise the grace period";
            let at = fields.get("sleep").map_or(entry.key_at, |sleep| sleep.value.at);
            cx.invalid(codes::OUT_OF_RANGE, at, &path.field("sleep"), &text, "out of range", help);
            None
        }
    }
}

/// `resizePolicy`: for which resources an in-place resize restarts the container.
pub(super) fn resize_policy(cx: &mut Context<'_>, container: &Fields<'_, '_>, path: &Path<'_>) -> ResizeRestarts {
    let list_path = path.field("resizePolicy");
    let mut restarts = ResizeRestarts::default();
    for (index, node) in container.list(cx, "resizePolicy", "v1.ContainerResizePolicy").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- resourceName: memory` and under it `restartPolicy: RestartContainer`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::RESIZE_POLICY, example) else { continue };
        let is_cpu = cx.choice(&fields, "resourceName", &[("cpu", true), ("memory", false)]);
        let restart = cx.choice(&fields, "restartPolicy", &[("NotRequired", false), ("RestartContainer", true)]);
        for name in ["resourceName", "restartPolicy"] {
            if fields.get(name).is_none() {
                let help = format!("add `{name}:`; {example}");
                cx.invalid(codes::REQUIRED, fields.at(name), &path.field(name), "Required value", "missing", &help);
            }
        }
        match is_cpu {
            Some(true) => restarts.cpu = restart == Some(true),
            Some(false) => restarts.memory = restart == Some(true),
            None => {}
        }
    }
    restarts
}

/// The part a container plays, and its own restart policy where the gate `ContainerRestartRules` is on. Without the gate
/// only sidecars have one; the API server drops the rest.
pub(super) fn restart(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    path: &Path<'_>,
    is_init: bool,
) -> (Role, Option<Box<OwnRestartPolicy>>) {
    if cx.words.container_restart_rules {
        return own_restart(cx, fields, path, is_init);
    }
    if fields.get("restartPolicyRules").is_some() {
        cx.ignore(&path.field("restartPolicyRules"));
    }
    let role = match (is_init, fields.text(cx, "restartPolicy")) {
        (true, Some("Always")) => Role::Sidecar,
        (true, Some(_)) => {
            cx.ignore(&path.field("restartPolicy"));
            Role::Init
        }
        (true, None) => Role::Init,
        (false, None) => Role::Main,
        (false, Some(_)) => {
            let message = format!("{}: ignored", path.field("restartPolicy"));
            let help = "one restartPolicy holds for the whole pod: put it under `spec:`, beside `containers:` \
                        (the feature ContainerRestartRules is off in v1.34)";
            cx.warn(codes::MISPLACED_FIELD, fields.at("restartPolicy"), &message, "has no effect here", help);
            cx.ignore(&path.field("restartPolicy"));
            Role::Main
        }
    };
    (role, None)
}

fn own_restart(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    path: &Path<'_>,
    is_init: bool,
) -> (Role, Option<Box<OwnRestartPolicy>>) {
    let words =
        [("Always", RestartPolicy::Always), ("OnFailure", RestartPolicy::OnFailure), ("Never", RestartPolicy::Never)];
    let policy = cx.choice(fields, "restartPolicy", &words);
    let rules = rules(cx, fields, path);
    if !rules.is_empty() && fields.get("restartPolicy").is_none() {
        let text = "Required value: must specify restartPolicy when restart rules are used";
        let help = "say what happens when no rule fits: add `restartPolicy: Never` beside the rules";
        let at = fields.at("restartPolicyRules");
        cx.invalid(codes::REQUIRED, at, &path.field("restartPolicy"), text, "`restartPolicy` is missing", help);
    }
    let role = match (is_init, policy) {
        (true, Some(RestartPolicy::Always)) => Role::Sidecar,
        (true, _) => Role::Init,
        (false, _) => Role::Main,
    };
    (role, policy.map(|policy| Box::new(OwnRestartPolicy { policy, rules: rules.into() })))
}

fn rules(cx: &mut Context<'_>, container: &Fields<'_, '_>, path: &Path<'_>) -> Vec<RestartRule> {
    let list_path = path.field("restartPolicyRules");
    let items = container.list(cx, "restartPolicyRules", "v1.ContainerRestartRule");
    if items.len() > MAX_RULES {
        let text = format!("Too many: {}: must have at most {MAX_RULES} items", items.len());
        let at = container.at("restartPolicyRules");
        cx.invalid(codes::OUT_OF_RANGE, at, &list_path, &text, "too many", "put more exit codes into one rule");
    }
    let mut rules = Vec::new();
    for (index, node) in items.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- action: Restart` and under it `exitCodes: {operator: In, values: [42]}`";
        let Some(rule) = cx.fields(node, node.anchor(), &path, &schema::RESTART_RULE, example) else { continue };
        if cx.choice(&rule, "action", &[("Restart", ())]).is_none() && rule.get("action").is_none() {
            let text = "Unsupported value: \"\": supported values: \"Restart\"";
            let at = rule.at("action");
            cx.invalid(codes::UNSUPPORTED, at, &path.field("action"), text, "missing", "add `action: Restart`");
        }
        let codes_path = path.field("exitCodes");
        let Some(entry) = rule.get("exitCodes") else {
            let (text, help) = ("Required value: must be specified", "add `exitCodes: {operator: In, values: [42]}`");
            cx.invalid(codes::REQUIRED, rule.at("exitCodes"), &codes_path, text, "`exitCodes` is missing", help);
            continue;
        };
        let Some(fields) = cx.fields(&entry.value, entry.key_at, &codes_path, &schema::EXIT_CODES, "") else {
            continue;
        };
        let not_in = cx.choice(&fields, "operator", &[("In", false), ("NotIn", true)]);
        if fields.get("operator").is_none() {
            let text = "Unsupported value: \"\": supported values: \"In\", \"NotIn\"";
            let at = fields.at("operator");
            cx.invalid(codes::UNSUPPORTED, at, &codes_path.field("operator"), text, "missing", "add `operator: In`");
        }
        let values_path = codes_path.field("values");
        let values = fields.list(cx, "values", "int32");
        if values.len() > MAX_EXIT_CODES {
            let text = format!("Too many: {}: must have at most {MAX_EXIT_CODES} items", values.len());
            let help = "list the others instead, with `operator: NotIn`";
            cx.invalid(codes::OUT_OF_RANGE, fields.at("values"), &values_path, &text, "too many", help);
        }
        let exit_codes = values.iter().enumerate().filter_map(|(at, value)| {
            let code = cx.integer(value, &values_path.index(at), "ContainerRestartRuleOnExitCodes", "int32")?;
            i32::try_from(code).ok()
        });
        rules.push(RestartRule { exit_codes: exit_codes.collect(), not_in: not_in.unwrap_or(false) });
    }
    rules
}
