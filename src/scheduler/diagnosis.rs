//! Why a pod found no place: a histogram of reasons, and the message that upstream writes into the PodScheduled
//! condition and the FailedScheduling event. Mirrors `FitError.Error` in pkg/scheduler/framework/types.go and the texts
//! of pkg/scheduler/framework/preemption/preemption.go (v1.34.1). Knows no cluster.

use smallvec::SmallVec;

use super::framework::{Plugin, PluginSet, Reason, Rejection, Verdict};
use super::plugins::dynamic_resources;
use crate::model::profile::Profile;
use crate::model::{PreemptionPolicy, Strings};

/// Counts of nodes by reason; a node with two reasons counts in both. Sorted by reason, each once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Histogram(SmallVec<[(Reason, u32); 3]>);

impl Histogram {
    /// Counts `nodes` more nodes with `reason`.
    pub fn add(&mut self, reason: Reason, nodes: u32) {
        match self.0.binary_search_by_key(&reason, |&(r, _)| r) {
            Ok(at) => self.0[at].1 += nodes,
            Err(at) => self.0.insert(at, (reason, nodes)),
        }
    }

    /// Reasons with the number of nodes, sorted by reason.
    #[must_use]
    pub fn counts(&self) -> &[(Reason, u32)] {
        &self.0
    }

    fn text(&self, strings: &Strings) -> String {
        joined(self.0.iter().map(|&(reason, nodes)| format!("{nodes} {}", reason.text(strings))))
    }
}

/// What was found out about all nodes when none fits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Diagnosis {
    /// What PreFilter said against the pod as a whole; then no node was looked at.
    pub pre_filter: Option<Box<Rejection>>,
    /// How many nodes have which reason.
    pub histogram: Histogram,
    /// The plugins that rejected some node: their events may help the pod.
    pub plugins: PluginSet,
    /// Nodes that an eviction could make fit.
    pub resolvable: u32,
    /// Nodes that no eviction makes fit.
    pub unresolvable: u32,
}

impl Diagnosis {
    /// PreFilter rejected the pod itself, on a cluster of `all_nodes`.
    #[must_use]
    pub fn of_pod(rejection: Rejection, all_nodes: u32) -> Self {
        let plugins = PluginSet::of(&[rejection.plugin]);
        Self { pre_filter: Some(Box::new(rejection)), plugins, unresolvable: all_nodes, ..Self::default() }
    }

    /// Counts `nodes` nodes that `plugin` rejected with `verdict`.
    pub fn add(&mut self, plugin: Plugin, verdict: &Verdict, nodes: u32) {
        if nodes == 0 {
            return;
        }
        for &reason in verdict.reasons() {
            self.histogram.add(reason, nodes);
        }
        self.plugins.insert(plugin);
        match verdict {
            Verdict::UnschedulableAndUnresolvable(_) => self.unresolvable += nodes,
            Verdict::Unschedulable(_) => self.resolvable += nodes,
            Verdict::Fits => {}
        }
    }
}

/// What DefaultPreemption (PostFilter) said after no node fitted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PostFilter {
    /// It did not run because there are no nodes, or it found a candidate. Nothing is added to the message.
    Silent,
    /// The profile is without it.
    Absent,
    /// DynamicResources' PostFilter, which runs first, misses what its PreFilter did not get to note.
    StateNotFound,
    /// `preemptionPolicy: Never`.
    NeverPreempts,
    /// Victims of an earlier eviction are still going on the node that the pod is nominated for.
    TerminatingVictims,
    /// No node is helped by evictions.
    NoCandidate {
        /// Nodes that evictions cannot make fit.
        not_helpful: u32,
        /// Nodes without any pod of lower priority.
        no_victims: u32,
        /// Reasons that remain on the other nodes when all pods of lower priority are gone.
        remaining: Histogram,
    },
}

/// No node takes the pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FitError {
    /// How many nodes there are.
    pub all_nodes: u32,
    /// What the filters said.
    pub diagnosis: Diagnosis,
    /// What preemption said.
    pub post_filter: PostFilter,
    /// Whether the profile runs DynamicResources' PostFilter, which has a word for pods without claims as well.
    pub speaks_of_claims: bool,
}

impl FitError {
    /// The failure of a pod with `policy` in a cluster where no node has a pod of lower priority.
    #[must_use]
    pub fn without_victims(all_nodes: u32, diagnosis: Diagnosis, profile: &Profile, policy: PreemptionPolicy) -> Self {
        let speaks_of_claims = profile.post_filter.contains(&Plugin::DynamicResources);
        let rejected = diagnosis.pre_filter.as_deref().filter(|r| !matches!(r.verdict, Verdict::Unschedulable(_)));
        let has_state = dynamic_resources::has_noted_state(&profile.pre_filter, rejected.map(|r| r.plugin));
        let post_filter = match policy {
            _ if all_nodes == 0 => PostFilter::Silent,
            _ if speaks_of_claims && !has_state => PostFilter::StateNotFound,
            _ if !profile.post_filter.contains(&Plugin::DefaultPreemption) => PostFilter::Absent,
            PreemptionPolicy::Never => PostFilter::NeverPreempts,
            PreemptionPolicy::PreemptLowerPriority => PostFilter::NoCandidate {
                not_helpful: diagnosis.unresolvable,
                no_victims: diagnosis.resolvable,
                remaining: Histogram::default(),
            },
        };
        Self { all_nodes, diagnosis, post_filter, speaks_of_claims }
    }

