//! What nodes of one kind (labels, taints) say to one question, as far as it hangs on fixed properties: thousands of nodes are of
//! few kinds. A small table that forgets; whether it may be asked at all is said by the [`probe`](super::probe).

use super::opinions::{Extremes, Opinion};
use super::probe::{Probe, Reject};
use super::tables::Kind;
use super::view::View;
use crate::base::id::DenseId;
use crate::model::NodeId;

/// What is thought of a node, or the first rejection.
pub(super) type Facts = Result<Opinion, Reject>;

/// The table has so many places at first, and at most.
const FEW: usize = 16;
const MANY: usize = 1024;

/// What kinds say, each at the place that its number gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds {
    places: Vec<Option<(Kind, Facts)>>,
}

impl Kinds {
    /// Forgets everything, for another question.
    pub(super) fn clear(&mut self) {
        self.places.clear();
    }

    /// What a node says to the question that this table is kept for; cells count what opinions come to with these extremes.
    #[inline]
    pub(super) fn facts(&mut self, view: &View, probe: &Probe<'_>, node: NodeId, extremes: Option<Extremes>) -> Facts {
        let ask = || probe.facts(view, node).map(|(taints, terms)| Opinion::new(probe.rules, extremes, taints, terms));
        if !probe.looks_at_kind_alone() {
            return ask();
        }
        let kind = view.facts(node).expect("a listed node exists").kind();
        match self.places.get(self.place(kind)) {
            Some(&Some((known, said))) if known == kind => said,
            taken => {
                let collides = matches!(taken, Some(Some(_)));
                self.learn(ask(), kind, collides)
            }
        }
    }

    /// What a node of a kind that is known says.
    #[inline]
    pub(super) fn known(&self, kind: Kind) -> Option<&Facts> {
        self.places.get(self.place(kind))?.as_ref().filter(|(known, _)| *known == kind).map(|(_, said)| said)
    }

    fn learn(&mut self, said: Facts, kind: Kind, collides: bool) -> Facts {
        let size = self.places.len();
        if size == 0 || (collides && size < MANY) {
            self.places.clear();
            self.places.resize((2 * size).max(FEW), None);
        }
        let place = self.place(kind);
        self.places[place] = Some((kind, said));
        said
    }

    fn place(&self, (labels, taints, unschedulable): Kind) -> usize {
        let spread = labels.index() ^ taints.index().wrapping_mul(0x55) ^ usize::from(unschedulable);
        spread & self.places.len().wrapping_sub(1)
    }
}
