//! What a pod requests and what it may use: the sums over its containers, defaults, and what is set on the pod itself.
//!
//! Mirrors staging/src/k8s.io/component-helpers/resource/helpers.go and the resource defaults of
//! pkg/apis/core/v1/defaults.go, v1.34.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::resources::{Limits, Resources};
use super::strings::Strings;
use crate::base::{Format, Quantity};

/// Amounts by resource name, sorted by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResourceList(BTreeMap<Box<str>, Quantity>);

impl ResourceList {
    /// No resource at all.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The amount of `name`, if it is stated.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Quantity> {
        self.0.get(name).copied()
    }

    /// States the amount of `name`.
    pub fn set(&mut self, name: &str, amount: Quantity) {
        self.0.insert(name.into(), amount);
    }

    /// Names and amounts, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (&**name, *amount))
    }

    /// How many resources are stated.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no resource is stated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the amounts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.merge(other, Quantity::plus);
    }

    /// Raises every amount to that of `other`, where that is more.
    pub fn raise(&mut self, other: &Self) {
        self.merge(other, |mine, theirs| if theirs > mine { theirs } else { mine });
    }

    /// States what `other` states and `self` does not.
    pub fn fill(&mut self, other: &Self) {
        self.merge(other, |mine, _| mine);
    }

    fn merge(&mut self, other: &Self, both: fn(Quantity, Quantity) -> Quantity) {
        for (name, &amount) in &other.0 {
            match self.0.entry(name.clone()) {
                Entry::Occupied(mut entry) => {
                    let sum = both(*entry.get(), amount);
                    entry.insert(sum);
                }
                Entry::Vacant(entry) => {
                    entry.insert(amount);
                }
            }
        }
    }

    /// Every amount rounded up to a multiple of 0.001, as the API server stores it.
    #[must_use]
    pub fn round_up_milli(&self) -> Self {
        self.0.iter().map(|(name, amount)| (name.clone(), amount.round_up_milli())).collect()
    }

    /// As integers: cpu in thousandths, all else in whole units, both rounded up.
    #[must_use]
    pub fn compile(&self, strings: &mut Strings) -> Resources {
        let mut resources = Resources::default();
        for (name, amount) in self.iter() {
            match name {
                CPU => resources.milli_cpu = amount.milli_value(),
                MEMORY => resources.memory = amount.value(),
                EPHEMERAL_STORAGE => resources.ephemeral_storage = amount.value(),
                _ => resources.set_scalar(strings.intern(name), amount.value()),
            }
        }
        resources
    }

    /// As a container's limits.
    #[must_use]
    pub fn compile_limits(&self) -> Limits {
        Limits {
            milli_cpu: self.get(CPU).map(Quantity::milli_value),
            memory: self.get(MEMORY).map(Quantity::value),
            ephemeral_storage: self.get(EPHEMERAL_STORAGE).map(Quantity::value),
        }
    }
}

impl<N: Into<Box<str>>> FromIterator<(N, Quantity)> for ResourceList {
    fn from_iter<I: IntoIterator<Item = (N, Quantity)>>(items: I) -> Self {
        Self(items.into_iter().map(|(name, amount)| (name.into(), amount)).collect())
    }
}

/// The cpu resource.
pub const CPU: &str = "cpu";
/// The memory resource.
pub const MEMORY: &str = "memory";
/// The ephemeral storage resource.
pub const EPHEMERAL_STORAGE: &str = "ephemeral-storage";
const HUGE_PAGES_PREFIX: &str = "hugepages-";

/// `resources` of a container or a pod.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResourceRequirements {
    /// What is guaranteed.
    pub requests: ResourceList,
    /// What must not be exceeded.
    pub limits: ResourceList,
}

/// What a container's status says about its resources.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatusResources {
    /// `allocatedResources`: what the node has set aside.
    pub allocated: ResourceList,
    /// `resources`: what is in force.
    pub actual: ResourceRequirements,
}

/// A container as far as its resources go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerResources {
    /// Whether it is an init container that runs on (`restartPolicy: Always`). Has no meaning for main containers.
    pub sidecar: bool,
    /// Its `resources`.
    pub spec: ResourceRequirements,
    /// What its status says, if that has `resources`.
    pub status: Option<StatusResources>,
}

/// A pod as far as its resources go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodResources {
    /// Init containers and sidecars in spec order.
    pub init: Vec<ContainerResources>,
    /// Main containers in spec order.
    pub main: Vec<ContainerResources>,
    /// `spec.resources`.
    pub pod: Option<ResourceRequirements>,
    /// `spec.overhead`.
    pub overhead: ResourceList,
    /// Whether the pod's resize is known to be infeasible on its node.
    pub resize_infeasible: bool,
}

