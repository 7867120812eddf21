//! What the metrics APIs tell autoscalers: what was measured of pods and services at the last scrapes, a while ago. Must not know
//! who measures. Mirrors what metrics-server v0.8 keeps, and pkg/controller/podautoscaler/metrics/client.go, v1.34.

use std::collections::BTreeMap;

use super::replicas::PodMetric;
use super::rules::Memory;
use crate::api::{Cluster, ObjectRow, PodRef};
use crate::base::{SimDuration, SimTime};
use crate::model::objects::ObjectKind;
use crate::model::{ObjectId, PodUid, ServiceId, Strings};

/// What a container used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerSample {
    /// Thousandths of a core.
    pub milli_cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Thousandths of a request per second.
    pub milli_requests: i64,
}

/// What was measured at one instant.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scrape {
    /// When.
    pub at: SimTime,
    /// For each pod of which all running containers could be measured: what each used, by its index; `None`: it does not run.
    pub pods: BTreeMap<PodUid, Box<[Option<ContainerSample>]>>,
    /// Thousandths of a request per second on services that have traffic.
    pub services: BTreeMap<ServiceId, i64>,
}

/// What autoscalers remember, and what is known to them.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Of each autoscaler that was synced.
    pub(in crate::controllers) memories: BTreeMap<ObjectId, Memory>,
    /// Latest first. Those before the first that everybody can see are forgotten.
    scrapes: Vec<Scrape>,
    /// Whether the next scrape is arranged.
    pub(in crate::controllers) scraping: bool,
}

impl Known {
    /// Takes over a new scrape; one is seen after `lag`.
    pub fn scraped(&mut self, scrape: Scrape, lag: SimDuration) {
        let now = scrape.at;
        let seen = self.scrapes.iter().position(|old| old.at + lag <= now);
        if let Some(at) = seen {
            self.scrapes.truncate(at + 1);
        }
        self.scrapes.insert(0, scrape);
    }

    /// The latest scrape that is seen at `now`.
    #[must_use]
    pub fn latest(&self, now: SimTime, lag: SimDuration) -> Option<&Scrape> {
        self.scrapes.iter().find(|scrape| scrape.at + lag <= now)
    }
}

impl Scrape {
    /// A metric of a pod, given what counts of its containers.
    pub(super) fn of_pod(
        &self,
        pod: PodUid,
        window: SimDuration,
        value: impl Fn(usize, ContainerSample) -> i64,
        only: Option<usize>,
    ) -> Option<PodMetric> {
        let containers = self.pods.get(&pod)?.iter().enumerate();
        let running = containers.filter_map(|(at, sample)| Some((at, (*sample)?)));
        let mut counted = running.filter(|(at, _)| only.is_none_or(|only| only == *at)).peekable();
        counted.peek()?;
        Some(PodMetric { value: counted.map(|(at, sample)| value(at, sample)).sum(), at: self.at, window })
    }
}

/// The object that an autoscaler scales, if it exists.
pub(super) fn target(cluster: &Cluster, strings: &Strings, autoscaler: &ObjectRow) -> Option<ObjectId> {
    let (kind, name) = autoscaler.spec.autoscaler()?.target;
    cluster.objects().find(kind?, autoscaler.namespace, strings.text(name))
}

/// The pods of a scale target, in the order of their creation: its own, and those of what it owns.
pub(super) fn pods(cluster: &Cluster, target: ObjectId) -> Vec<PodRef> {
    let row = cluster.objects().get(target);
    let owners = std::iter::once(target).chain(row.children().iter().copied());
    let mut pods: Vec<PodRef> = owners.flat_map(|owner| cluster.pods_of(owner)).collect();
    pods.sort_unstable_by_key(|pod| pod.uid);
    pods
}

/// The pods that are to be measured; `None`: there is no autoscaler.
#[must_use]
pub fn measured(cluster: &Cluster, strings: &Strings) -> Option<Vec<PodRef>> {
    let mut autoscalers = cluster.objects().of_kind(ObjectKind::HorizontalPodAutoscaler).peekable();
    autoscalers.peek()?;
    let targets = autoscalers.filter_map(|(_, row)| target(cluster, strings, row));
    Some(targets.flat_map(|target| pods(cluster, target)).collect())
}
