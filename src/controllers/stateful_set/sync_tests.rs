//! Syncs over random histories: ordinals are unique, an ordered set does one thing at a time and waits for lower ordinals,
//! and when nothing breaks any more, the set becomes what it should be.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{CompiledSelector, TemplateId};

fn spec(replicas: i32, start: i32, parallel: bool, partition: Option<i32>) -> StatefulSetSpec {
    StatefulSetSpec {
        replicas,
        selector: CompiledSelector::of_pairs(&[]),
        template: TemplateId::from_raw(0),
        template_hash: 1,
        ordinals_start: start,
        parallel,
        on_delete: false,
        partition,
        max_unavailable: None,
        min_ready_seconds: 0,
        revision_history_limit: 10,
        claims: Box::default(),
        delete_claims_when_deleted: false,
        delete_claims_when_scaled: false,
    }
}

/// What happens between two syncs.
#[derive(Clone, Debug)]
enum Event {
    Ready(u8),
    Unready(u8),
    Fail(u8),
    Gone(u8),
    Scale(i32),
    Template,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        4 => any::<u8>().prop_map(Event::Ready),
        1 => any::<u8>().prop_map(Event::Unready),
        1 => any::<u8>().prop_map(Event::Fail),
        3 => any::<u8>().prop_map(Event::Gone),
        1 => (0..8i32).prop_map(Event::Scale),
        1 => Just(Event::Template),
    ];
    prop::collection::vec(one, 0..60)
}

struct World {
    spec: StatefulSetSpec,
    members: BTreeMap<i32, Member>,
    status: StatefulSetStatus,
    /// The roster of the last sync, and what it was made of.
    known: Option<(Roster<()>, StatefulSetSpec, BTreeMap<i32, Member>)>,
}

impl World {
    fn at(&mut self, choice: u8) -> Option<&mut Member> {
        let count = self.members.len().max(1);
        self.members.values_mut().nth(usize::from(choice) % count)
    }

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Ready(choice) => {
                if let Some(member) = self.at(choice).filter(|member| !member.phase.is_terminal()) {
                    (member.phase, member.ready, member.available) = (Phase::Running, true, true);
                }
            }
            Event::Unready(choice) => {
                if let Some(member) = self.at(choice) {
                    (member.ready, member.available) = (false, false);
                }
            }
            Event::Fail(choice) => {
                if let Some(member) = self.at(choice) {
                    (member.phase, member.ready, member.available) = (Phase::Failed, false, false);
                }
            }
            Event::Gone(choice) => {
                if let Some(ordinal) = self.at(choice).filter(|member| member.terminating).map(|member| member.ordinal)
                {
                    self.members.remove(&ordinal);
                }
            }
            Event::Scale(replicas) => self.spec.replicas = replicas,
            Event::Template => self.spec.template_hash += 1,
        }
    }

    /// Everything that runs becomes ready, what is deleted goes. Somebody deletes what has ended: an ordered set that is
    /// scaled down does not, and waits for ever for two such pods.
    fn calm(&mut self) {
        self.members.retain(|_, member| !member.terminating && !member.phase.is_terminal());
        self.members
            .values_mut()
            .for_each(|member| (member.phase, member.ready, member.available) = (Phase::Running, true, true));
    }

    fn sync(&mut self) -> Vec<Action> {
        let current = self.status.current_revision;
        let set = Set {
            spec: &self.spec,
            current_revision: if current == 0 { self.spec.template_hash } else { current },
            update_revision: self.spec.template_hash,
            current_replicas: self.status.current_replicas,
            deleting: false,
        };
        let members = || self.members.values().map(|&member| ((), member));
        let roster = Roster::of(&set, members());
        let mut actions = Vec::new();
        let (status, result) = sync(&set, &roster, |action| {
            actions.push(action);
            Ok::<(), ()>(())
        });
        assert_eq!(result, Ok(()));
        // One that was kept up to date answers alike.
        let same = |spec: &StatefulSetSpec| spec == set.spec;
        if let Some((mut kept, _, before)) = self.known.take().filter(|(_, spec, _)| same(spec)) {
            for ordinal in before.keys().chain(self.members.keys()) {
                kept.put((), *ordinal, self.members.get(ordinal).copied());
            }
            let mut again = Vec::new();
            let (other, _) = sync(&set, &kept, |action| {
                again.push(action);
                Ok::<(), ()>(())
            });
            assert_eq!((&again, &other), (&actions, &status));
        }
        self.known = Some((roster, self.spec.clone(), self.members.clone()));
        self.status = status;
        actions
    }
}

proptest! {
    #[test]
    fn a_set_becomes_what_it_should_be(
        replicas in 0..8i32,
        start in 0..3i32,
        parallel in any::<bool>(),
        partition in prop_oneof![Just(None), (0..5i32).prop_map(Some)],
        history in events(),
    ) {
        let spec = spec(replicas, start, parallel, partition);
        let mut world = World { spec, members: BTreeMap::new(), status: StatefulSetStatus::default(), known: None };
        let calm = std::iter::repeat_n(None, 200);
        for event in history.iter().map(Some).chain(calm) {
            match event {
                Some(event) => world.apply(event),
                None => world.calm(),
            }
            let actions = world.sync();
            let done = actions.iter().filter(|action| !matches!(action, Action::CreateClaims { .. })).count();
            prop_assert!(parallel || done <= 1, "{actions:?}");
            for action in actions {
                match action {
                    Action::Create { ordinal, revision } => {
                        prop_assert!((start..start + world.spec.replicas).contains(&ordinal));
                        let lower_wait = world.members.range(start..ordinal).any(|(_, member)| member.is_unavailable());
                        prop_assert!(parallel || !lower_wait);
                        let (phase, ready, available) = (Phase::Pending, false, false);
                        let made = Member { ordinal, revision, phase, ready, available, terminating: false };
                        prop_assert_eq!(world.members.insert(ordinal, made), None);
                    }
                    Action::Delete { ordinal } => match world.members.get_mut(&ordinal) {
                        Some(member) => member.terminating = true,
                        None => prop_assert!(false, "no pod {}", ordinal),
                    },
                    Action::CreateClaims { ordinal } => prop_assert!(world.members.contains_key(&ordinal)),
                }
            }
        }
        let goal = world.spec.replicas;
        let range: Vec<i32> = (start..start + goal).collect();
        prop_assert_eq!(world.members.keys().copied().collect::<Vec<_>>(), range);
        let newest = |member: &&Member| member.revision == world.spec.template_hash;
        let above = start + partition.unwrap_or(0);
        prop_assert!(world.members.range(above..).all(|(_, member)| newest(&member)), "{:?}", world.members);
    }
}

#[test]
fn an_error_ends_the_sync_and_the_status_is_reported() {
    let spec = spec(7, 0, true, Some(0));
    let set = Set { spec: &spec, current_revision: 1, update_revision: 1, current_replicas: 0, deleting: false };
    let mut asked = 0;
    let (status, result) = sync(&set, &Roster::<()>::of(&set, []), |_| {
        asked += 1;
        if asked < 2 { Ok(()) } else { Err("quota") }
    });
    assert_eq!((asked, result, status.replicas), (3, Err("quota"), 0));
}

#[test]
fn a_set_that_is_deleted_only_reports() {
    let spec = spec(2, 0, true, Some(0));
    let set = Set { spec: &spec, current_revision: 1, update_revision: 1, current_replicas: 0, deleting: true };
    let (_, result) = sync(&set, &Roster::<()>::of(&set, []), |_| Err("asked"));
    assert_eq!(result, Ok(()));
}
