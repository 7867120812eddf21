//! `cgroup_cpu.json` and `oom_score_adj.json`: [`cgroup`] and [`oom`](crate::kubelet::oom).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::effective;
use super::{Answer, Case, Checked, unknown_kind};
use crate::kubelet::oom::OomPod;
use crate::model::cgroup::{self, PodCgroup};
use crate::model::effective::{ContainerResources, MEMORY};
use crate::model::{Role, qos};

#[derive(Deserialize)]
struct Pod {
    enforce_cpu_limits: bool,
    quota_period_us: i64,
    /// Whether quotas below a millisecond are allowed for; it changes nothing but the period that is in force.
    #[serde(default)]
    custom_period_gate: bool,
}

#[derive(Deserialize)]
struct Amount {
    milli_cpu: i64,
    #[serde(default)]
    period_us: i64,
}

#[derive(Deserialize)]
struct Oom {
    node_memory_capacity_bytes: i64,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    priority_class: String,
}

pub(super) fn cpu(case: &Case) -> Checked {
    let found = match case.kind.as_str() {
        "shares" => json!({"shares": cgroup::shares(case.input::<Amount>()?.milli_cpu)}),
        "quota" => {
            let input: Amount = case.input()?;
            json!({"quota_us": cgroup::quota(input.milli_cpu, input.period_us)})
        }
        "pod_cgroup" => {
            let input: Pod = case.input()?;
            let pod = effective::input(case)?.pod()?;
            // Without the gate the quota is of the standard period.
            let of = if input.custom_period_gate { input.quota_period_us } else { cgroup::QUOTA_PERIOD_US };
            let found = cgroup::pod_cgroup(&pod, input.enforce_cpu_limits, of);
            json!({
                "cpu_shares": found.cpu_shares,
                "cpu_quota_us": found.cpu_quota_us,
                "cpu_period_us": found.cpu_quota_us.map(|_| input.quota_period_us),
                "memory_limit_bytes": found.memory_limit,
            })
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Complete(found))
}

pub(super) fn oom_score_adj(case: &Case) -> Checked {
    let input: Oom = case.input()?;
    let named = effective::input(case)?;
    let pod = named.pod()?;
    let request = |container: &ContainerResources| container.spec.requests.get(MEMORY).unwrap_or_default().value();
    let init = pod.init.iter().map(|container| {
        let role = if container.sidecar { Role::Sidecar } else { Role::Init };
        (role, request(container))
    });
    let containers: Vec<(Role, i64)> = init.chain(pod.main.iter().map(|c| (Role::Main, request(c)))).collect();
    let qos = qos::qos_class(&pod);
    let node_critical = cgroup::is_node_critical(&input.priority_class, input.priority);
    let oom = OomPod {
        qos,
        containers: &containers,
        cgroup: PodCgroup { node_critical, ..cgroup::pod_cgroup(&pod, true, cgroup::QUOTA_PERIOD_US) },
        capacity: input.node_memory_capacity_bytes,
    };
    let scores = named.names().enumerate().map(|(index, name)| (name.to_owned(), oom.score_adj(index)));
    let scores: Map<String, Value> = match case.kind.as_str() {
        "exact" => scores.map(|(name, score)| (name, json!(score))).collect(),
        "range" => {
            let bound = |(name, score): (String, i64)| {
                let range = &case.expected["per_container"][&name];
                let inside = range[0].as_i64().is_some_and(|low| low <= score)
                    && range[1].as_i64().is_some_and(|high| score <= high);
                let shown = if inside { range.clone() } else { json!(score) };
                (name, shown)
            };
            scores.map(bound).collect()
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(json!({"per_container": scores, "qos": qos.text()})))
}
