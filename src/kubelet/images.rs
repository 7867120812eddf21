//! Getting a container's image onto the node: names, pull policies, back-off and rate limit.
//!
//! Mirrors pkg/kubelet/images/image_manager.go (`EnsureImageExists`) and helpers.go (`throttledImageService`), v1.34,
//! with the image names of github.com/distribution/reference (`ParseNormalizedNamed`).

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use super::backoff::{BackOffParams, PullBackOff};
use crate::base::SimTime;
use crate::model::ImagePullPolicy;

/// Why a container has no image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageError {
    /// The name does not parse.
    InvalidName,
    /// The runtime could not tell whether the image is there.
    Inspect,
    /// It is absent and must not be pulled.
    NeverPull,
    /// The pull failed.
    Pull,
    /// A pull is wanted, but too soon after one that failed.
    BackOff,
    /// The registry is not available.
    RegistryUnavailable,
    /// The signature is not valid.
    SignatureValidationFailed,
}

impl ImageError {
    /// The waiting reason of the container.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InvalidName => "InvalidImageName",
            Self::Inspect => "ImageInspectError",
            Self::NeverPull => "ErrImageNeverPull",
            Self::Pull => "ErrImagePull",
            Self::BackOff => "ImagePullBackOff",
            Self::RegistryUnavailable => "RegistryUnavailable",
            Self::SignatureValidationFailed => "SignatureValidationFailed",
        }
    }

    /// What a pull that failed with this text of the runtime's is called.
    #[must_use]
    pub fn of_pull(text: &str) -> Self {
        let known = [Self::RegistryUnavailable, Self::SignatureValidationFailed];
        known.into_iter().find(|error| text.starts_with(error.reason())).unwrap_or(Self::Pull)
    }
}

/// An event on the pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageEvent {
    /// A pull begins.
    Pulling,
    /// The image is there.
    Pulled,
    /// The pull failed.
    Failed,
    /// Waiting before the next pull.
    BackOff,
    /// Name or presence of the image could not be made out.
    InspectFailed,
    /// The image is absent and must not be pulled.
    NeverPull,
}

impl ImageEvent {
    /// The event's reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Pulling => "Pulling",
            Self::Pulled => "Pulled",
            Self::Failed => "Failed",
            Self::BackOff => "BackOff",
            Self::InspectFailed => "InspectFailed",
            Self::NeverPull => "ErrImageNeverPull",
        }
    }
}

/// Events, in order.
pub type ImageEvents = SmallVec<[ImageEvent; 2]>;

/// What is done about an image at a container's start, up to a pull.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageStep {
    /// It is there.
    Present(ImageEvents),
    /// It is to be pulled; call [`pulled`] when that has ended.
    Pull(ImageEvents),
    /// There is no image for now.
    Error(ImageError, ImageEvents),
}

/// Whether the runtime is asked for the image before a decision. With `Always` it is pulled unseen.
#[must_use]
pub const fn asks_runtime(policy: ImagePullPolicy) -> bool {
    !matches!(policy, ImagePullPolicy::Always)
}

/// What to do for a container whose image is `present` (`None`: the runtime could not tell).
#[must_use]
pub fn ensure_image(
    policy: ImagePullPolicy,
    present: Option<bool>,
    back_off: &PullBackOff,
    params: &BackOffParams,
    now: SimTime,
) -> ImageStep {
    if asks_runtime(policy) {
        match present {
            None => return ImageStep::Error(ImageError::Inspect, smallvec![ImageEvent::InspectFailed]),
            Some(true) => return ImageStep::Present(smallvec![ImageEvent::Pulled]),
            Some(false) if policy == ImagePullPolicy::Never => {
                return ImageStep::Error(ImageError::NeverPull, smallvec![ImageEvent::NeverPull]);
            }
            Some(false) => {}
        }
    }
    if back_off.in_back_off(params, now) {
        return ImageStep::Error(ImageError::BackOff, smallvec![ImageEvent::BackOff]);
    }
    ImageStep::Pull(smallvec![ImageEvent::Pulling])
}

/// The end of a pull: its event, and what the failure is called, if it failed.
pub fn pulled(
    result: Result<(), ImageError>,
    back_off: &mut PullBackOff,
    params: &BackOffParams,
    now: SimTime,
) -> (ImageEvent, Option<ImageError>) {
    match result {
        Ok(()) => (ImageEvent::Pulled, None),
        Err(error) => {
            back_off.next(params, now);
            (ImageEvent::Failed, Some(error))
        }
    }
}

/// When a node begins a pull that is asked for at `now`: at once, or when enough of those before it have ended. `ends` are
/// the ends of the pulls that were asked for before, sorted; `parallel` is how many run at a time.
#[must_use]
pub fn pull_begins(ends: &[SimTime], parallel: u32, now: SimTime) -> SimTime {
    let before = (ends.len()).checked_sub(parallel.max(1) as usize).and_then(|at| ends.get(at));
    before.map_or(now, |&end| end.max(now))
}

/// The limit on how often a node asks registries (`registryPullQPS`, `registryBurst`): a token bucket.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PullLimit {
    per_second: f64,
    burst: f64,
    tokens: f64,
    last: SimTime,
}

