//! Waiting longer and longer before something is tried again: restarts of crashed containers and image pulls.
//!
//! Mirrors staging/src/k8s.io/client-go/util/flowcontrol/backoff.go, pkg/kubelet/kubelet.go (constants) and `doBackOff`
//! of pkg/kubelet/kuberuntime/kuberuntime_manager.go, v1.34.

use crate::base::{SimDuration, SimTime, broken};
use crate::model::{StrId, Strings};

/// How a back-off grows and when it is forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackOffParams {
    /// The first wait.
    pub initial: SimDuration,
    /// The longest wait.
    pub cap: SimDuration,
    /// It starts anew when more than this lies between two uses.
    pub expiry: SimDuration,
}

impl BackOffParams {
    /// Restarts of containers: 10 s, doubled up to 5 minutes, forgotten after 10 minutes.
    pub const CRASH_LOOP: Self = Self {
        initial: SimDuration::from_secs(10),
        cap: SimDuration::from_secs(300),
        expiry: SimDuration::from_secs(600),
    };

    /// Image pulls: 10 s, doubled up to 5 minutes, forgotten after twice that.
    pub const IMAGE_PULL: Self = Self::CRASH_LOOP;

    /// Restarts of containers with other waits; a longest one (`crashLoopBackOff.maxContainerRestartPeriod`) lowers the
    /// first, too. When it is forgotten does not depend on them.
    #[must_use]
    pub fn crash_loop(initial: SimDuration, cap: SimDuration) -> Self {
        Self { initial: initial.min(cap), cap, ..Self::CRASH_LOOP }
    }

    /// With upstream's default for when it is forgotten: after twice the longest wait.
    #[must_use]
    pub fn new(initial: SimDuration, cap: SimDuration) -> Self {
        Self { initial, cap, expiry: cap * 2 }
    }
}

/// A back-off that has begun.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BackOff {
    /// The wait in force.
    pub cur: SimDuration,
    /// When it was last raised.
    pub last: SimTime,
}

impl BackOff {
    /// Whether the gap up to `event` is so long that the back-off does not count any more.
    #[must_use]
    pub fn is_expired(&self, params: &BackOffParams, event: SimTime) -> bool {
        event.since(self.last) > params.expiry
    }

    /// The back-off after the next try: it begins, or doubles up to the cap.
    #[must_use]
    pub fn next(before: Option<Self>, params: &BackOffParams, event: SimTime, now: SimTime) -> Self {
        let cur = match before.filter(|before| !before.is_expired(params, event)) {
            None => params.initial,
            Some(before) => (before.cur * 2).min(params.cap),
        };
        Self { cur, last: now }
    }
}

/// The back-off of one container's restarts; empty before the first crash. Upstream's key is pod, container, image and
/// resources: a change of those starts with an empty one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct CrashLoopBackOff(pub Option<BackOff>);

impl CrashLoopBackOff {
    /// Whether a container whose latest instance ended at `finished_at` must still wait at `now`.
    #[must_use]
    pub fn in_back_off(&self, params: &BackOffParams, now: SimTime, finished_at: SimTime) -> bool {
        self.ends_at(params, finished_at).is_some_and(|end| now < end)
    }

    /// When the wait of a container whose latest instance ended at `finished_at` is over; `None` without a wait.
    #[must_use]
    pub fn ends_at(&self, params: &BackOffParams, finished_at: SimTime) -> Option<SimTime> {
        let back_off = self.0.filter(|back_off| !back_off.is_expired(params, finished_at))?;
        Some(finished_at + broken!("crash loop", back_off.cur, params.initial))
    }

    /// To be called when the container is restarted at `now`.
    pub fn next(&mut self, params: &BackOffParams, now: SimTime, finished_at: SimTime) {
        self.0 = Some(BackOff::next(self.0, params, finished_at, now));
    }

