//! Why pending pods do not fit: what was said when each was tried last. Many are told the same, so each text is kept once, and a
//! pod costs four bytes that are written and not read. Knows no queue.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::diagnosis::FitError;
use crate::base::id::DenseId;
use crate::base::{IdPages, IdVec};
use crate::model::{ClassId, PodId};

/// Nothing was said.
const NOTHING: u32 = u32::MAX;

/// How many errors are kept at least before those are dropped that nobody has any more.
const FEW: usize = 1024;

/// The last error of every pending pod.
#[derive(Debug, Default)]
pub(super) struct Errors {
    said: IndexSet<FitError, FxBuildHasher>,
    /// How many were said when the others were dropped last.
    kept: usize,
    /// As long as the last pod that did not fit needs.
    of_pods: IdPages<PodId, u32>,
    /// What was said last to a pod of the class.
    of_classes: IdVec<ClassId, u32>,
}

impl Errors {
    /// Notes why a pod does not fit.
    pub(super) fn note(&mut self, pod: PodId, class: ClassId, error: FitError) {
        self.of_classes.grow_to(class, NOTHING);
        let last = &mut self.of_classes[class];
        if self.said.get_index(*last as usize) != Some(&error) {
            *last = small(self.said.insert_full(error).0);
        }
        self.of_pods.grow_to(pod, &NOTHING);
        self.of_pods[pod] = *last;
        if self.said.len() > 2 * self.kept + FEW {
            self.sweep();
        }
    }

    /// Why the pod did not fit when it was tried last.
    pub(super) fn get(&self, pod: PodId) -> Option<&FitError> {
        self.said.get_index(*self.of_pods.get(pod)? as usize)
    }

    /// The pod is bound or gone.
    pub(super) fn forget(&mut self, pod: PodId) {
        if pod.index() < self.of_pods.len() {
            self.of_pods[pod] = NOTHING;
        }
    }

    /// Drops what nobody was told last.
    fn sweep(&mut self) {
        let mut numbers = vec![NOTHING; self.said.len()];
        let of_pods = self.of_pods.entries().map(|(_, &said)| said);
        for said in of_pods.chain(self.of_classes.iter().copied()).filter(|&said| said != NOTHING) {
            numbers[said as usize] = 0;
        }
        let mut kept = 0..;
        let held = numbers.iter_mut().filter(|number| **number != NOTHING);
        held.zip(&mut kept).for_each(|(number, new)| *number = new);
        self.said = std::mem::take(&mut self.said)
            .into_iter()
            .zip(&numbers)
            .filter_map(|(error, &number)| (number != NOTHING).then_some(error))
            .collect();
        self.kept = self.said.len();
        let renumber = |said: &mut u32| *said = numbers.get(*said as usize).copied().unwrap_or(NOTHING);
        for pod in 0..self.of_pods.len() {
            renumber(&mut self.of_pods[PodId::from_index(pod)]);
        }
        for class in 0..self.of_classes.len() {
            renumber(&mut self.of_classes[ClassId::from_index(class)]);
        }
    }
}

fn small(index: usize) -> u32 {
    u32::try_from(index).expect("fewer errors than pods")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PreemptionPolicy;
    use crate::model::profile::Profile;
    use crate::scheduler::diagnosis::Diagnosis;

    #[test]
    fn what_is_said_to_nobody_any_more_is_dropped_and_the_rest_stays_with_its_pods() {
        let error = |nodes: u32| {
            let (profile, policy) = (Profile::default(), PreemptionPolicy::Never);
            FitError::without_victims(nodes, Diagnosis::default(), &profile, policy)
        };
        let (mut errors, class) = (Errors::default(), ClassId::from_raw);
        for round in 0..20_000_u32 {
            errors.note(PodId::from_raw(round % 100), class(round % 3), error(round / 2));
            assert!(errors.said.len() <= 2 * 103 + FEW);
        }
        let told = |errors: &Errors, pod| errors.get(PodId::from_raw(pod)).map(|error| error.all_nodes);
        assert!((0..100).all(|pod| told(&errors, pod) == Some((19_900 + pod) / 2)));
        errors.forget(PodId::from_raw(7));
        errors.sweep();
        assert_eq!((told(&errors, 7), told(&errors, 8), told(&errors, 500)), (None, Some(9954), None));
        assert_eq!(errors.said.len(), 50);
    }
}
