//! What metrics-server and the like measure: values of pods and services at one instant, carried from the kubelets and the
//! traffic to the autoscalers. Decides nothing.

use super::event::Event;
use super::world::{World, env};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::controllers::hpa::metrics::{self, ContainerSample, Scrape};
use crate::engine::{Kernel, Ranked};
use crate::record::Recorder;

/// A container that runs for less has no rate of use yet (`freshContainerMinMetricsResolution` of metrics-server).
const FRESH: SimDuration = SimDuration::from_secs(10);

impl World {
    /// Arranges the first scrape if there is an autoscaler now: scrapes are on a grid from the start.
    pub(super) fn arrange_scrapes(&mut self, kernel: &mut Kernel<Event>) {
        if self.manager.needs_scrapes(&self.cluster) {
            let at = kernel.now().ceil_to_grid(self.plan.start, self.plan.control_plane.metrics_resolution);
            kernel.schedule_at(at, Event::Scrape.rank(), Event::Scrape);
        }
    }

    /// Measures what autoscalers ask for, and arranges the next scrape as long as there are some.
    pub(super) fn scrape<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R) {
        let now = kernel.now();
        let mut env = env!(self, kernel, recorder);
        // What quiet pods use is asked seldom, and of all of them.
        self.kubelets.observe_all(&mut env, now);
        let scrape = self.measure(now);
        let settings = &self.plan.control_plane;
        if self.manager.scraped(scrape, settings.metrics_lag) {
            kernel.schedule_in(settings.metrics_resolution, Event::Scrape.rank(), Event::Scrape);
        }
    }

    fn measure(&self, now: SimTime) -> Option<Scrape> {
        let mut scrape = Scrape { at: now, ..Scrape::default() };
        for pod in metrics::measured(&self.cluster, &self.plan.strings)? {
            let template = &self.plan.templates[self.cluster.pods().template(pod.pod)];
            let containers = 0..u16::try_from(template.containers.len()).expect("few containers");
            let used: Vec<_> =
                containers.map(|index| self.kubelets.container_usage(&self.plan, now, pod, index)).collect();
            if used.iter().flatten().all(|(since, ..)| *since + FRESH <= now) && used.iter().any(Option::is_some) {
                let sample = |(_, cpu, memory, rate): (SimTime, f64, f64, f64)| ContainerSample {
                    milli_cpu: cpu.ceil() as i64,
                    memory: memory as i64,
                    milli_requests: (rate * 1000.0) as i64,
                };
                scrape.pods.insert(pod.uid, used.into_iter().map(|used| used.map(sample)).collect());
            }
        }
        let services = self.traffic_of.entries().filter_map(|(service, at)| Some((service, (*at)?)));
        scrape.services = services.map(|(service, at)| (service, (self.traffic[at].rate() * 1000.0) as i64)).collect();
        Some(scrape)
    }
}
