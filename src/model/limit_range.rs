//! LimitRanges: what they fill into containers, and what they do not let pass. Pure. Must not know who creates pods.
//!
//! Mirrors plugin/pkg/admission/limitranger/admission.go and `SetDefaults_LimitRangeItem` of pkg/apis/core/v1/defaults.go,
//! v1.34.

use super::effective::{ContainerResources, Options, PodResources, ResourceList, ResourceRequirements};
use super::objects::LimitType;
use crate::base::Quantity;

/// One of `spec.limits`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LimitItem {
    /// `type`.
    pub kind: LimitType,
    /// `max`.
    pub max: ResourceList,
    /// `min`.
    pub min: ResourceList,
    /// `default`: limits of containers that state none.
    pub default: ResourceList,
    /// `defaultRequest`: requests of containers that state none.
    pub default_request: ResourceList,
    /// `maxLimitRequestRatio`.
    pub max_limit_request_ratio: ResourceList,
}

impl LimitItem {
    /// Fills in what the API server fills in.
    pub fn set_defaults(&mut self) {
        if self.kind == LimitType::Container {
            self.default.fill(&self.max);
            self.default_request.fill(&self.default);
            self.default_request.fill(&self.min);
        }
    }

    /// Gives a container what it does not state.
    pub fn fill(&self, container: &mut ResourceRequirements) {
        if self.kind == LimitType::Container {
            container.limits.fill(&self.default);
            container.requests.fill(&self.default_request);
        }
    }

    /// `type`, as manifests write it.
    #[must_use]
    pub fn type_text(&self) -> &'static str {
        match self.kind {
            LimitType::Pod => "Pod",
            LimitType::Container => "Container",
            LimitType::PersistentVolumeClaim => "PersistentVolumeClaim",
        }
    }

    /// What these requests and limits violate.
    fn check(&self, requests: &ResourceList, limits: &ResourceList, errors: &mut Vec<String>) {
        let kind = self.type_text();
        for (name, least) in self.min.iter() {
            let (request, limit) = (requests.get(name), limits.get(name));
            let start = format!("minimum {name} usage per {kind} is {least}");
            match (request, limit) {
                (None, _) => errors.push(format!("{start}.  No request is specified")),
                (Some(request), _) if request < least => errors.push(format!("{start}, but request is {request}")),
                (_, Some(limit)) if limit < least => errors.push(format!("{start}, but limit is {limit}")),
                _ => {}
            }
        }
        for (name, most) in self.max.iter() {
            let (request, limit) = (requests.get(name), limits.get(name));
            let start = format!("maximum {name} usage per {kind} is {most}");
            match (request, limit) {
                (_, None) => errors.push(format!("{start}.  No limit is specified")),
                (_, Some(limit)) if limit > most => errors.push(format!("{start}, but limit is {limit}")),
                (Some(request), _) if request > most => errors.push(format!("{start}, but request is {request}")),
                _ => {}
            }
        }
        for (name, most) in self.max_limit_request_ratio.iter() {
            let value = |list: &ResourceList| list.get(name).filter(|amount| !amount.is_zero());
            let start = format!("{name} max limit to request ratio per {kind} is {most}, but");
            match (value(requests), value(limits)) {
                (None, _) => errors.push(format!("{start} no request is specified or request is 0")),
                (_, None) => errors.push(format!("{start} no limit is specified or limit is 0")),
                (Some(request), Some(limit)) => {
                    let ratio = ratio(limit, request);
                    if ratio > most.milli_value() as f64 / 1000.0 {
                        errors.push(format!("{start} provided ratio is {ratio:.6}"));
                    }
                }
            }
        }
    }
}

/// In thousandths where both fit, as upstream compares them.
fn ratio(limit: Quantity, request: Quantity) -> f64 {
    let fits = |amount: Quantity| amount.value() <= i64::MAX / 1000;
    if fits(limit) && fits(request) {
        limit.milli_value() as f64 / request.milli_value() as f64
    } else {
        limit.value() as f64 / request.value() as f64
    }
}

