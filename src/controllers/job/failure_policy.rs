//! What a Job's pod failure policy says to a failed pod.
//!
//! Mirrors pkg/controller/job/pod_failure_policy.go, v1.34 (spec 8.5).

use crate::base::broken;
use crate::model::objects::{PodFailureAction, PodFailureMatch, PodFailureRule};
use crate::model::{ContainerStatus, StrId, Strings};

/// The first rule that matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Its place in the policy.
    pub rule: usize,
    /// What it does.
    pub action: PodFailureAction,
    /// What it matched.
    pub evidence: Evidence,
}

/// What a rule matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// A container that ended.
    ExitCode {
        /// Its name.
        container: StrId,
        /// Its exit code.
        code: i32,
    },
    /// A condition of this type.
    Condition(StrId),
}

impl Verdict {
    /// Why the Job failed. `pod` is namespace and name.
    #[must_use]
    pub fn message(&self, pod: (&str, &str), strings: &Strings) -> String {
        let (namespace, name) = pod;
        let at = format!("matching FailJob rule at index {}", self.rule);
        match self.evidence {
            Evidence::ExitCode { container, code } => {
                let container = strings.text(container);
                format!("Container {container} for pod {namespace}/{name} failed with exit code {code} {at}")
            }
            Evidence::Condition(kind) => {
                format!("Pod {namespace}/{name} has condition {} {at}", strings.text(kind))
            }
        }
    }
}

/// Whether a failure is counted: unless a rule says to ignore it.
#[must_use]
pub fn counts(verdict: Option<&Verdict>) -> bool {
    verdict.is_none_or(|verdict| verdict.action != PodFailureAction::Ignore)
}

/// What the policy says to a failed pod with these main containers, init containers and conditions (types and statuses).
#[must_use]
pub fn judge(
    rules: &[PodFailureRule],
    containers: &[ContainerStatus],
    init: &[ContainerStatus],
    conditions: &[(StrId, StrId)],
) -> Option<Verdict> {
    let rules = broken!("pod failure policy", rules, &rules[..0]);
    rules.iter().enumerate().find_map(|(at, rule)| {
        let evidence = match &rule.when {
            PodFailureMatch::ExitCodes { container, not_in, values } => {
                let ended = |status: &ContainerStatus| {
                    let code = status.state.terminated()?.exit_code;
                    let asked = container.is_none_or(|name| name == status.name);
                    let hit = asked && code != 0 && values.contains(&code) != *not_in;
                    hit.then_some(Evidence::ExitCode { container: status.name, code })
                };
                containers.iter().chain(init).find_map(ended)?
            }
            PodFailureMatch::Conditions(patterns) => {
                let known = conditions.iter().find(|condition| patterns.contains(condition));
                Evidence::Condition(known?.0)
            }
        };
        Some(Verdict { rule: at, action: rule.action, evidence })
    })
}
