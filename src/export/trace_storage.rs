//! What `trace.json` shows of storage: how long volumes are on their way to a node and stay there, and in which phase claims are.
//! Knows no format.

use std::collections::BTreeMap;

use crate::base::SimTime;
use crate::model::NodeId;
use crate::record::{Fact, Recording, VolumeStage};

/// A time in which a volume or a claim was in one state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slice {
    /// The node of a volume; claims are on none.
    pub node: Option<NodeId>,
    /// What it is about.
    pub name: String,
    /// The state.
    pub state: &'static str,
    /// From when.
    pub from: SimTime,
    /// Until when.
    pub to: SimTime,
}

/// All of them, claims first, by node and name, each in the order of time. What lasts is cut off at `end`.
pub(super) fn slices(recording: &Recording, end: SimTime) -> Vec<Slice> {
    let mut open: BTreeMap<(Option<NodeId>, &str), (SimTime, &'static str)> = BTreeMap::new();
    let mut done = Vec::new();
    let mut close = |(node, name): (Option<NodeId>, &str), (from, state): (SimTime, &'static str), to: SimTime| {
        done.push(Slice { node, name: name.to_owned(), state, from, to });
    };
    for (at, fact) in recording.every_fact() {
        let (key, state) = match fact {
            Fact::Volume { volume, node, stage } => {
                let state = match stage {
                    VolumeStage::Attaching => Some("Attaching"),
                    VolumeStage::Attached => Some("Attached"),
                    VolumeStage::Detaching => Some("Detaching"),
                    VolumeStage::Detached => None,
                };
                ((Some(node), recording.note_text(volume)), state)
            }
            Fact::Claim(claim, phase) => ((None, recording.note_text(claim)), phase.map(|phase| phase.text())),
            _ => continue,
        };
        let before = match state {
            Some(state) => open.insert(key, (at, state)),
            None => open.remove(&key),
        };
        if let Some(before) = before {
            close(key, before, at);
        }
    }
    for (key, last) in open {
        close(key, last, end);
    }
    done.sort_by(|a, b| (a.node, &a.name, a.from).cmp(&(b.node, &b.name, b.from)));
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::DenseId;
    use crate::model::ClaimPhase;
    use crate::record::Recorder;

    #[test]
    fn each_state_lasts_until_the_next_and_what_is_gone_is_in_none() {
        let mut recording = Recording::default();
        let node = NodeId::from_index(1);
        let mut tell = |at: i64, name: &str, what: Result<VolumeStage, Option<ClaimPhase>>| {
            let note = recording.note(|| name.to_owned());
            let fact = match what {
                Ok(stage) => Fact::Volume { volume: note, node, stage },
                Err(phase) => Fact::Claim(note, phase),
            };
            recording.fact(SimTime(at), fact);
        };
        tell(1, "a/data", Err(Some(ClaimPhase::Pending)));
        tell(2, "pv", Ok(VolumeStage::Attaching));
        tell(4, "a/data", Err(Some(ClaimPhase::Bound)));
        tell(5, "pv", Ok(VolumeStage::Attached));
        tell(7, "pv", Ok(VolumeStage::Detaching));
        tell(8, "a/data", Err(None));
        tell(9, "pv", Ok(VolumeStage::Detached));
        tell(10, "a/data", Err(Some(ClaimPhase::Pending)));
        let all = slices(&recording, SimTime(12));
        let seen = all.iter().map(|slice| (slice.node.is_some(), slice.state, slice.from.0, slice.to.0));
        let expected = [
            (false, "Pending", 1, 4),
            (false, "Bound", 4, 8),
            (false, "Pending", 10, 12),
            (true, "Attaching", 2, 5),
            (true, "Attached", 5, 7),
            (true, "Detaching", 7, 9),
        ];
        assert_eq!(seen.collect::<Vec<_>>(), expected);
    }
}
