//! The scheduler's part of the plan. Knows no cluster.

use super::profile::Profile;
use super::{PodClass, ProfileId, Strings};
use crate::base::{IdVec, SimDuration};

/// Settings of the scheduler.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerPlan {
    /// `percentageOfNodesToScore`; 0: adaptive; 100: all.
    pub percentage_of_nodes_to_score: u32,
    /// `podInitialBackoffSeconds`.
    pub initial_backoff: SimDuration,
    /// `podMaxBackoffSeconds`.
    pub max_backoff: SimDuration,
    /// Take the first of several best nodes instead of a drawn one.
    pub first_node_on_tie: bool,
    /// Evict for pods of higher priority beside the scheduling cycles (SchedulerAsyncPreemption) instead of within them.
    pub async_preemption: bool,
    /// Evaluate by the plain scan instead of the columns.
    pub evaluator: Evaluator,
    /// The profiles; each has another scheduler name.
    pub profiles: Vec<Profile>,
}

impl SchedulerPlan {
    /// The profiles, for a run with these strings.
    #[must_use]
    pub fn profiles(&self, strings: &Strings) -> IdVec<ProfileId, Profile> {
        let mut profiles = self.profiles.clone();
        profiles.iter_mut().for_each(|profile| profile.args.fit.resolve(strings));
        profiles.into_iter().collect()
    }

    /// Whether the pods of a class are scheduled by one of the profiles.
    #[must_use]
    pub fn schedules(&self, class: &PodClass) -> bool {
        self.profiles.iter().any(|profile| profile.scheduler_name == class.scheduler_name)
    }
}

/// Which evaluator the scheduler uses; all give the same decisions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Evaluator {
    /// Struct-of-arrays with caches.
    #[default]
    Columns,
    /// Every plugin on every node, recounted: the judge.
    Scan,
}

impl Default for SchedulerPlan {
    fn default() -> Self {
        Self {
            percentage_of_nodes_to_score: 0,
            initial_backoff: SimDuration::from_secs(1),
            max_backoff: SimDuration::from_secs(10),
            first_node_on_tie: false,
            async_preemption: true,
            evaluator: Evaluator::Columns,
            profiles: vec![Profile::default()],
        }
    }
}
