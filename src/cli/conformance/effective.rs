//! `effective_requests.json` and `qos_class.json`: [`PodResources`] and [`qos`](crate::model::qos).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::vector::{ListIn, resource_list, resource_list_out};
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::model::effective::{ContainerResources, Options, StatusResources};
use crate::model::{PodResources, ResourceRequirements, qos};

#[derive(Deserialize, Default)]
struct RequirementsIn {
    #[serde(default)]
    requests: ListIn,
    #[serde(default)]
    limits: ListIn,
}

impl RequirementsIn {
    fn build(&self) -> Result<ResourceRequirements, Unsupported> {
        Ok(ResourceRequirements { requests: resource_list(&self.requests)?, limits: resource_list(&self.limits)? })
    }
}

#[derive(Deserialize)]
struct ContainerIn {
    #[serde(default)]
    name: String,
    #[serde(default)]
    restart_policy: Option<String>,
    #[serde(flatten)]
    resources: RequirementsIn,
}

#[derive(Deserialize)]
struct StatusIn {
    name: String,
    #[serde(default)]
    allocated: Option<ListIn>,
    #[serde(default)]
    requests: Option<ListIn>,
    #[serde(default)]
    limits: Option<ListIn>,
}

#[derive(Deserialize)]
struct ConditionIn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OptionsIn {
    exclude_overhead: bool,
    non_missing_requests: ListIn,
    skip_pod_level: bool,
    skip_container_level: bool,
    use_status_resources: bool,
}

/// A pod as far as its resources go, as several subjects write it.
#[derive(Deserialize)]
pub(super) struct Input {
    #[serde(default)]
    init_containers: Vec<ContainerIn>,
    #[serde(default)]
    containers: Vec<ContainerIn>,
    #[serde(default)]
    pod_resources: Option<RequirementsIn>,
    #[serde(default)]
    overhead: Option<ListIn>,
    #[serde(default)]
    options: Option<OptionsIn>,
    #[serde(default)]
    container_statuses: Vec<StatusIn>,
    #[serde(default)]
    init_container_statuses: Vec<StatusIn>,
    #[serde(default)]
    resize_conditions: Vec<ConditionIn>,
    #[serde(default)]
    gate_pod_level_resources: Option<bool>,
}

/// The resources of a case's pod.
pub(super) fn input(case: &Case) -> Result<Input, Unsupported> {
    case.input()
}

impl Input {
    /// Names of init containers, then of main containers.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.init_containers.iter().chain(&self.containers).map(|container| container.name.as_str())
    }

    /// What the last status of this name says; one without requests and limits has no `resources`.
    fn status(&self, name: &str) -> Result<Option<StatusResources>, Unsupported> {
        let mut statuses = self.container_statuses.iter().chain(&self.init_container_statuses);
        let found = statuses.rfind(|status| status.name == name);
        let Some(status) = found.filter(|status| status.requests.is_some() || status.limits.is_some()) else {
            return Ok(None);
        };
        let list = |list: &Option<ListIn>| list.as_ref().map(resource_list).transpose().map(Option::unwrap_or_default);
        let actual = ResourceRequirements { requests: list(&status.requests)?, limits: list(&status.limits)? };
        Ok(Some(StatusResources { allocated: list(&status.allocated)?, actual }))
    }

    pub(super) fn pod(&self) -> Result<PodResources, Unsupported> {
        let build = |container: &ContainerIn| {
            Ok(ContainerResources {
                sidecar: container.restart_policy.as_deref() == Some("Always"),
                spec: container.resources.build()?,
                status: self.status(&container.name)?,
            })
        };
        let resize = self.resize_conditions.iter().find(|condition| condition.kind == "PodResizePending");
        let gate = self.gate_pod_level_resources.unwrap_or(true);
        let pod = self.pod_resources.as_ref().filter(|_| gate).map(RequirementsIn::build).transpose()?;
        Ok(PodResources {
            init: self.init_containers.iter().map(build).collect::<Result<_, _>>()?,
            main: self.containers.iter().map(build).collect::<Result<_, _>>()?,
            pod,
            overhead: self.overhead.as_ref().map(resource_list).transpose()?.unwrap_or_default(),
            resize_infeasible: resize.is_some_and(|condition| condition.reason == "Infeasible"),
        })
    }

    fn options(&self) -> Result<Options, Unsupported> {
        let Some(options) = &self.options else { return Ok(Options::default()) };
        Ok(Options {
            use_status: options.use_status_resources,
            exclude_overhead: options.exclude_overhead,
            non_missing_requests: resource_list(&options.non_missing_requests)?,
            skip_pod_level: options.skip_pod_level,
            skip_container_level: options.skip_container_level,
        })
    }
}

pub(super) fn answer(case: &Case) -> Checked {
    let input: Input = case.input()?;
    let (pod, options) = (input.pod()?, input.options()?);
    let scoring = Options { non_missing_requests: Options::scoring().non_missing_requests, ..options.clone() };
    let lists = match case.kind.as_str() {
        "requests" => vec![("requests", pod.requests(&options))],
        "limits" => vec![("limits", pod.limits(&options))],
        "requests_and_limits" => vec![("requests", pod.requests(&options)), ("limits", pod.limits(&options))],
        "aggregate_containers" => {
            vec![("requests", pod.container_requests(&options)), ("limits", pod.container_limits(&options))]
        }
        "requests_limits_scoring" => vec![
            ("requests", pod.requests(&options)),
            ("limits", pod.limits(&options)),
            ("scoring_requests", pod.requests(&scoring)),
        ],
        _ => return unknown_kind(case),
    };
    let lists = lists.into_iter().filter_map(|(name, list)| {
        let expected = case.expected.get(name)?;
        Some((name.to_owned(), resource_list_out(&list, expected)))
    });
    Ok(Answer::Complete(Value::Object(lists.collect())))
}

pub(super) fn qos_class(case: &Case) -> Checked {
    if case.kind != "qos" {
        return unknown_kind(case);
    }
    let class = qos::qos_class(&case.input::<Input>()?.pod()?);
    Ok(Answer::Asserted(Value::Object(Map::from_iter([("qos".to_owned(), class.text().into())]))))
}
