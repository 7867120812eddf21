//! `deployment_rolling.json` and `deployment_progress.json`: [`rolling`](crate::controllers::deployment::rolling),
//! [`scaling`] and [`progress`](crate::controllers::deployment::progress).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::int_or_percent::build;
use super::vector::now;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::controllers::deployment::progress::{self as rules, Deadline};
use crate::controllers::deployment::rolling::{self as rollout, Fenceposts, Goal, ReplicaSetSize, resolve_fenceposts};
use crate::controllers::deployment::scaling::{self, Past};
use crate::model::IntOrPercent;
use crate::model::objects::{DeploymentStatus, ObjectCondition};
use crate::model::status::ConditionStatus;

#[derive(Deserialize)]
struct Rolling {
    strategy: Option<String>,
    #[serde(alias = "desired", alias = "deployment_replicas")]
    replicas: Option<i32>,
    max_surge: Option<Value>,
    max_unavailable: Option<Value>,
    #[serde(default, alias = "rs_replicas", alias = "new_rs_replicas")]
    new_replicas: i32,
    #[serde(default)]
    new_available: i32,
    #[serde(default)]
    old_replicas: i32,
    #[serde(default)]
    old_available: i32,
    #[serde(default)]
    sum_of_all_rs_replicas: i32,
    #[serde(default)]
    total_available: i32,
    #[serde(default)]
    max_cleanup: i32,
    #[serde(default)]
    deployment_status_replicas: i32,
    #[serde(default)]
    rs_annotations: BTreeMap<String, String>,
}

impl Rolling {
    fn replicas(&self) -> i32 {
        self.replicas.unwrap_or(0)
    }

    fn fenceposts(&self) -> Result<Result<Fenceposts, String>, Unsupported> {
        let limit = |value: &Option<Value>| match value {
            None | Some(Value::Null) => Ok(IntOrPercent::Int(0)),
            // Texts stand for what they would on a command line.
            Some(Value::String(text)) => Ok(IntOrPercent::parse(text)),
            Some(value) => build(value),
        };
        Ok(resolve_fenceposts(&limit(&self.max_surge)?, &limit(&self.max_unavailable)?, self.replicas()))
    }

    fn goal(&self) -> Result<Goal, Unsupported> {
        let fenceposts = match self.strategy.as_deref() {
            Some("Recreate") => None,
            None | Some("" | "RollingUpdate") => Some(self.fenceposts()?.map_err(Unsupported)?),
            Some(other) => return Err(Unsupported(format!("strategy `{other}`"))),
        };
        Ok(Goal { replicas: self.replicas(), fenceposts })
    }

    fn old_set(&self) -> ReplicaSetSize {
        ReplicaSetSize { replicas: self.old_replicas, available: self.old_available, ..ReplicaSetSize::default() }
    }

    fn new_set(&self) -> ReplicaSetSize {
        let max = self.rs_annotations.get("deployment.kubernetes.io/max-replicas").and_then(|text| text.parse().ok());
        ReplicaSetSize { replicas: self.new_replicas, available: self.new_available, max, ..ReplicaSetSize::default() }
    }
}

fn stale(_: rollout::Stale) -> Unsupported {
    Unsupported("the status is older than the spec".to_owned())
}