impl PullLimit {
    /// A full bucket; a rate of 0 is no limit.
    #[must_use]
    pub fn new(per_second: f64, burst: u32, now: SimTime) -> Self {
        Self { per_second, burst: f64::from(burst), tokens: f64::from(burst), last: now }
    }

    /// Whether a pull may begin; takes a token if so. A pull that may not fails with `pull QPS exceeded`.
    pub fn try_take(&mut self, now: SimTime) -> bool {
        if self.per_second <= 0.0 {
            return true;
        }
        let refill = now.since(self.last).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + refill).min(self.burst);
        self.last = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

/// The image name with the tag `latest` if it has neither tag nor digest; `None` if it is not an image name.
#[must_use]
pub fn default_tag(image: &str) -> Option<Cow<'_, str>> {
    let is_id = image.len() == 64 && image.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_id {
        return None;
    }
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let first_slash = name.find('/').unwrap_or(0);
    let (domain, path) = match name.split_at_checked(first_slash) {
        Some((first, rest)) if is_domain_like(first) => (Some(first), &rest[1..]),
        _ => (None, name),
    };
    let (path, tag) = path.rsplit_once(':').map_or((path, None), |(path, tag)| (path, Some(tag)));
    // Short names are of Docker Hub, and those without a slash of its library.
    let prefix = match domain {
        Some(domain) => domain.len(),
        None => "docker.io".len() + if path.contains('/') { 0 } else { "/library".len() },
    };
    let valid = domain.is_none_or(is_domain)
        && path.split('/').all(is_path_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
        && prefix + 1 + path.len() <= 255;
    valid.then(|| match (tag, digest) {
        (None, None) => Cow::Owned(format!("{image}:latest")),
        _ => Cow::Borrowed(image),
    })
}

/// Whether the part before the first slash is meant as a registry.
fn is_domain_like(text: &str) -> bool {
    !text.is_empty()
        && (text.contains(['.', ':']) || text == "localhost" || text.bytes().any(|b| b.is_ascii_uppercase()))
}

fn is_domain(text: &str) -> bool {
    let address = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((inside, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address(inside) && (after.is_empty() || after.strip_prefix(':').is_some_and(digits));
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let component = |part: &str| {
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = part.as_bytes();
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    host.split('.').all(component) && port.is_none_or(digits)
}

/// Lower-case letters and digits, in groups separated by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let edges = bytes.first().is_some_and(|b| word(*b)) && bytes.last().is_some_and(|b| word(*b));
    let separator = |run: &[u8]| matches!(run, b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-');
    edges && bytes.chunk_by(|a, b| word(*a) == word(*b)).all(|run| word(run[0]) || separator(run))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = text.as_bytes();
    let inner = |b: &u8| word(*b) || matches!(b, b'.' | b'-');
    bytes.first().is_some_and(|b| word(*b)) && bytes.len() <= 128 && bytes.iter().all(inner)
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_wait_for_a_free_place() {
        let at = |seconds: i64| SimTime(seconds * 1_000_000_000);
        assert_eq!(pull_begins(&[], 1, at(5)), at(5));
        assert_eq!(pull_begins(&[at(3), at(9)], 1, at(5)), at(9));
        assert_eq!(pull_begins(&[at(7), at(9), at(12)], 2, at(5)), at(9));
        assert_eq!(pull_begins(&[at(7), at(9)], u32::MAX, at(5)), at(5));
    }
    use crate::base::SimDuration;

    #[test]
    fn image_names_are_checked_and_completed() {
        for (image, full) in [
            ("busybox", Some("busybox:latest")),
            ("registry:5000/a/b", Some("registry:5000/a/b:latest")),
            ("registry:5000/a/b:v1", Some("registry:5000/a/b:v1")),
            ("localhost/a__b--c.d", Some("localhost/a__b--c.d:latest")),
            ("[::1]:80/a", Some("[::1]:80/a:latest")),
            ("Upper.example.com/a", Some("Upper.example.com/a:latest")),
            ("a/B", None),
            ("a..b", None),
            ("a___b", None),
            ("-a", None),
            ("a:", None),
            ("a@sha256:12", None),
            ("a//b", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(default_tag(image).as_deref(), full, "{image}");
        }
    }

    #[test]
    fn a_failed_pull_is_called_by_what_the_runtime_says() {
        assert_eq!(ImageError::of_pull("RegistryUnavailable: 503"), ImageError::RegistryUnavailable);
        assert_eq!(ImageError::of_pull("404"), ImageError::Pull);
        let step = ensure_image(
            ImagePullPolicy::Never,
            None,
            &PullBackOff::default(),
            &BackOffParams::IMAGE_PULL,
            SimTime::default(),
        );
        assert_eq!(step, ImageStep::Error(ImageError::Inspect, smallvec![ImageEvent::InspectFailed]));
    }

    #[test]
    fn the_bucket_refills_in_time() {
        let start = SimTime::default();
        let mut limit = PullLimit::new(5.0, 2, start);
        assert_eq!(
            [0, 0, 0, 200, 200].map(|ms| limit.try_take(start + SimDuration::from_millis(ms))),
            [true, true, false, true, false]
        );
        assert!(PullLimit::new(0.0, 0, start).try_take(start));
    }
}
