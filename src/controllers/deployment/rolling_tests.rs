//! Rolling updates over random histories: never above the surge, never below what must be available.

use proptest::prelude::*;

use super::*;

fn percent() -> impl Strategy<Value = IntOrPercent> {
    prop_oneof![
        (0..6i32).prop_map(IntOrPercent::Int),
        (0..=100u32).prop_map(|percent| IntOrPercent::parse(&format!("{percent}%"))),
    ]
}

/// What happens between two syncs, for each of the ReplicaSets: how many pods it makes of those it lacks, and how many of
/// those it has become available.
type Step = Vec<(i32, i32)>;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(prop::collection::vec((0..4i32, 0..4i32), 3), 1..40)
}

/// One sync as the controller does it: the old ones only move when the new one does not.
fn sync(goal: &Goal, sets: &mut [ReplicaSetSize]) {
    let Some((new, old)) = sets.split_last_mut() else { return };
    let all = total(&*old) + new.replicas;
    match reconcile_new(goal, new.replicas, all) {
        Some(size) => new.replicas = size,
        None => drop(reconcile_old(goal, old, new)),
    }
}

/// ReplicaSets make what they lack, delete what they have too much, the unavailable first.
fn settle(set: &mut ReplicaSetSize, made: i32, available: i32) {
    set.actual = if set.actual > set.replicas { set.replicas } else { set.replicas.min(set.actual + made) };
    set.available = set.actual.min(set.available + available);
}

proptest! {
    #[test]
    fn a_rollout_stays_between_its_fenceposts_and_ends(
        replicas in 0..30i32,
        surge in percent(),
        unavailable in percent(),
        history in steps(),
    ) {
        let fenceposts = resolve_fenceposts(&surge, &unavailable, replicas).unwrap();
        prop_assert!(fenceposts.surge + fenceposts.unavailable > 0);
        let goal = Goal { replicas, fenceposts: Some(fenceposts) };
        let old = ReplicaSetSize { replicas, actual: replicas, ready: replicas, available: replicas, ..Default::default() };
        let mut sets = [ReplicaSetSize::default(), old, ReplicaSetSize::default()];
        let calm = std::iter::repeat_n(vec![(30, 30); 3], 200);
        let mut turns = 0;
        for step in history.into_iter().chain(calm) {
            sync(&goal, &mut sets);
            prop_assert!(total(&sets) <= goal.max_replicas());
            for (set, (made, available)) in sets.iter_mut().zip(step) {
                settle(set, made, available);
            }
            prop_assert!(total_available(&sets) >= goal.min_available(), "{sets:?}");
            turns += 1;
            if turns == 20 {
                // Another template in the middle of it: what was new is old, and the empty one is new.
                sets.rotate_left(1);
            }
        }
        prop_assert_eq!((total(&sets), sets[2].replicas, total_available(&sets)), (replicas, replicas, replicas));
    }
}

#[test]
fn an_old_replica_set_whose_status_is_behind_stops_the_sync() {
    let goal = Goal { replicas: 4, fenceposts: Some(Fenceposts { surge: 1, unavailable: 1 }) };
    let mut old = [ReplicaSetSize { replicas: 3, actual: 4, available: 4, ..Default::default() }];
    let new = ReplicaSetSize { replicas: 2, available: 2, ..Default::default() };
    assert_eq!(reconcile_old(&goal, &mut old, &new), Err(Stale));
    assert_eq!(old[0].replicas, 3);
}