/// Why the items of one LimitRange do not let a pod pass, as upstream says it.
#[must_use]
pub fn refusal(items: &[LimitItem], pod: &PodResources) -> Option<String> {
    let mut errors = Vec::new();
    for item in items {
        match item.kind {
            LimitType::Container => {
                for ContainerResources { spec, .. } in pod.main.iter().chain(&pod.init) {
                    item.check(&spec.requests, &spec.limits, &mut errors);
                }
            }
            LimitType::Pod => {
                let options = Options { exclude_overhead: true, skip_pod_level: true, ..Options::default() };
                item.check(&pod.requests(&options), &pod.limits(&options), &mut errors);
            }
            LimitType::PersistentVolumeClaim => {}
        }
    }
    // Each text once, in the order in which they came.
    let mut texts: Vec<String> = Vec::new();
    for error in errors {
        if !texts.contains(&error) {
            texts.push(error);
        }
    }
    match texts.len() {
        0 => None,
        1 => texts.pop(),
        _ => Some(format!("[{}]", texts.join(", "))),
    }
}

/// Why the items of one LimitRange do not let a claim pass that asks for so much storage.
#[must_use]
pub fn claim_refusal(items: &[LimitItem], requests: &ResourceList) -> Option<String> {
    let of_claims = items.iter().filter(|item| item.kind == LimitType::PersistentVolumeClaim);
    let mut errors = of_claims.flat_map(|item| {
        let least = item.min.iter().filter_map(|(name, least)| {
            let start = format!("minimum {name} usage per PersistentVolumeClaim is {least}");
            match requests.get(name) {
                None => Some(format!("{start}.  No request is specified")),
                Some(request) if request < least => Some(format!("{start}, but request is {request}")),
                Some(_) => None,
            }
        });
        let most = item.max.iter().filter_map(|(name, most)| {
            let start = format!("maximum {name} usage per PersistentVolumeClaim is {most}");
            match requests.get(name) {
                None => Some(format!("{start}.  No request is specified")),
                Some(request) if request > most => Some(format!("{start}, but request is {request}")),
                Some(_) => None,
            }
        });
        least.chain(most)
    });
    errors.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[(&str, &str)]) -> ResourceList {
        items.iter().map(|(name, text)| (*name, Quantity::parse(text).expect("a quantity"))).collect()
    }

    fn item(kind: LimitType) -> LimitItem {
        let none = ResourceList::new;
        LimitItem {
            kind,
            max: none(),
            min: none(),
            default: none(),
            default_request: none(),
            max_limit_request_ratio: none(),
        }
    }

    fn pod(requests: &[(&str, &str)], limits: &[(&str, &str)]) -> PodResources {
        let spec = ResourceRequirements { requests: list(requests), limits: list(limits) };
        let container = ContainerResources { sidecar: false, spec, status: None };
        PodResources { main: vec![container], ..PodResources::default() }
    }

    #[test]
    fn what_is_not_stated_comes_from_default_then_max_and_min() {
        let mut limits = LimitItem {
            max: list(&[("cpu", "4"), ("memory", "2Gi")]),
            min: list(&[("ephemeral-storage", "1Gi")]),
            default: list(&[("cpu", "1")]),
            default_request: list(&[("cpu", "100m")]),
            ..item(LimitType::Container)
        };
        limits.set_defaults();
        let mut filled = pod(&[], &[("cpu", "2")]);
        limits.fill(&mut filled.main[0].spec);
        let spec = &filled.main[0].spec;
        assert_eq!(spec.limits, list(&[("cpu", "2"), ("memory", "2Gi")]));
        assert_eq!(spec.requests, list(&[("cpu", "100m"), ("memory", "2Gi"), ("ephemeral-storage", "1Gi")]));
    }

    #[test]
    fn refusals_have_upstreams_words() {
        let limits =
            LimitItem { min: list(&[("cpu", "100m")]), max: list(&[("memory", "1Gi")]), ..item(LimitType::Container) };
        let limits = [limits];
        let low = "minimum cpu usage per Container is 100m, but request is 50m";
        let high = "maximum memory usage per Container is 1Gi, but limit is 2Gi";
        assert_eq!(refusal(&limits, &pod(&[("cpu", "50m")], &[("memory", "1Gi")])).as_deref(), Some(low));
        let both = refusal(&limits, &pod(&[("cpu", "50m")], &[("memory", "2Gi")]));
        assert_eq!(both, Some(format!("[{low}, {high}]")));
        let none = "maximum memory usage per Container is 1Gi.  No limit is specified";
        assert_eq!(refusal(&limits, &pod(&[("cpu", "1")], &[])).as_deref(), Some(none));
        let most = LimitItem { max_limit_request_ratio: list(&[("cpu", "1500m")]), ..item(LimitType::Pod) };
        let text = "cpu max limit to request ratio per Pod is 1500m, but provided ratio is 2.000000";
        let twice = pod(&[("cpu", "1")], &[("cpu", "2")]);
        assert_eq!(refusal(&[most], &twice).as_deref(), Some(text));
    }
}