/// What the sums count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Whether containers count with what their statuses say, too.
    pub use_status: bool,
    /// Whether overhead is left out.
    pub exclude_overhead: bool,
    /// Requests that containers have where they state none.
    pub non_missing_requests: ResourceList,
    /// Whether `spec.resources` is left out.
    pub skip_pod_level: bool,
    /// Whether the containers' requests are left out.
    pub skip_container_level: bool,
}

impl Options {
    /// What scoring counts: containers without requests as 100m cpu and 200Mi memory.
    #[must_use]
    pub fn scoring() -> Self {
        let cpu = Quantity::from_milli(100, Format::DecimalSi);
        let memory = Quantity::new(200 << 20, Format::BinarySi);
        let non_missing_requests = [(CPU, cpu), (MEMORY, memory)].into_iter().collect();
        Self { non_missing_requests, ..Self::default() }
    }
}

/// Whether `name` may be set on the pod itself.
#[must_use]
pub fn is_pod_level_resource(name: &str) -> bool {
    name == CPU || name == MEMORY || name.starts_with(HUGE_PAGES_PREFIX)
}

impl PodResources {
    /// The pod's effective requests.
    #[must_use]
    pub fn requests(&self, options: &Options) -> ResourceList {
        let mut requests =
            if options.skip_container_level { ResourceList::new() } else { self.container_requests(options) };
        if let Some(pod) = self.pod.as_ref().filter(|_| !options.skip_pod_level) {
            replace_pod_level(&mut requests, &pod.requests);
        }
        if !options.exclude_overhead {
            requests.add(&self.overhead);
        }
        requests
    }

    /// The pod's effective limits. Overhead raises only limits that are there and not zero.
    #[must_use]
    pub fn limits(&self, options: &Options) -> ResourceList {
        let mut limits = self.container_limits(options);
        if let Some(pod) = self.pod.as_ref().filter(|_| !options.skip_pod_level) {
            replace_pod_level(&mut limits, &pod.limits);
        }
        if !options.exclude_overhead {
            for (name, overhead) in self.overhead.iter() {
                if let Some(limit) = limits.get(name).filter(|limit| !limit.is_zero()) {
                    limits.set(name, limit.plus(overhead));
                }
            }
        }
        limits
    }

    /// What the containers together request, at the time when they request most.
    #[must_use]
    pub fn container_requests(&self, options: &Options) -> ResourceList {
        self.aggregate(
            options,
            |requirements| &requirements.requests,
            |status| Some(&status.allocated),
            |list| {
                list.fill(&options.non_missing_requests);
            },
        )
    }

    /// What the containers together may use, at the time when they may use most.
    #[must_use]
    pub fn container_limits(&self, options: &Options) -> ResourceList {
        self.aggregate(options, |requirements| &requirements.limits, |_| None, |_| {})
    }

    /// Main containers and sidecars run at once; before that, each init container runs with the sidecars before it.
    fn aggregate(
        &self,
        options: &Options,
        list: fn(&ResourceRequirements) -> &ResourceList,
        allocated: fn(&StatusResources) -> Option<&ResourceList>,
        complete: impl Fn(&mut ResourceList),
    ) -> ResourceList {
        let of = |container: &ContainerResources, resizable: bool| {
            let status = container.status.as_ref().filter(|_| options.use_status && resizable);
            let from_spec = status.is_none() || !self.resize_infeasible;
            let mut result = if from_spec { list(&container.spec).clone() } else { ResourceList::new() };
            if let Some(status) = status {
                result.raise(list(&status.actual));
                if let Some(allocated) = allocated(status) {
                    result.raise(allocated);
                }
            }
            complete(&mut result);
            result
        };
        let mut sum = ResourceList::new();
        for container in &self.main {
            sum.add(&of(container, true));
        }
        let (mut sidecars, mut most) = (ResourceList::new(), ResourceList::new());
        for container in &self.init {
            let own = of(container, container.sidecar);
            if container.sidecar {
                sum.add(&own);
                sidecars.add(&own);
                most.raise(&sidecars);
            } else {
                let mut together = own;
                together.add(&sidecars);
                most.raise(&together);
            }
        }
        sum.raise(&most);
        sum
    }