    /// The wait in force, as the waiting message tells it.
    #[must_use]
    pub fn current(&self) -> SimDuration {
        self.0.map_or(SimDuration::ZERO, |back_off| back_off.cur)
    }
}

/// The message of a container that waits in CrashLoopBackOff. `pod` is `name_namespace(uid)`.
#[must_use]
pub fn crash_loop_message(back_off: &CrashLoopBackOff, container: StrId, pod: &str, strings: &Strings) -> String {
    let (wait, container) = (back_off.current().go_text(), strings.text(container));
    format!("back-off {wait} restarting failed container={container} pod={pod}")
}

/// The back-off of one pod's pulls of one image; empty before the first failure. Its clock runs from the failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PullBackOff(pub Option<BackOff>);

impl PullBackOff {
    /// Whether a pull must still wait at `now`.
    #[must_use]
    pub fn in_back_off(&self, params: &BackOffParams, now: SimTime) -> bool {
        self.0.is_some_and(|back_off| {
            !back_off.is_expired(params, now) && {
                let spent = now.since(back_off.last);
                broken!("image back-off", spent < back_off.cur, spent <= back_off.cur)
            }
        })
    }

    /// To be called when a pull failed at `now`.
    pub fn next(&mut self, params: &BackOffParams, now: SimTime) {
        self.0 = Some(BackOff::next(self.0, params, now, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: BackOffParams = BackOffParams::CRASH_LOOP;

    fn at(seconds: i64) -> SimTime {
        SimTime::default() + SimDuration::from_secs(seconds)
    }

    #[test]
    fn a_container_starts_when_its_wait_is_exactly_over() {
        let mut back_off = CrashLoopBackOff::default();
        assert!(!back_off.in_back_off(&PARAMS, at(0), at(0)));
        back_off.next(&PARAMS, at(0), at(0));
        assert!(back_off.in_back_off(&PARAMS, at(14), at(5)));
        assert!(!back_off.in_back_off(&PARAMS, at(15), at(5)));
        assert_eq!(back_off.ends_at(&PARAMS, at(5)), Some(at(15)));
    }

    #[test]
    fn only_more_than_ten_minutes_of_life_make_it_forget() {
        let mut back_off = CrashLoopBackOff(Some(BackOff { cur: SimDuration::from_secs(160), last: at(0) }));
        assert!(back_off.in_back_off(&PARAMS, at(600), at(600)));
        assert!(!back_off.in_back_off(&PARAMS, at(601), at(601)));
        back_off.next(&PARAMS, at(601), at(601));
        assert_eq!(back_off.current(), PARAMS.initial);
        back_off.next(&PARAMS, at(9999), at(700));
        assert_eq!(back_off.current(), PARAMS.initial * 2);
    }

    #[test]
    fn the_nodes_own_cap_lowers_the_first_wait_too() {
        let params = BackOffParams::crash_loop(PARAMS.initial, SimDuration::from_secs(3));
        assert_eq!((params.initial, params.cap), (SimDuration::from_secs(3), SimDuration::from_secs(3)));
        let mut strings = Strings::new();
        let name = strings.intern("web");
        let waits = CrashLoopBackOff(Some(BackOff { cur: SimDuration::from_secs(80), last: at(0) }));
        let text = crash_loop_message(&waits, name, "p_ns(1)", &strings);
        assert_eq!(text, "back-off 1m20s restarting failed container=web pod=p_ns(1)");
    }

    #[test]
    fn pulls_wait_from_the_failure_on() {
        let mut back_off = PullBackOff::default();
        back_off.next(&BackOffParams::IMAGE_PULL, at(0));
        assert!(back_off.in_back_off(&BackOffParams::IMAGE_PULL, at(9)));
        assert!(!back_off.in_back_off(&BackOffParams::IMAGE_PULL, at(10)));
        back_off.next(&BackOffParams::IMAGE_PULL, at(10));
        assert!(back_off.in_back_off(&BackOffParams::IMAGE_PULL, at(29)));
    }
}
