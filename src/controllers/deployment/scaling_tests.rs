//! Sharing out a change of size: all of it is given out, and nobody goes against its direction.

use proptest::prelude::*;

use super::*;
use crate::controllers::deployment::rolling::Fenceposts;

proptest! {
    #[test]
    fn a_change_is_shared_out_whole(
        after in 0..40i32,
        surge in 0..5i32,
        sizes in prop::collection::vec(0..20i32, 2..6),
        new in any::<prop::sample::Index>(),
    ) {
        // As they were when they were last scaled.
        let before = sizes.iter().sum::<i32>() - surge;
        prop_assume!(before > 0);
        let goal = Goal { replicas: after, fenceposts: Some(Fenceposts { surge, unavailable: 1 }) };
        let size = |&replicas: &i32| ReplicaSetSize {
            replicas,
            desired: Some(before),
            max: Some(before + surge),
            ..Default::default()
        };
        let old: Vec<ReplicaSetSize> = sizes.iter().map(size).collect();
        let mut sets = old.clone();
        scale(&goal, &mut sets, Some(new.index(old.len())), before);
        let active = old.iter().filter(|set| set.replicas > 0).count();
        let (had, have) = (total(&old), total(&sets));
        match active {
            0 | 1 => prop_assert_eq!(have, after),
            _ if after == 0 => prop_assert_eq!(have, 0),
            _ => {
                prop_assert_eq!(have, after + surge);
                let with_it = |(old, new): (&ReplicaSetSize, &ReplicaSetSize)| {
                    if have >= had { new.replicas >= old.replicas } else { new.replicas <= old.replicas }
                };
                prop_assert!(old.iter().zip(&sets).all(with_it));
            }
        }
    }
}

#[test]
fn a_saturated_new_replica_set_lets_all_old_ones_go() {
    let goal = Goal { replicas: 3, fenceposts: None };
    let new = ReplicaSetSize { replicas: 3, available: 3, desired: Some(3), ..Default::default() };
    let old = ReplicaSetSize { replicas: 2, available: 2, desired: Some(3), ..Default::default() };
    let mut sets = [old, new, old];
    scale(&goal, &mut sets, Some(1), 5);
    assert_eq!(sets.map(|set| set.replicas), [0, 3, 0]);
    // Recreate does not share out: as long as the new one is not saturated nothing moves.
    let mut sets = [old, ReplicaSetSize { available: 2, ..new }];
    scale(&goal, &mut sets, Some(1), 5);
    assert_eq!(sets.map(|set| set.replicas), [2, 3]);
}

#[test]
fn one_beyond_the_limit_that_has_pods_is_kept_and_counted() {
    let empty = Past { replicas: 0, actual: 0, observed: true, deleting: false };
    let old = [
        Past { actual: 1, ..empty },
        empty,
        Past { deleting: true, ..empty },
        Past { observed: false, ..empty },
        empty,
    ];
    assert_eq!(forgotten(&old, Some(1)), [1]);
    assert_eq!(forgotten(&old, Some(0)), [1, 4]);
    assert_eq!(forgotten(&old, Some(9)), [0usize; 0]);
    assert_eq!(forgotten(&old, None), [0usize; 0]);
}
