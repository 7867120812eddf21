//! `admission.json`: [`PriorityClasses::admit`] and [`add_default_tolerations`].

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::scheduling::TolerationIn;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::model::admission::add_default_tolerations;
use crate::model::{
    PreemptionPolicy, PriorityClass, PriorityClasses, Strings, TaintEffect, Toleration, TolerationOperator,
};

#[derive(Deserialize)]
struct Tolerations {
    tolerations: Vec<TolerationIn>,
}

#[derive(Deserialize)]
struct ClassIn {
    name: String,
    value: i32,
    global_default: bool,
    preemption_policy: Option<String>,
}

#[derive(Deserialize)]
struct PodIn {
    priority_class: Option<String>,
    priority: Option<i32>,
    preemption_policy: Option<String>,
}

#[derive(Deserialize)]
struct Priority {
    classes: Vec<ClassIn>,
    pod: PodIn,
}

/// As upstream's defaulter, which a fixture without a policy would have passed.
fn policy(text: Option<&str>) -> Result<PreemptionPolicy, Unsupported> {
    match text {
        None | Some("PreemptLowerPriority") => Ok(PreemptionPolicy::PreemptLowerPriority),
        Some("Never") => Ok(PreemptionPolicy::Never),
        Some(other) => Err(Unsupported(format!("preemption policy `{other}`"))),
    }
}

const fn policy_out(policy: PreemptionPolicy) -> &'static str {
    match policy {
        PreemptionPolicy::PreemptLowerPriority => "PreemptLowerPriority",
        PreemptionPolicy::Never => "Never",
    }
}

fn toleration_out(toleration: &Toleration, strings: &Strings) -> Value {
    let mut out = Map::new();
    if let Some(effect) = toleration.effect {
        let text = match effect {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        };
        out.insert("effect".to_owned(), json!(text));
    }
    if let Some(key) = toleration.key {
        out.insert("key".to_owned(), json!(strings.text(key)));
    }
    match toleration.operator {
        TolerationOperator::Exists => {
            out.insert("operator".to_owned(), json!("Exists"));
        }
        TolerationOperator::Equal(value) => {
            out.insert("operator".to_owned(), json!("Equal"));
            out.insert("value".to_owned(), json!(strings.text(value)));
        }
    }
    if let Some(seconds) = toleration.seconds {
        out.insert("tolerationSeconds".to_owned(), json!(seconds));
    }
    Value::Object(out)
}

pub(super) fn answer(case: &Case) -> Checked {
    let got = match case.kind.as_str() {
        "default_tolerations" => {
            let input: Tolerations = case.input()?;
            let mut strings = Strings::new();
            let tolerations = input.tolerations.iter().map(|one| one.build(&mut strings));
            let mut tolerations: Vec<Toleration> = tolerations.collect::<Result<_, _>>()?;
            add_default_tolerations(&mut tolerations, 300);
            let out = tolerations.iter().map(|one| toleration_out(one, &strings));
            json!({"tolerations": out.collect::<Vec<_>>()})
        }
        "priority" => {
            let Priority { classes: given, pod } = case.input()?;
            let mut classes = PriorityClasses::default();
            for class in given {
                let preemption = policy(class.preemption_policy.as_deref())?;
                classes.insert(&class.name, PriorityClass { value: class.value, preemption }, class.global_default);
            }
            let stated = pod.preemption_policy.as_deref().map(|text| policy(Some(text))).transpose()?;
            match classes.admit(pod.priority_class.as_deref().unwrap_or(""), pod.priority, stated) {
                Ok(class) => json!({"priority": class.value, "preemption_policy": policy_out(class.preemption)}),
                Err(_) => json!({"error": true}),
            }
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}
