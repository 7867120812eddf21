//! Slow start: requests in batches that double as long as all of a batch are accepted, so that a quota that is used up
//! refuses few. Pure; knows no request. Mirrors pkg/controller/replicaset/replica_set.go (`slowStartBatch`) and
//! pkg/controller/statefulset/stateful_set_control.go (v1.34.1).

/// How many requests the first batch has.
pub const INITIAL_BATCH: usize = 1;

/// What came of the calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calls<E> {
    /// How many were made.
    pub made: usize,
    /// How many of them succeeded.
    pub successes: usize,
    /// The first error: the batch in which it came was finished and no other begun.
    pub error: Option<E>,
}

/// How many calls are made together after a batch that succeeded, of those that are left.
#[must_use]
pub fn next_batch(batch: usize, left: usize) -> usize {
    (2 * batch).min(left)
}

/// Makes up to `count` calls, each with its number: in batches of `initial`, twice that, and so on. A batch with an error
/// is the last.
pub fn slow_start<E>(count: usize, initial: usize, mut call: impl FnMut(usize) -> Result<(), E>) -> Calls<E> {
    let mut calls = Calls { made: 0, successes: 0, error: None };
    let mut batch = initial.min(count);
    while batch > 0 && calls.error.is_none() {
        for _ in 0..batch {
            match call(calls.made) {
                Ok(()) => calls.successes += 1,
                Err(error) => calls.error = calls.error.or(Some(error)),
            }
            calls.made += 1;
        }
        batch = next_batch(batch, count - calls.made);
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_finished_after_an_error_and_is_the_last() {
        let mut asked = Vec::new();
        let calls = slow_start(100, 1, |at| {
            asked.push(at);
            if at == 4 { Err("no") } else { Ok(()) }
        });
        assert_eq!(calls, Calls { made: 7, successes: 6, error: Some("no") });
        assert_eq!(asked, (0..7).collect::<Vec<_>>());
    }

    #[test]
    fn all_are_called_once_if_none_fails() {
        for count in 0..70 {
            let calls = slow_start(count, INITIAL_BATCH, |_| Ok::<(), ()>(()));
            assert_eq!((calls.made, calls.successes, calls.error), (count, count, None));
        }
        assert_eq!(slow_start(3, 10, |_| Ok::<(), ()>(())).made, 3);
    }
}
