//! The forms that several kinds of vectors share: containers, statuses, resource lists.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Unsupported;
use crate::base::{Quantity, SimDuration, SimTime};
use crate::kubelet::containers::{Observed, OwnRestart};
use crate::model::status::{ContainerState, Phase};
use crate::model::strings::known;
use crate::model::{ContainerStatus, ResourceList, RestartPolicy, RestartRule, Role, StrId, Strings, Terminated};

/// "Now" of cases that tell times relative to it.
pub(super) fn now() -> SimTime {
    SimTime::default() + SimDuration::from_secs(1_000_000_000)
}

/// Upstream's fixtures let every last termination end this long ago; cases leave that out.
const SINCE_LAST_END: SimDuration = SimDuration::from_secs(10);

/// A `restartPolicy`; a fixture without one is treated as `Always` upstream.
pub(super) fn restart_policy(text: Option<&str>) -> Result<RestartPolicy, Unsupported> {
    match text {
        None | Some("" | "Always") => Ok(RestartPolicy::Always),
        Some("OnFailure") => Ok(RestartPolicy::OnFailure),
        Some("Never") => Ok(RestartPolicy::Never),
        Some(other) => Err(Unsupported(format!("restart policy `{other}`"))),
    }
}

/// A phase; one that upstream does not know counts as `Unknown`.
pub(super) fn phase(text: &str) -> Phase {
    let all = [Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed];
    all.into_iter().find(|phase| phase.text() == text).unwrap_or(Phase::Unknown)
}

#[derive(Deserialize, Clone)]
pub(super) struct ExitCodesIn {
    pub(super) operator: String,
    #[serde(default)]
    pub(super) values: Vec<i32>,
}

#[derive(Deserialize, Clone)]
pub(super) struct RuleIn {
    #[serde(rename = "exitCodes", default)]
    exit_codes: Option<ExitCodesIn>,
}

impl RuleIn {
    pub(super) fn list(rules: &[Value]) -> Result<Vec<Self>, Unsupported> {
        let parse = |rule| Self::deserialize(rule).map_err(|error| Unsupported(format!("restart rule: {error}")));
        rules.iter().map(parse).collect()
    }

    pub(super) fn build(&self) -> RestartRule {
        match &self.exit_codes {
            Some(codes) => RestartRule { not_in: codes.operator == "NotIn", exit_codes: codes.values.clone().into() },
            // A rule without exit codes is for none.
            None => RestartRule { not_in: false, exit_codes: Box::default() },
        }
    }
}

/// A container of a spec.
#[derive(Deserialize, Clone)]
pub(super) struct ContainerIn {
    pub(super) name: String,
    #[serde(default)]
    pub(super) restart_policy: Option<String>,
    #[serde(default)]
    pub(super) restart_rules: Vec<RuleIn>,
    #[serde(default)]
    pub(super) startup_probe: bool,
}

impl ContainerIn {
    pub(super) fn init_role(&self) -> Role {
        if self.restart_policy.as_deref() == Some("Always") { Role::Sidecar } else { Role::Init }
    }
}

/// The spec of a pod's containers, with what stands by reference in the rules' inputs.
pub(super) struct Spec {
    /// Init containers, then main containers.
    pub(super) containers: Vec<SpecContainer>,
}

pub(super) struct SpecContainer {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) startup_probe: bool,
    own: Option<(RestartPolicy, Vec<RestartRule>)>,
}

impl SpecContainer {
    pub(super) fn own_restart(&self) -> Option<OwnRestart<'_>> {
        self.own.as_ref().map(|(policy, rules)| OwnRestart { policy: *policy, rules })
    }
}

impl Spec {
    /// `gate`: whether containers have restart rules of their own.
    pub(super) fn new(init: &[ContainerIn], main: &[ContainerIn], gate: bool) -> Result<Self, Unsupported> {
        let own = |container: &ContainerIn, role| match container.restart_policy.as_deref() {
            Some(policy) if gate && role != Role::Sidecar => {
                let rules = container.restart_rules.iter().map(RuleIn::build).collect();
                Ok(Some((restart_policy(Some(policy))?, rules)))
            }
            _ => Ok(None),
        };
        let roles = init.iter().map(|c| (c, c.init_role())).chain(main.iter().map(|c| (c, Role::Main)));
        let containers = roles.map(|(container, role)| {
            let (name, startup_probe) = (container.name.clone(), container.startup_probe);
            Ok(SpecContainer { name, role, startup_probe, own: own(container, role)? })
        });
        Ok(Self { containers: containers.collect::<Result<_, _>>()? })
    }

