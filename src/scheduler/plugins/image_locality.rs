//! ImageLocality: prefers nodes that have the images of the pod's containers, by their sizes and by how many nodes have them.
//! Mirrors pkg/scheduler/framework/plugins/imagelocality/image_locality.go (v1.34.1).

use crate::scheduler::framework::MAX_NODE_SCORE;

const MIB: i64 = 1 << 20;
/// Less than this is not worth a detour.
const MIN_THRESHOLD: i64 = 23 * MIB;
/// More than this for a container counts no more.
const MAX_CONTAINER_THRESHOLD: i64 = 1000 * MIB;

/// An image that nodes report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageState {
    /// Its size in bytes, as the first node said that had it.
    pub size: i64,
    /// How many nodes have it.
    pub nodes: u32,
}

/// The score of a node of `all_nodes`, for a pod of whose containers it has these images.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn score(here: impl Iterator<Item = ImageState>, containers: usize, all_nodes: usize) -> i64 {
    let scaled = |image: ImageState| {
        let spread = f64::from(image.nodes) / all_nodes as f64;
        (image.size as f64 * spread) as i64
    };
    let sum = here.fold(0_i64, |sum, image| sum.saturating_add(scaled(image)));
    let most =
        MAX_CONTAINER_THRESHOLD * i64::try_from(containers.max(1)).expect("a pod has fewer than 2^63 containers");
    MAX_NODE_SCORE * (sum.clamp(MIN_THRESHOLD, most) - MIN_THRESHOLD) / (most - MIN_THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(images: &[(i64, u32)], containers: usize, all_nodes: usize) -> i64 {
        let states = images.iter().map(|&(mib, nodes)| ImageState { size: mib * MIB, nodes });
        score(states, containers, all_nodes)
    }

    #[test]
    fn large_and_widespread_images_count() {
        assert_eq!(
            [of(&[], 1, 2), of(&[(23, 2)], 1, 2), of(&[(1000, 2)], 1, 2), of(&[(9000, 2)], 1, 2)],
            [0, 0, 100, 100]
        );
        // Half of 500 MiB: 100 x 227 / 977.
        assert_eq!(of(&[(500, 1)], 1, 2), 23);
        // Two containers with the same image: 100 x 477 / 1977.
        assert_eq!(of(&[(250, 2), (250, 2)], 2, 2), 24);
        assert_eq!(of(&[(250, 2)], 2, 2), 11);
    }
}
