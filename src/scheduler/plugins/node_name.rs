//! NodeName: pods that name their node. Mirrors pkg/scheduler/framework/plugins/nodename (v1.34.1).

use crate::model::StrId;
use crate::scheduler::framework::{Reason, Verdict};

/// Rejects every node but the one that `spec.nodeName` names.
#[must_use]
pub fn filter(wanted: Option<StrId>, name: StrId) -> Verdict {
    match wanted {
        Some(wanted) if wanted != name => Verdict::unresolvable(Reason::NodeName),
        _ => Verdict::Fits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;

    #[test]
    fn only_the_named_node_fits() {
        assert!(filter(None, known::CPU).fits() && filter(Some(known::CPU), known::CPU).fits());
        assert_eq!(filter(Some(known::MEMORY), known::CPU), Verdict::unresolvable(Reason::NodeName));
    }
}
