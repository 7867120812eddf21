//! `crashloop_backoff.json`: [`CrashLoopBackOff`].

use serde::Deserialize;
use serde_json::json;

use super::vector::now;
use super::{Answer, Case, Checked, unknown_kind};
use crate::base::SimDuration;
use crate::kubelet::backoff::{BackOffParams, CrashLoopBackOff};

#[derive(Deserialize)]
struct Delays {
    initial_s: i64,
    cap_s: i64,
    reset_after_s: i64,
    run_durations_s: Vec<f64>,
}

pub(super) fn answer(case: &Case) -> Checked {
    if case.kind != "delays" {
        return unknown_kind(case);
    }
    let input: Delays = case.input()?;
    let params = BackOffParams {
        initial: SimDuration::from_secs(input.initial_s),
        cap: SimDuration::from_secs(input.cap_s),
        expiry: SimDuration::from_secs(input.reset_after_s),
    };
    let (mut back_off, mut started) = (CrashLoopBackOff::default(), now());
    let delays = input.run_durations_s.iter().map(|run| {
        let crashed = started + SimDuration::from_secs_f64(*run);
        started = match back_off.ends_at(&params, crashed) {
            Some(end) if back_off.in_back_off(&params, crashed, crashed) => end,
            _ => crashed,
        };
        back_off.next(&params, started, crashed);
        started.since(crashed).as_secs_f64()
    });
    let delays: Vec<f64> = delays.collect();
    Ok(Answer::Asserted(json!({"delay_before_restart_s": delays})))
}
