//! `statefulset_sync.json`: [`sync`](crate::controllers::stateful_set::sync).

use serde::Deserialize;
use serde_json::{Value, json};

use super::int_or_percent::build;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::controllers::stateful_set::roster::Roster;
use crate::controllers::stateful_set::sync::{self as rules, Action, Member, Set};
use crate::model::objects::StatefulSetSpec;
use crate::model::status::Phase;
use crate::model::{CompiledSelector, IntOrPercent, TemplateId};

/// The template before and after the change.
const CURRENT: u64 = 1;
const UPDATE: u64 = 2;

#[derive(Deserialize)]
struct Sync {
    replicas: i32,
    #[serde(default)]
    start_ordinal: i32,
    pod_management: String,
    strategy: String,
    partition: Option<i32>,
    max_unavailable: Option<Value>,
    #[serde(default)]
    min_ready_s: i32,
    #[serde(default)]
    template_changed: bool,
    pods: Vec<PodIn>,
}

#[derive(Deserialize)]
struct PodIn {
    ordinal: i32,
    revision: String,
    state: String,
}

impl PodIn {
    fn build(&self, min_ready_s: i32, update: u64) -> Result<Member, Unsupported> {
        let (phase, ready, terminating) = match self.state.as_str() {
            "pending" => (Phase::Pending, false, false),
            "running_ready" => (Phase::Running, true, false),
            "running_not_ready" => (Phase::Running, false, false),
            "terminating" => (Phase::Running, true, true),
            "failed" => (Phase::Failed, false, false),
            "succeeded" => (Phase::Succeeded, false, false),
            other => return Err(Unsupported(format!("state `{other}`"))),
        };
        let revision = if self.revision == "update" { update } else { CURRENT };
        // The fixture's pods are ready since now.
        Ok(Member { ordinal: self.ordinal, revision, phase, ready, available: ready && min_ready_s == 0, terminating })
    }
}

#[derive(Deserialize)]
struct Limit {
    max_unavailable: Value,
    replicas: i32,
}

pub(super) fn answer(case: &Case) -> Checked {
    match case.kind.as_str() {
        "max_unavailable" => {
            let Limit { max_unavailable, replicas } = case.input()?;
            let limit = match max_unavailable {
                // Upstream's default.
                Value::Null => IntOrPercent::Int(1),
                value => build(&value)?,
            };
            Ok(Answer::Complete(match rules::max_unavailable(&limit, replicas) {
                Ok(value) => json!({"value": value}),
                Err(_) => json!({"error": true}),
            }))
        }
        "one_sync" => one_sync(&case.input()?),
        _ => unknown_kind(case),
    }
}

fn one_sync(input: &Sync) -> Checked {
    let update = if input.template_changed { UPDATE } else { CURRENT };
    let members: Result<Vec<Member>, Unsupported> =
        input.pods.iter().map(|pod| pod.build(input.min_ready_s, update)).collect();
    let parallel = input.pod_management == "Parallel";
    let spec = StatefulSetSpec {
        replicas: input.replicas,
        selector: CompiledSelector::of_pairs(&[]),
        template: TemplateId::from_raw(0),
        template_hash: update,
        ordinals_start: input.start_ordinal,
        parallel,
        on_delete: input.strategy == "OnDelete",
        partition: input.partition,
        max_unavailable: input.max_unavailable.as_ref().filter(|value| !value.is_null()).map(build).transpose()?,
        min_ready_seconds: input.min_ready_s,
        revision_history_limit: 10,
        claims: Box::default(),
        delete_claims_when_deleted: false,
        delete_claims_when_scaled: false,
    };
    let members = members?;
    let current_replicas = i32::try_from(members.iter().filter(|pod| pod.revision == CURRENT).count()).unwrap_or(0);
    let set =
        Set { spec: &spec, current_revision: CURRENT, update_revision: update, current_replicas, deleting: false };
    let mut actions = Vec::new();
    let roster = Roster::of(&set, members.into_iter().enumerate());
    let (status, result) = rules::sync(&set, &roster, |action| {
        actions.extend(match action {
            Action::Create { ordinal, revision } => {
                let revision = if revision == CURRENT { "current" } else { "update" };
                Some(format!("create:web-{ordinal}:{revision}"))
            }
            Action::Delete { ordinal } => Some(format!("delete:web-{ordinal}")),
            Action::CreateClaims { .. } => None,
        });
        Ok::<(), ()>(())
    });
    if parallel {
        actions.sort_unstable();
    }
    Ok(Answer::Complete(json!({
        "actions": actions,
        "error": result.err().map(|()| true),
        "status": {
            "replicas": status.replicas,
            "ready": status.ready_replicas,
            "available": status.available_replicas,
            "current": status.current_replicas,
            "updated": status.updated_replicas,
        },
    })))
}
