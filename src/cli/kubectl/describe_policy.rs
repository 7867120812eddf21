//! `kubectl describe` of what decides about pods: autoscalers, budgets, quotas, limits, namespaces. Mirrors
//! staging/src/k8s.io/kubectl/pkg/describe/describe.go, v1.34.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::View;
use super::describe::line;
use super::describe_workload::{bound, created, labels, names};
use super::objects::namespace_phase;
use crate::api::ObjectRow;
use crate::model::budget::BudgetBound;
use crate::model::effective::ResourceList;
use crate::model::objects::{
    HpaScalingRules, HpaSelectPolicy, HpaSource, HpaSpec, HpaTarget, LimitRangeSpec, ObjectKind, ObjectSpec,
    QuotaScope, QuotaScopeName,
};
use crate::model::{ObjectId, StrId};

impl View<'_> {
    pub(super) fn describe_policy(&self, out: &mut String, id: ObjectId, row: &ObjectRow, object: &Value) {
        match &row.spec {
            ObjectSpec::HorizontalPodAutoscaler(spec) => self.autoscaler(out, row, spec, object),
            ObjectSpec::PodDisruptionBudget(spec) => {
                names(out, object);
                match &spec.bound {
                    Some(BudgetBound::MinAvailable(least)) => line(out, "Min available", &bound(least)),
                    Some(BudgetBound::MaxUnavailable(most)) => line(out, "Max unavailable", &bound(most)),
                    None => {}
                }
                let selector = self.selector_text(row);
                line(out, "Selector", if selector == "<none>" { "<unset>" } else { &selector });
                let status = row.status.budget().cloned().unwrap_or_default();
                out.push_str("Status:\n");
                for (title, number) in [
                    ("Allowed disruptions", status.disruptions_allowed),
                    ("Current", status.current_healthy),
                    ("Desired", status.desired_healthy),
                    ("Total", status.expected_pods),
                ] {
                    let _ = writeln!(out, "    {title}:\t{number}");
                }
            }
            ObjectSpec::ResourceQuota(spec) => {
                names(out, object);
                scopes(out, "", &spec.scopes);
                out.push_str("Resource\tUsed\tHard\n--------\t----\t----\n");
                self.amounts(out, "", id);
            }
            ObjectSpec::LimitRange(spec) => {
                names(out, object);
                limits_head(out, "");
                limits(out, "", spec);
            }
            ObjectSpec::Namespace(name) => {
                self.describe_namespace(out, *name, namespace_phase(row.deleting.is_some()), object);
            }
            _ => {}
        }
    }

    /// A namespace with what bounds it.
    pub(super) fn describe_namespace(&self, out: &mut String, name: StrId, phase: &str, object: &Value) {
        names(out, object);
        labels(out, object);
        line(out, "Status", phase);
        let objects = self.simulation.cluster().objects();
        let mut quotas = objects.of_kind_in(ObjectKind::ResourceQuota, name).peekable();
        out.push('\n');
        out.push_str(if quotas.peek().is_none() { "No resource quota.\n" } else { "Resource Quotas\n" });
        for (id, row) in quotas {
            let _ = writeln!(out, "  Name:\t{}", row.name);
            if let Some(spec) = row.spec.quota() {
                scopes(out, "  ", &spec.scopes);
            }
            out.push_str("  Resource\tUsed\tHard\n  --------\t---\t---\n");
            self.amounts(out, "  ", id);
        }
        out.push('\n');
        let mut ranges = objects.of_kind_in(ObjectKind::LimitRange, name).peekable();
        if ranges.peek().is_none() {
            out.push_str("No LimitRange resource.\n");
            return;
        }
        out.push_str("Resource Limits\n");
        limits_head(out, " ");
        for spec in ranges.filter_map(|(_, row)| row.spec.limit_range()) {
            limits(out, " ", spec);
        }
    }

    /// What is used of a quota.
    fn amounts(&self, out: &mut String, indent: &str, id: ObjectId) {
        let status = self.simulation.cluster().objects().get(id).status.quota().cloned().unwrap_or_default();
        for (name, hard) in status.hard.iter() {
            let _ = writeln!(out, "{indent}{name}\t{}\t{hard}", status.used.get(name).unwrap_or_default());
        }
    }

    fn autoscaler(&self, out: &mut String, row: &ObjectRow, spec: &HpaSpec, object: &Value) {
        names(out, object);
        labels(out, object);
        created(out, object);
        let kind = spec.target.0.map_or("?", ObjectKind::text);
        line(out, "Reference", &format!("{kind}/{}", self.text(spec.target.1)));
        out.push_str("Metrics:\t( current / target )\n");
        let status = row.status.autoscaler().cloned().unwrap_or_default();
        for (at, metric) in spec.metrics.iter().enumerate() {
            let current = status.current.get(at).copied().flatten();
            let of_target = |current: Option<i64>| match metric.target {
                HpaTarget::Utilization(percent) => {
                    let current = current.map_or_else(|| "<unknown>".to_owned(), |now| format!("{now}%"));
                    format!("{current} / {percent}%")
                }
                HpaTarget::AverageValue(amount) | HpaTarget::Value(amount) => {
                    let current = current.map_or_else(|| "<unknown>".to_owned(), |now| milli(now, amount));
                    format!("{current} / {amount}")
                }
            };
            let average = matches!(metric.target, HpaTarget::AverageValue(_));
            let percent = matches!(metric.target, HpaTarget::Utilization(_));
            let request = if percent { "  (as a percentage of request)" } else { "" };
            let target = if average { "(target average value)" } else { "(target value)" };
            let name = match &metric.source {
                HpaSource::Resource(name) => format!("resource {} on pods{request}", self.text(*name)),
                HpaSource::ContainerResource { resource, container } => {
                    let (resource, container) = (self.text(*resource), self.text(*container));
                    format!("resource {resource} of container \"{container}\" on pods{request}")
                }
                HpaSource::Pods(name) => format!("\"{}\" on pods", self.text(*name)),
                HpaSource::Object { metric, kind, name } => {
                    let [metric, kind, name] = [metric, kind, name].map(|id| self.text(*id));
                    format!("\"{metric}\" on {kind}/{name} {target}")
                }
                HpaSource::External(name) => format!("\"{}\" {target}", self.text(*name)),
            };
            let _ = writeln!(out, "  {name}:\t{}", of_target(current));
        }
        line(out, "Min replicas", &spec.min_replicas.to_string());
        line(out, "Max replicas", &spec.max_replicas.to_string());
        if let Some(behavior) = &spec.behavior {
            out.push_str("Behavior:\n");
            direction(out, "Scale Up", &behavior.up);
            direction(out, "Scale Down", &behavior.down);
        }
        let _ =
            writeln!(out, "{kind} pods:\t{} current / {} desired", status.current_replicas, status.desired_replicas);
        if !status.conditions.is_empty() {
            out.push_str("Conditions:\n  Type\tStatus\tReason\tMessage\n  ----\t------\t------\t-------\n");
            for (kind, on, reason) in &status.conditions {
                let _ = writeln!(out, "  {kind}\t{}\t{reason}\t", if *on { "True" } else { "False" });
            }
        }
    }
}

