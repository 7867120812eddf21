//! What a pod takes of a node, and what scoring counts for it. Knows no node.

use super::plugins::resource_allocation::Demand;
use crate::model::{Resources, StrId};

/// What a pod takes and what scoring counts for it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Request {
    /// Effective requests.
    pub amounts: Resources,
    /// CPU that scoring counts for the incoming pod, in milli-cores.
    pub scoring_milli_cpu: i64,
    /// Memory that scoring counts for the incoming pod, in bytes.
    pub scoring_memory: i64,
    /// CPU that scoring counts once it is on a node, in milli-cores.
    pub accounted_milli_cpu: i64,
    /// Memory that scoring counts once it is on a node, in bytes.
    pub accounted_memory: i64,
    /// Extended resources and huge pages that the score of NodeResourcesFit counts, if not those of `amounts`.
    pub scoring_scalar: Option<Box<[(StrId, i64)]>>,
}

impl Request {
    /// What the score of NodeResourcesFit counts for the incoming pod.
    #[inline]
    #[must_use]
    pub fn for_fit(&self) -> Demand<'_> {
        Demand {
            milli_cpu: self.scoring_milli_cpu,
            memory: self.scoring_memory,
            ephemeral_storage: self.amounts.ephemeral_storage,
            scalar: self.scoring_scalar.as_deref().unwrap_or(&self.amounts.scalar),
        }
    }

    /// What NodeResourcesBalancedAllocation counts for the incoming pod.
    #[inline]
    #[must_use]
    pub fn for_balance(&self) -> Demand<'_> {
        Demand {
            milli_cpu: self.amounts.milli_cpu,
            memory: self.amounts.memory,
            ephemeral_storage: self.amounts.ephemeral_storage,
            scalar: &self.amounts.scalar,
        }
    }
}