    /// The plugins whose events may help. Empty without nodes: upstream treats that as an error and retries after a back-off.
    #[must_use]
    pub const fn rejected_by(&self) -> PluginSet {
        self.diagnosis.plugins
    }

    /// The text of the PodScheduled condition.
    #[must_use]
    pub fn message(&self, strings: &Strings) -> String {
        if self.all_nodes == 0 {
            return "no nodes available to schedule pods".to_owned();
        }
        let all = self.all_nodes;
        let reasons = match &self.diagnosis.pre_filter {
            Some(rejection) => {
                let reasons = rejection.verdict.reasons().iter().map(|reason| reason.text(strings));
                reasons.collect::<Vec<_>>().join(", ")
            }
            None => self.diagnosis.histogram.text(strings),
        };
        let head = format!("0/{all} nodes are available: {reasons}.");
        let claims = [" ", dynamic_resources::NOTHING_TO_DEALLOCATE].concat();
        let claims = if self.speaks_of_claims { claims.as_str() } else { "" };
        let tail = match &self.post_filter {
            PostFilter::Silent => return head,
            PostFilter::Absent => return format!("{head}{claims}"),
            PostFilter::StateNotFound => return format!("{head} {}", dynamic_resources::NO_STATE),
            PostFilter::NeverPreempts => "not eligible due to preemptionPolicy=Never.".to_owned(),
            PostFilter::TerminatingVictims => "not eligible due to a terminating pod on the nominated node.".to_owned(),
            PostFilter::NoCandidate { not_helpful, no_victims, remaining } => {
                let own = [
                    (*not_helpful, "Preemption is not helpful for scheduling"),
                    (*no_victims, "No preemption victims found for incoming pod"),
                ];
                let own = own.iter().filter(|(nodes, _)| *nodes > 0).map(|(nodes, text)| format!("{nodes} {text}"));
                let rest = remaining.counts().iter().map(|&(r, nodes)| format!("{nodes} {}", r.text(strings)));
                format!("0/{all} nodes are available: {}.", joined(own.chain(rest)))
            }
        };
        format!("{head}{claims}{} preemption: {tail}", if self.speaks_of_claims { "," } else { "" })
    }
}

/// Upstream sorts the entries as texts, so "10 x" comes before "2 y".
fn joined(entries: impl Iterator<Item = String>) -> String {
    let mut entries: Vec<String> = entries.collect();
    entries.sort_unstable();
    entries.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;
    use crate::scheduler::framework::Reasons;

    fn two_kinds() -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        let taint = Reason::UntoleratedTaint { key: known::TAINT_NOT_READY, value: known::EMPTY };
        diagnosis.add(Plugin::TaintToleration, &Verdict::unresolvable(taint), 2);
        let both = Reasons::from_slice(&[Reason::TooManyPods, Reason::Insufficient(known::CPU)]);
        diagnosis.add(Plugin::NodeResourcesFit, &Verdict::Unschedulable(both), 10);
        diagnosis
    }

    #[test]
    fn the_message_is_upstreams() {
        let strings = Strings::new();
        let error =
            FitError::without_victims(12, two_kinds(), &Profile::default(), PreemptionPolicy::PreemptLowerPriority);
        assert_eq!(
            error.message(&strings),
            "0/12 nodes are available: 10 Insufficient cpu, 10 Too many pods, 2 node(s) had untolerated taint \
             {node.kubernetes.io/not-ready: }. no new claims to deallocate, preemption: 0/12 nodes are available: \
             10 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling."
        );
        assert_eq!(error.rejected_by(), PluginSet::of(&[Plugin::TaintToleration, Plugin::NodeResourcesFit]));
    }

    #[test]
    fn a_pod_that_never_preempts_says_so_and_no_nodes_is_another_text() {
        let strings = Strings::new();
        let error = FitError::without_victims(12, two_kinds(), &Profile::default(), PreemptionPolicy::Never);
        assert!(
            error
                .message(&strings)
                .ends_with("}. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.")
        );
        let none = FitError::without_victims(0, Diagnosis::default(), &Profile::default(), PreemptionPolicy::Never);
        assert_eq!(none.message(&strings), "no nodes available to schedule pods");
        let found = FitError { post_filter: PostFilter::Silent, ..error };
        assert!(found.message(&strings).ends_with("not-ready: }."));
    }
}
