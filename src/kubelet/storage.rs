//! What containers of a pod share through volumes: sharing is by path. What one container writes under its mount of a
//! volume, another reads under its own mount of it; what lies outside every mount is private to its container and gone
//! when it restarts. Pure.

use crate::base::SimTime;
use crate::model::{ContainerSpec, PodTemplate, VolumeSource};

/// Where a path of a container leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place<'a> {
    /// Into a volume: its index, and the path inside it.
    Volume(u16, VolumePath<'a>),
    /// The container's own writable layer.
    Container,
}

/// A path inside a volume: a mount's `subPath` and the rest.
#[derive(Clone, Copy, Eq, Debug)]
pub struct VolumePath<'a> {
    sub_path: &'a str,
    rest: &'a str,
}

impl PartialEq for VolumePath<'_> {
    fn eq(&self, other: &Self) -> bool {
        let parts = |path: &Self| {
            let (sub, rest) = (path.sub_path, path.rest);
            sub.split('/').chain(rest.split('/')).filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        parts(self) == parts(other)
    }
}

/// Where `path` of `container` leads: the mount with the longest path above it decides.
#[must_use]
pub fn resolve<'a>(container: &'a ContainerSpec, path: &'a str) -> Place<'a> {
    let mut best: Option<(usize, Place<'a>)> = None;
    for mount in &container.mounts {
        let above = mount.path.trim_end_matches('/');
        let Some(rest) = path.strip_prefix(above) else { continue };
        let inside = rest.is_empty() || rest.starts_with('/');
        if inside && best.is_none_or(|(length, _)| above.len() > length) {
            let inner = VolumePath { sub_path: &mount.sub_path, rest };
            best = Some((above.len(), Place::Volume(mount.volume, inner)));
        }
    }
    best.map_or(Place::Container, |(_, place)| place)
}

/// A file that some container of the pod writes.
#[derive(Clone, Debug)]
struct File {
    container: u16,
    /// Index in the writer's behaviour.
    index: u16,
    volume: Option<u16>,
    bytes: f64,
    bytes_per_second: f64,
    updated: SimTime,
}

/// Files of one pod, as long as it is on its node.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    files: Vec<File>,
}

impl Storage {
    /// The container at `index` writes file number `file` of its behaviour at this many bytes per second from `now` on.
    pub fn set_rate(
        &mut self,
        now: SimTime,
        template: &PodTemplate,
        container: u16,
        (file, path): (u16, &str),
        bytes_per_second: f64,
    ) {
        let at = self.files.iter().position(|f| (f.container, f.index) == (container, file)).unwrap_or_else(|| {
            let volume = match resolve(&template.containers[usize::from(container)], path) {
                Place::Volume(volume, _) => Some(volume),
                Place::Container => None,
            };
            let empty = File { container, index: file, volume, bytes: 0.0, bytes_per_second: 0.0, updated: now };
            self.files.push(empty);
            self.files.len() - 1
        });
        let file = &mut self.files[at];
        file.bytes += file.bytes_per_second * (now - file.updated).as_secs_f64();
        (file.updated, file.bytes_per_second) = (now, bytes_per_second);
    }

    /// Nothing is written any more.
    pub fn stop(&mut self, now: SimTime) {
        for file in &mut self.files {
            (file.bytes, file.updated, file.bytes_per_second) = (file.bytes_at(now), now, 0.0);
        }
    }

    /// The container at `index` was restarted: what it wrote outside its mounts is gone, what it wrote into volumes stays.
    pub fn restarted(&mut self, now: SimTime, container: u16) {
        for file in self.files.iter_mut().filter(|file| file.container == container && file.volume.is_none()) {
            (file.bytes, file.updated) = (0.0, now);
        }
    }

    /// Bytes in a volume at `now`.
    #[must_use]
    pub fn volume_bytes(&self, now: SimTime, volume: u16) -> f64 {
        self.files.iter().filter(|file| file.volume == Some(volume)).map(|file| file.bytes_at(now)).sum()
    }

    /// When the emptyDir `volume` will hold more than `limit` bytes at the present rates; `None`: never.
    #[must_use]
    pub fn exceeds_at(&self, now: SimTime, volume: u16, limit: f64) -> Option<SimTime> {
        let missing = limit - self.volume_bytes(now, volume);
        if missing < 0.0 {
            return Some(now);
        }
        let rate: f64 = self.files.iter().filter(|f| f.volume == Some(volume)).map(|f| f.bytes_per_second).sum();
        (rate > 0.0).then(|| now + crate::base::SimDuration::from_secs_f64(missing / rate))
    }

    /// Bytes that `reader` finds at `path` at `now`; `None`: there is no such file for it.
    #[must_use]
    pub fn read(
        &self,
        now: SimTime,
        template: &PodTemplate,
        reader: u16,
        path: &str,
        written: impl Fn(u16, u16) -> Box<str>,
    ) -> Option<f64> {
        let place = resolve(&template.containers[usize::from(reader)], path);
        self.files
            .iter()
            .filter(|file| {
                let name = written(file.container, file.index);
                match (place, resolve(&template.containers[usize::from(file.container)], &name)) {
                    (Place::Volume(a, x), Place::Volume(b, y)) => a == b && x == y,
                    (Place::Container, Place::Container) => file.container == reader && *name == *path,
                    _ => false,
                }
            })
            .map(|file| file.bytes_at(now))
            .reduce(|a, b| a + b)
    }
}

impl File {
    fn bytes_at(&self, now: SimTime) -> f64 {
        self.bytes + self.bytes_per_second * (now - self.updated).as_secs_f64()
    }
}

/// The emptyDirs of a pod that have a size limit: (volume index, bytes).
pub fn limited(template: &PodTemplate) -> impl Iterator<Item = (u16, i64)> + '_ {
    template.volumes.iter().enumerate().filter_map(|(index, volume)| match volume.source {
        VolumeSource::EmptyDir { size_limit: Some(limit), .. } => {
            Some((u16::try_from(index).expect("few volumes"), limit))
        }
        _ => None,
    })
}