    /// Fills in what the API server fills in: requests of containers from their limits, and then those of the pod
    /// (if it has limits of its own) from its containers or its limits.
    pub fn set_defaults(&mut self) {
        for container in self.main.iter_mut().chain(&mut self.init) {
            container.spec.requests.fill(&container.spec.limits);
        }
        let from_containers = self.container_requests(&Options::default());
        let Some(pod) = self.pod.as_mut().filter(|pod| !pod.limits.is_empty()) else { return };
        let supported = from_containers.iter().filter(|(name, _)| *name == CPU || *name == MEMORY);
        let supported: ResourceList = supported.collect();
        pod.requests.fill(&supported);
        let own: ResourceList = pod.limits.iter().filter(|(name, _)| is_pod_level_resource(name)).collect();
        pod.requests.fill(&own);
    }
}

fn replace_pod_level(list: &mut ResourceList, pod: &ResourceList) {
    for (name, amount) in pod.iter().filter(|(name, _)| is_pod_level_resource(name)) {
        list.set(name, amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[(&str, &str)]) -> ResourceList {
        items.iter().map(|(name, text)| (*name, Quantity::parse(text).expect("a quantity"))).collect()
    }

    fn container(sidecar: bool, requests: &[(&str, &str)], limits: &[(&str, &str)]) -> ContainerResources {
        let spec = ResourceRequirements { requests: list(requests), limits: list(limits) };
        ContainerResources { sidecar, spec, status: None }
    }

    #[test]
    fn init_containers_count_with_the_sidecars_before_them() {
        let pod = PodResources {
            init: vec![
                container(true, &[("cpu", "1")], &[]),
                container(false, &[("cpu", "5"), ("gpu", "1")], &[]),
                container(true, &[("cpu", "2")], &[]),
            ],
            main: vec![container(false, &[("cpu", "1"), ("memory", "1Gi")], &[])],
            overhead: list(&[("cpu", "250m"), ("disk", "1")]),
            ..PodResources::default()
        };
        let want = list(&[("cpu", "6250m"), ("memory", "1Gi"), ("gpu", "1"), ("disk", "1")]);
        assert_eq!(pod.requests(&Options::default()), want);
        let scoring = pod.requests(&Options::scoring());
        assert_eq!(scoring.get("memory"), Some(Quantity::new((1 << 30) + (400 << 20), Format::BinarySi)));
        assert_eq!(pod.limits(&Options::default()), ResourceList::new());
        let limited = PodResources {
            main: vec![container(false, &[], &[("cpu", "0"), ("disk", "2")])],
            overhead: pod.overhead.clone(),
            ..PodResources::default()
        };
        assert_eq!(limited.limits(&Options::default()), list(&[("cpu", "0"), ("disk", "3")]));
    }

    #[test]
    fn an_infeasible_resize_does_not_count_and_a_regular_init_container_has_no_status() {
        let status = |cpu: &str| {
            let actual = ResourceRequirements { requests: list(&[("cpu", cpu)]), limits: list(&[("cpu", cpu)]) };
            Some(StatusResources { allocated: list(&[("cpu", "3")]), actual })
        };
        let mut resized = container(false, &[("cpu", "8")], &[("cpu", "8")]);
        resized.status = status("2");
        let mut init = container(false, &[("cpu", "1")], &[]);
        init.status = status("64");
        let mut pod = PodResources { init: vec![init], main: vec![resized], ..PodResources::default() };
        let options = Options { use_status: true, ..Options::default() };
        assert_eq!(pod.requests(&options), list(&[("cpu", "8")]));
        pod.resize_infeasible = true;
        assert_eq!((pod.requests(&options), pod.limits(&options)), (list(&[("cpu", "3")]), list(&[("cpu", "2")])));
    }

    #[test]
    fn missing_requests_come_from_limits() {
        let mut pod = PodResources {
            init: vec![container(false, &[], &[("memory", "1Gi")])],
            main: vec![container(false, &[("cpu", "1")], &[("cpu", "2"), ("gpu", "1")])],
            pod: Some(ResourceRequirements {
                requests: ResourceList::new(),
                limits: list(&[("cpu", "4"), ("hugepages-2Mi", "2Mi")]),
            }),
            ..PodResources::default()
        };
        pod.set_defaults();
        assert_eq!(pod.main[0].spec.requests, list(&[("cpu", "1"), ("gpu", "1")]));
        let requests = &pod.pod.as_ref().expect("set above").requests;
        assert_eq!(*requests, list(&[("cpu", "1"), ("memory", "1Gi"), ("hugepages-2Mi", "2Mi")]));
    }

    #[test]
    fn lists_become_integers() {
        let mut strings = Strings::new();
        let compiled = list(&[("cpu", "1m"), ("memory", "1500m"), ("nvidia.com/gpu", "2")]).compile(&mut strings);
        let gpu = strings.lookup("nvidia.com/gpu").expect("just interned");
        assert_eq!((compiled.milli_cpu, compiled.memory, compiled.scalar(gpu)), (1, 2, 2));
    }
}
