//! `image_pull.json`: [`images`](crate::kubelet::images).

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::now;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::kubelet::backoff::{BackOffParams, PullBackOff};
use crate::kubelet::images::{
    ImageError, ImageEvent, ImageStep, PullLimit, asks_runtime, default_tag, ensure_image, pulled,
};
use crate::model::ImagePullPolicy;

#[derive(Deserialize)]
struct Sequence {
    image: String,
    policy: String,
    attempts: u32,
    #[serde(default)]
    pull_error: Option<String>,
    #[serde(default)]
    inspect_error: Option<String>,
    #[serde(default)]
    pull_qps: f64,
    #[serde(default)]
    pull_burst: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    input: String,
}

struct Attempts {
    input: Sequence,
    policy: ImagePullPolicy,
    params: BackOffParams,
    back_off: PullBackOff,
    limit: PullLimit,
}

impl Attempts {
    /// What one attempt asks of the runtime, which events it leaves, and its error.
    fn attempt(&mut self, at: SimTime) -> (Vec<&'static str>, Vec<ImageEvent>, Option<ImageError>) {
        let (mut calls, image) = (Vec::new(), &self.input.image);
        if default_tag(image).is_none() {
            return (calls, vec![ImageEvent::InspectFailed], Some(ImageError::InvalidName));
        }
        if asks_runtime(self.policy) {
            calls.push("GetImageRef");
        }
        // Names tell whether the node has the image.
        let present = self.input.inspect_error.is_none().then(|| image == "present_image");
        let mut events = match ensure_image(self.policy, present, &self.back_off, &self.params, at) {
            ImageStep::Present(events) => return (calls, events.to_vec(), None),
            ImageStep::Error(error, events) => return (calls, events.to_vec(), Some(error)),
            ImageStep::Pull(events) => events.to_vec(),
        };
        let result = if self.limit.try_take(at) {
            calls.push("PullImage");
            self.input.pull_error.as_ref().map_or(Ok(()), |text| Err(ImageError::of_pull(text)))
        } else {
            Err(ImageError::Pull)
        };
        if result.is_ok() {
            calls.push("GetImageSize");
        }
        let (event, error) = pulled(result, &mut self.back_off, &self.params, at);
        events.push(event);
        (calls, events, error)
    }
}

fn sequence(case: &Case) -> Result<Value, Unsupported> {
    let input: Sequence = case.input()?;
    let policy = match input.policy.as_str() {
        "Always" => ImagePullPolicy::Always,
        "IfNotPresent" => ImagePullPolicy::IfNotPresent,
        "Never" => ImagePullPolicy::Never,
        other => return Err(Unsupported(format!("pull policy `{other}`"))),
    };
    let params = BackOffParams::new(SimDuration::from_secs(1), SimDuration::from_secs(60));
    let limit = PullLimit::new(input.pull_qps, input.pull_burst, now());
    let count = input.attempts;
    let mut attempts = Attempts { input, policy, params, back_off: PullBackOff::default(), limit };
    let got = (1..=count).map(|second| {
        let (calls, events, error) = attempts.attempt(now() + SimDuration::from_secs(i64::from(second)));
        json!({
            "runtime_calls": calls,
            "event_reasons": events.iter().map(|event| event.reason()).collect::<Vec<_>>(),
            "error": error.map(ImageError::reason),
        })
    });
    Ok(json!({"attempts": got.collect::<Vec<_>>()}))
}

pub(super) fn answer(case: &Case) -> Checked {
    match case.kind.as_str() {
        "attempt_sequence" => sequence(case).map(Answer::Asserted),
        "default_tag" => {
            let Tag { input } = case.input()?;
            Ok(Answer::Asserted(match default_tag(&input) {
                Some(image) => json!({"Output": image}),
                None => json!({"error": true}),
            }))
        }
        _ => unknown_kind(case),
    }
}