    /// The containers with the first status of their name.
    pub(super) fn observe<'a>(&'a self, statuses: &'a [ContainerStatus], strings: &mut Strings) -> Vec<Observed<'a>> {
        let containers = self.containers.iter().map(|container| {
            let name = strings.intern(&container.name);
            let status = statuses.iter().find(|status| status.name == name);
            Observed { name, role: container.role, restart: container.own_restart(), status }
        });
        containers.collect()
    }
}

/// The state of a container.
#[derive(Deserialize, Clone)]
pub(super) struct StateIn {
    #[serde(default)]
    running: bool,
    #[serde(default)]
    waiting: Option<String>,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    signal: i32,
    #[serde(default)]
    reason: String,
}

impl StateIn {
    pub(super) fn build(state: Option<&Self>, strings: &mut Strings) -> ContainerState {
        match state {
            Some(Self { exit_code: Some(exit_code), signal, reason, .. }) => {
                let at = now() - SINCE_LAST_END;
                let reason = strings.intern(reason);
                let (exit_code, signal) = (*exit_code, *signal);
                ContainerState::Terminated(Terminated { exit_code, signal, reason, started_at: at, finished_at: at })
            }
            Some(Self { waiting: Some(reason), .. }) => ContainerState::Waiting { reason: strings.intern(reason) },
            Some(Self { running: true, .. }) => ContainerState::Running { started_at: now() },
            _ => ContainerState::Unset,
        }
    }
}

/// The status of a container.
#[derive(Deserialize, Clone)]
pub(super) struct StatusIn {
    name: String,
    #[serde(default)]
    state: Option<StateIn>,
    #[serde(default)]
    last_state: Option<StateIn>,
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    started: Option<bool>,
    #[serde(default)]
    restart_count: u32,
}

impl StatusIn {
    pub(super) fn build(&self, strings: &mut Strings) -> ContainerStatus {
        ContainerStatus {
            name: strings.intern(&self.name),
            state: StateIn::build(self.state.as_ref(), strings),
            last_state: StateIn::build(self.last_state.as_ref(), strings),
            ready: self.ready,
            started: self.started,
            restart_count: self.restart_count,
        }
    }

    pub(super) fn build_all(statuses: &[Self], strings: &mut Strings) -> Vec<ContainerStatus> {
        statuses.iter().map(|status| status.build(strings)).collect()
    }
}

fn state_out(state: &ContainerState, strings: &Strings) -> Option<Value> {
    let text = |id: StrId| strings.text(id).to_owned();
    match state {
        ContainerState::Unset => None,
        ContainerState::Waiting { reason } => Some(json!({"waiting": text(*reason)})),
        ContainerState::Running { .. } => Some(json!({"running": true})),
        ContainerState::Terminated(end) => {
            let mut out = Map::from_iter([("exit_code".to_owned(), json!(end.exit_code))]);
            if end.reason != known::EMPTY {
                out.insert("reason".to_owned(), json!(text(end.reason)));
            }
            if end.signal != 0 {
                out.insert("signal".to_owned(), json!(end.signal));
            }
            Some(Value::Object(out))
        }
    }
}

/// A status as vectors write it: what is false, unset or zero is left out.
pub(super) fn status_out(status: &ContainerStatus, strings: &Strings) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), json!(strings.text(status.name)));
    out.insert("state".to_owned(), state_out(&status.state, strings).unwrap_or(Value::Null));
    if let Some(last) = state_out(&status.last_state, strings) {
        out.insert("last_state".to_owned(), last);
    }
    if status.ready {
        out.insert("ready".to_owned(), json!(true));
    }
    if let Some(started) = status.started {
        out.insert("started".to_owned(), json!(started));
    }
    if status.restart_count != 0 {
        out.insert("restart_count".to_owned(), json!(status.restart_count));
    }
    Value::Object(out)
}

/// A quantity's text.
pub(super) fn quantity(text: &str) -> Result<Quantity, Unsupported> {
    Quantity::parse(text).map_err(|error| Unsupported(format!("`{text}`: {error}")))
}

/// Quantity texts by resource name.
pub(super) type ListIn = BTreeMap<String, String>;

pub(super) fn resource_list(list: &ListIn) -> Result<ResourceList, Unsupported> {
    list.iter().map(|(name, text)| Ok((name.as_str(), quantity(text)?))).collect()
}

/// A list as the expectation writes it: the same number in another notation is what was expected.
pub(super) fn resource_list_out(list: &ResourceList, expected: &Value) -> Value {
    let amounts = list.iter().map(|(name, amount)| {
        let wanted = expected.get(name).and_then(Value::as_str);
        let same = wanted.filter(|text| Quantity::parse(text).is_ok_and(|wanted| wanted == amount));
        (name.to_owned(), json!(same.map_or_else(|| amount.to_string(), str::to_owned)))
    });
    Value::Object(amounts.collect())
}