pub(super) fn rolling(case: &Case) -> Checked {
    match case.kind.as_str() {
        "proportional_scale" => return proportional_scale(case),
        "history_cleanup" => return history_cleanup(case),
        _ => {}
    }
    let input: Rolling = case.input()?;
    let (old, new) = (input.old_set(), input.new_set());
    let got = match case.kind.as_str() {
        "resolve_surge_unavailable" => match input.fenceposts()? {
            Ok(posts) => json!({"surge": posts.surge, "unavailable": posts.unavailable}),
            Err(_) => json!({"error": true}),
        },
        "max_unavailable" => json!({"value": input.goal()?.max_unavailable()}),
        "min_available" => json!({"value": input.goal()?.min_available()}),
        "new_rs_size" => {
            let size = rollout::new_size(&input.goal()?, new.replicas, input.sum_of_all_rs_replicas);
            json!({"new_rs_replicas": size})
        }
        "reconcile_new_rs" => {
            let size = rollout::reconcile_new(&input.goal()?, new.replicas, new.replicas + old.replicas);
            json!({"scaled": size.is_some(), "new_rs_replicas": size.unwrap_or(new.replicas)})
        }
        "reconcile_old_rs" => {
            let taken = rollout::reconcile_old(&input.goal()?, &mut [old], &new).map_err(stale)?;
            json!({"scaled": taken > 0})
        }
        "cleanup_unhealthy" => {
            json!({"cleaned": rollout::clean_up_unhealthy(&mut [old], input.max_cleanup).map_err(stale)?})
        }
        "scale_down_old" => {
            let mut sets = [old];
            let taken = rollout::scale_down_old(&input.goal()?, &mut sets, input.total_available);
            json!({"scaled": taken > 0, "old_replicas": sets[0].replicas})
        }
        "rolling_step" => {
            let (goal, mut sets) = (input.goal()?, [old]);
            let posts = goal.fenceposts.unwrap_or(Fenceposts { surge: 0, unavailable: 0 });
            let target = rollout::reconcile_new(&goal, new.replicas, new.replicas + old.replicas);
            rollout::reconcile_old(&goal, &mut sets, &new).map_err(stale)?;
            json!({
                "surge": posts.surge,
                "unavailable": posts.unavailable,
                "new_rs_target": target.unwrap_or(new.replicas),
                "old_replicas_if_new_unchanged": sets[0].replicas,
            })
        }
        "proportional_fraction" => {
            let fraction = scaling::fraction(&input.goal()?, &new, input.deployment_status_replicas);
            json!({"fraction": fraction})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}

#[derive(Deserialize)]
struct SetIn {
    name: String,
    created: String,
    replicas: i32,
    #[serde(default)]
    available: i32,
    desired_annotation: Option<i32>,
}

#[derive(Deserialize)]
struct Scale {
    max_surge_before: i32,
    replicas_before: i32,
    replicas: i32,
    max_surge: i32,
    max_unavailable: i32,
    new_rs: Option<SetIn>,
    old_rs: Vec<SetIn>,
}

fn proportional_scale(case: &Case) -> Checked {
    let input: Scale = case.input()?;
    let posts = |surge, unavailable, replicas| {
        resolve_fenceposts(&IntOrPercent::Int(surge), &IntOrPercent::Int(unavailable), replicas).map_err(Unsupported)
    };
    let before = posts(input.max_surge_before, input.max_unavailable, input.replicas_before)?;
    let fenceposts = Some(posts(input.max_surge, input.max_unavailable, input.replicas)?);
    let mut sets: Vec<(&SetIn, bool)> = input.old_rs.iter().map(|set| (set, false)).collect();
    sets.extend(input.new_rs.iter().map(|set| (set, true)));
    sets.sort_by_key(|(set, _)| (&set.created, &set.name));
    let build = |(set, _): &(&SetIn, bool)| ReplicaSetSize {
        replicas: set.replicas,
        available: set.available,
        desired: set.desired_annotation,
        max: set.desired_annotation.map(|desired| desired + before.surge),
        ..ReplicaSetSize::default()
    };
    let mut sizes: Vec<ReplicaSetSize> = sets.iter().map(build).collect();
    let goal = Goal { replicas: input.replicas, fenceposts };
    scaling::scale(&goal, &mut sizes, sets.iter().position(|&(_, is_new)| is_new), 0);
    let size = |set: &SetIn| {
        let at = sets.iter().position(|(other, _)| std::ptr::eq(*other, set));
        at.map(|at| sizes[at].replicas)
    };
    let old: Vec<Option<i32>> = input.old_rs.iter().map(size).collect();
    Ok(Answer::Complete(json!({"new_rs_replicas": input.new_rs.as_ref().and_then(size), "old_rs_replicas": old})))
}

#[derive(Deserialize)]
struct History {
    revision_history_limit: i32,
    old_rs: Vec<PastIn>,
}

#[derive(Deserialize)]
struct PastIn {
    spec_replicas: i32,
    status_replicas: i32,
    #[serde(default)]
    deleting: bool,
}

fn history_cleanup(case: &Case) -> Checked {
    let input: History = case.input()?;
    let past = |set: &PastIn| Past {
        replicas: set.spec_replicas,
        actual: set.status_replicas,
        observed: true,
        deleting: set.deleting,
    };
    let old: Vec<Past> = input.old_rs.iter().map(past).collect();
    let limit = Some(input.revision_history_limit).filter(|&limit| limit != i32::MAX);
    Ok(Answer::Complete(json!({"deletions": scaling::forgotten(&old, limit).len()})))
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "camelCase", default)]
struct StatusIn {
    replicas: i32,
    updated_replicas: i32,
    ready_replicas: i32,
    available_replicas: i32,
}

impl StatusIn {
    fn build(self, progressing: Option<ObjectCondition>) -> DeploymentStatus {
        DeploymentStatus {
            replicas: self.replicas,
            updated_replicas: self.updated_replicas,
            ready_replicas: self.ready_replicas,
            available_replicas: self.available_replicas,
            progressing,
            ..DeploymentStatus::default()
        }
    }
}

#[derive(Deserialize)]
struct ConditionIn {
    #[serde(default, rename = "type")]
    kind: String,
    status: String,
    reason: String,
    last_update_offset_s: Option<f64>,
    seconds_since_last_update: Option<f64>,
}

impl ConditionIn {
    /// The condition; without a time it is older than any deadline.
    fn build(&self) -> Result<ObjectCondition, Unsupported> {
        let statuses = [ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown];
        let status = statuses.into_iter().find(|status| status.text() == self.status);
        let status = status.ok_or_else(|| Unsupported(format!("status `{}`", self.status)))?;
        let reason = rules::reason::ALL.into_iter().find(|reason| *reason == self.reason);
        let reason = reason.unwrap_or_default();
        let age = self.seconds_since_last_update.or_else(|| self.last_update_offset_s.map(|offset| -offset));
        let update = age.map_or_else(SimTime::default, |age| now() - seconds(age));
        Ok(ObjectCondition { status, reason, transition: update, update })
    }
}

/// Seconds to the nanosecond, of either sign.
fn seconds(seconds: f64) -> SimDuration {
    SimDuration::from_secs_f64(seconds.abs()) * if seconds < 0.0 { -1 } else { 1 }
}

#[derive(Deserialize)]
struct Progress {
    #[serde(default)]
    replicas: i32,
    progress_deadline_s: Option<i32>,
    #[serde(default)]
    status: StatusIn,
    #[serde(default)]
    old_status: StatusIn,
    #[serde(default)]
    new_status: StatusIn,
    condition: Option<ConditionIn>,
    #[serde(default)]
    now_offset_s: f64,
    #[serde(default)]
    old_conditions: Option<Vec<ConditionIn>>,
    new_rs: Option<CountsIn>,
    #[serde(default)]
    all_rs: Vec<Option<CountsIn>>,
}

#[derive(Deserialize, Clone, Copy)]
struct CountsIn {
    spec: i32,
    status: i32,
    #[serde(default)]
    ready: i32,
    available: i32,
}

impl CountsIn {
    fn build(self) -> ReplicaSetSize {
        let Self { spec: replicas, status: actual, ready, available } = self;
        ReplicaSetSize { replicas, actual, ready, available, ..ReplicaSetSize::default() }
    }
}

pub(super) fn progress(case: &Case) -> Checked {
    let input: Progress = case.input()?;
    let condition = input.condition.as_ref().map(ConditionIn::build).transpose()?;
    let deadline = Deadline { seconds: input.progress_deadline_s.filter(|&after| after != i32::MAX), generation: 0 };
    let now = now() + seconds(input.now_offset_s);
    let got = match case.kind.as_str() {
        "complete" => json!({"complete": rules::is_complete(input.replicas, &input.status.build(None), 0)}),
        "progressing" => {
            let (old, new) = (input.old_status.build(None), input.new_status.build(None));
            json!({"progressing": rules::is_progressing(&old, &new)})
        }
        "timed_out" => json!({"timed_out": rules::is_timed_out(condition.as_ref(), deadline.seconds, now)}),
        "requeue_stuck" => {
            let status = input.status.build(condition);
            match rules::requeue_stuck(input.replicas, &status, &status, deadline, now) {
                Some(after) => json!({"requeue_after": after.as_secs_f64()}),
                None => json!({"requeue_after": "none"}),
            }
        }
        "sync_rollout_status" => {
            let conditions = input.old_conditions.as_deref().unwrap_or_default();
            let old = conditions.iter().find(|condition| condition.kind == "Progressing");
            let old = input.old_status.build(old.map(ConditionIn::build).transpose()?);
            // Upstream's fixture has no strategy, so its surge and its unavailable pods are none.
            let goal = Goal { replicas: input.replicas, fenceposts: None };
            let all: Vec<ReplicaSetSize> = input.all_rs.iter().flatten().map(|set| set.build()).collect();
            let new = input.new_rs.map(CountsIn::build);
            let mut status = rules::calculate_status(&goal, &all, new.as_ref(), &old, 0, now);
            rules::sync_progress(&goal, &old, &mut status, deadline, now);
            let condition = status.progressing;
            let text = condition.map(|found| json!({"status": found.status.text(), "reason": found.reason}));
            json!({"progressing": text})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}
