//! The garbage collector: what an object owns follows it. Mirrors pkg/controller/garbagecollector/garbagecollector.go, v1.34
//! (spec 8.12).
//!
//! A deletion in the background leaves dependents whose owner is gone: they are deleted. In the foreground the owner waits:
//! dependents are deleted first, those that own something in the foreground again, and the owner when the last is gone.

use super::script::{Sync, Write};
use crate::api::Propagation;
use crate::record::Recorder;

/// Deletes what an object owned that is gone, or that waits for its dependents.
pub(super) fn collect<R: Recorder>(cx: &mut Sync<'_, R>) {
    let (objects, pods) = (cx.cluster.objects(), cx.cluster.pods());
    let waits = cx.row().exists();
    let how = if waits { Propagation::Foreground } else { Propagation::Background };
    let going = cx.pods();
    let is_last = going.is_empty() && cx.row().children().is_empty();
    let mut writes: Vec<Write> =
        going.into_iter().filter(|pod| !pods.deleting(pod.pod)).map(Write::DeletePod).collect();
    let children = cx.row().children().iter().filter(|&&child| objects.get(child).deleting.is_none());
    writes.extend(children.map(|&child| Write::DeleteObject(child, how)));
    cx.write(writes);
    if waits && is_last {
        cx.then(Write::DeleteObject(cx.id, Propagation::Background));
    }
}