/// An amount in thousandths, in the format of the one it is compared with.
fn milli(amount: i64, like: crate::base::Quantity) -> String {
    crate::base::Quantity::from_milli(amount, like.format()).to_string()
}

fn direction(out: &mut String, title: &str, rules: &HpaScalingRules) {
    let _ = writeln!(out, "  {title}:");
    if let Some(seconds) = rules.stabilization_window_seconds {
        let _ = writeln!(out, "    Stabilization Window: {seconds} seconds");
    }
    if rules.policies.is_empty() {
        return;
    }
    let select = match rules.select {
        HpaSelectPolicy::Max => "Max",
        HpaSelectPolicy::Min => "Min",
        HpaSelectPolicy::Disabled => "Disabled",
    };
    let _ = write!(out, "    Select Policy: {select}\n    Policies:\n");
    for policy in &rules.policies {
        let kind = if policy.percent { "Percent" } else { "Pods" };
        let (value, period) = (policy.value, policy.period_seconds);
        let _ = writeln!(out, "      - Type: {kind}\tValue: {value}\tPeriod: {period} seconds");
    }
}

/// The scopes of a quota, each with what it means.
fn scopes(out: &mut String, indent: &str, scopes: &[QuotaScope]) {
    let told = |scope: &QuotaScope| match scope.name {
        QuotaScopeName::Terminating => Some((
            "Terminating",
            "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being \
             actively terminated by the system.",
        )),
        QuotaScopeName::NotTerminating => Some((
            "NotTerminating",
            "Matches all pods that do not have an active deadline. These pods usually include long running pods whose \
             container command is not expected to terminate.",
        )),
        QuotaScopeName::BestEffort => Some((
            "BestEffort",
            "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.",
        )),
        QuotaScopeName::NotBestEffort => Some((
            "NotBestEffort",
            "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed \
             quality of service.",
        )),
        _ => None,
    };
    let mut told: Vec<_> = scopes.iter().filter_map(told).collect();
    told.sort_unstable();
    if told.is_empty() {
        return;
    }
    let list: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(out, "{indent}Scopes:\t{}", list.join(", "));
    for (_, help) in told {
        let _ = writeln!(out, "{indent} * {help}");
    }
}

fn limits_head(out: &mut String, indent: &str) {
    let _ = write!(
        out,
        "{indent}Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n\
         {indent}----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n"
    );
}

fn limits(out: &mut String, indent: &str, spec: &LimitRangeSpec) {
    for item in &spec.limits {
        let lists = [&item.min, &item.max, &item.default_request, &item.default, &item.max_limit_request_ratio];
        let names: BTreeSet<&str> = lists.iter().flat_map(|list| list.iter().map(|(name, _)| name)).collect();
        for name in names {
            let amount = |list: &&ResourceList| list.get(name).map_or_else(|| "-".to_owned(), |one| one.to_string());
            let amounts: Vec<String> = lists.iter().map(amount).collect();
            let _ = writeln!(out, "{indent}{}\t{name}\t{}", item.type_text(), amounts.join("\t"));
        }
    }
}
