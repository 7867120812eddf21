//! How long a node waits for a new pod of a DaemonSet after one failed there. Pure. Mirrors
//! staging/src/k8s.io/client-go/util/flowcontrol/backoff.go as pkg/controller/daemon/daemon_controller.go uses it (v1.34.1).

use std::collections::BTreeMap;

use crate::base::{SimDuration, SimTime};
use crate::model::NodeId;

/// The first wait, and the longest (`BackoffInitial`, `BackoffMax`).
const FIRST: SimDuration = SimDuration::from_secs(1);
const LONGEST: SimDuration = SimDuration::from_secs(15 * 60);

/// Waits of one DaemonSet by node and template.
#[derive(Clone, Debug, Default)]
pub(in crate::controllers) struct FailedPods {
    waits: BTreeMap<(NodeId, u64), (SimDuration, SimTime)>,
}

impl FailedPods {
    /// Whether a failed pod may be deleted now; otherwise how long until it may.
    pub(super) fn next(&mut self, node: NodeId, template: u64, now: SimTime) -> Result<(), SimDuration> {
        // What was quiet for twice the longest wait is forgotten.
        let known = self.waits.get(&(node, template)).filter(|(_, since)| now - *since <= LONGEST * 2);
        let next = match known {
            Some(&(wait, since)) if now - since < wait => return Err(wait - (now - since)),
            Some(&(wait, _)) => (wait * 2).min(LONGEST),
            None => FIRST,
        };
        self.waits.insert((node, template), (next, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_forgotten() {
        let mut waits = FailedPods::default();
        let node = NodeId::from_raw(0);
        let mut now = SimTime(0);
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(waits.next(node, 1, now), Ok(()));
            let left = waits.next(node, 1, now + SimDuration::from_millis(500));
            assert_eq!(left, Err(SimDuration::from_secs(seconds) - SimDuration::from_millis(500)));
            now += SimDuration::from_secs(seconds);
        }
        assert_eq!(waits.next(node, 2, now), Ok(()), "another template waits for itself");
        now += LONGEST * 2 + SimDuration::from_secs(1);
        assert_eq!(waits.next(node, 1, now), Ok(()));
        assert_eq!(waits.next(node, 1, now), Err(FIRST));
    }
}
