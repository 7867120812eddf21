//! Which images of a node are removed: those that nobody has used for too long, and when the disk fills up those that were
//! used least recently, until enough of it is free. Pure.
//!
//! Mirrors pkg/kubelet/images/image_gc_manager.go, v1.34 (`freeOldImages`, `freeSpace`, `imagesInEvictionOrder`).

use crate::base::{SimDuration, SimTime};
use crate::model::{ImageGc, ImageId};

/// The kubelet looks this often, from its start on.
pub const PERIOD: SimDuration = SimDuration::from_secs(300);

/// An image on a node, as the kubelet remembers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeImage {
    /// Which one.
    pub image: ImageId,
    /// The first look that found it.
    pub detected: SimTime,
    /// The last look that found it in use; `None`: no look has.
    pub last_used: Option<SimTime>,
}

/// Whether usage as a whole percentage is at the high threshold; if so, how many bytes are to be freed.
#[must_use]
pub fn bytes_to_free(policy: &ImageGc, capacity: i64, available: i64) -> Option<i64> {
    let (capacity, available) = (i128::from(capacity), i128::from(available.clamp(0, capacity)));
    let free_percent = (available * 100).checked_div(capacity)?;
    let wanted = capacity * i128::from(100 - policy.low_percent) / 100 - available;
    (100 - free_percent >= i128::from(policy.high_percent)).then(|| i64::try_from(wanted).unwrap_or(i64::MAX))
}

/// Usage beyond which [`bytes_to_free`] wants something.
#[must_use]
pub fn safe_bytes(policy: &ImageGc, capacity: i64) -> i64 {
    let percents = i128::from(capacity) * i128::from(101 - policy.high_percent);
    i64::try_from(i128::from(capacity) - (percents + 99) / 100).unwrap_or(i64::MAX)
}

/// Whether an unused image goes because of its age alone. `began`: since when the kubelet runs.
#[must_use]
pub fn is_too_old(policy: &ImageGc, image: &NodeImage, began: SimTime, now: SimTime) -> bool {
    old_at(policy, image, began).is_some_and(|at| at <= now)
}

/// From when on that is so; `None`: never.
#[must_use]
pub fn old_at(policy: &ImageGc, image: &NodeImage, began: SimTime) -> Option<SimTime> {
    let counted_from = image.last_used.map_or(began, |used| used.max(began));
    (policy.max_age > SimDuration::ZERO).then(|| counted_from + policy.max_age + SimDuration(1))
}

/// The order in which unused images go: those first that were used least recently, then those that came first.
pub fn sort_for_eviction(images: &mut [NodeImage]) {
    images.sort_unstable_by_key(|image| (image.last_used, image.detected, image.image));
}

/// How many of these images, in order, go to free so many bytes, and how many bytes that frees. Those that were found only
/// a moment ago stay: somebody is about to use them.
pub fn free_space(
    policy: &ImageGc,
    images: &[NodeImage],
    now: SimTime,
    bytes: i64,
    size: impl Fn(ImageId) -> i64,
) -> (Vec<ImageId>, i64) {
    let (mut gone, mut freed) = (Vec::new(), 0_i64);
    for image in images.iter().filter(|image| now - image.detected >= policy.min_age) {
        gone.push(image.image);
        freed = freed.saturating_add(size(image.image));
        if freed >= bytes {
            break;
        }
    }
    (gone, freed)
}

/// The last look at or before `now`.
#[must_use]
pub fn look_before(began: SimTime, now: SimTime) -> SimTime {
    SimTime(now.0 + 1).ceil_to_grid(began, PERIOD) - PERIOD
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: ImageGc = ImageGc { max_age: SimDuration::from_secs(60), ..ImageGc::DEFAULT };

    fn at(seconds: i64) -> SimTime {
        SimTime(seconds * 1_000_000_000)
    }

    fn image(number: u32, detected: i64, last_used: Option<i64>) -> NodeImage {
        NodeImage { image: ImageId::from_raw(number), detected: at(detected), last_used: last_used.map(at) }
    }

    /// Upstream rounds what is available down to whole percents: 15.9 % free is a usage of 85 %.
    #[test]
    fn usage_is_rounded_up() {
        assert_eq!(bytes_to_free(&POLICY, 1000, 160), None);
        assert_eq!(bytes_to_free(&POLICY, 1000, 159), Some(200 - 159));
        assert_eq!(bytes_to_free(&POLICY, 1000, 0), Some(200));
        assert_eq!(bytes_to_free(&POLICY, 0, 0), None);
        for (capacity, high) in [(1000, 85), (1001, 85), (7, 50), (12_345, 99), (64, 0)] {
            let policy = ImageGc { high_percent: high, low_percent: 0, ..ImageGc::DEFAULT };
            let safe = safe_bytes(&policy, capacity);
            assert!(safe < 0 || bytes_to_free(&policy, capacity, capacity - safe).is_none(), "{capacity} {high}");
            assert!(bytes_to_free(&policy, capacity, capacity - safe - 1).is_some(), "{capacity} {high}");
        }
    }

    #[test]
    fn those_used_least_recently_go_first_and_young_ones_stay() {
        let mut images = [image(1, 0, Some(500)), image(2, 0, Some(400)), image(3, 550, None), image(4, 100, None)];
        sort_for_eviction(&mut images);
        assert_eq!(images.map(|image| image.image.raw()), [4, 3, 2, 1]);
        let free = |bytes| free_space(&POLICY, &images, at(600), bytes, |_| 10);
        assert_eq!(free(20), (vec![ImageId::from_raw(4), ImageId::from_raw(2)], 20));
        assert_eq!(free(31), (vec![ImageId::from_raw(4), ImageId::from_raw(2), ImageId::from_raw(1)], 30));
    }

    /// The age counts from the kubelet's start at the earliest, and must be exceeded.
    #[test]
    fn old_images_go_after_their_last_use() {
        let (used, never) = (image(1, 0, Some(300)), image(2, 0, None));
        assert!(!is_too_old(&POLICY, &used, at(0), at(360)) && is_too_old(&POLICY, &used, at(0), at(361)));
        assert!(!is_too_old(&POLICY, &used, at(400), at(460)) && is_too_old(&POLICY, &used, at(400), at(461)));
        assert!(!is_too_old(&POLICY, &never, at(0), at(60)) && is_too_old(&POLICY, &never, at(0), at(61)));
        assert!(!is_too_old(&ImageGc::DEFAULT, &never, at(0), at(1_000_000)));
    }
}
