//! What containers of a pod share through volumes: sharing is by path. What one container writes under its mount of a
//! volume, another reads under its own mount of it; what lies outside every mount is private to its container and gone
//! when it restarts. Pure.

use crate::base::{SimDuration, SimTime};
use crate::model::{ContainerSpec, PodTemplate, Role, VolumeSource};

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
    /// It and what was made beside it.
    inodes: f64,
    inodes_per_second: f64,
    updated: SimTime,
    /// What the writer's earlier instances wrote.
    before: f64,
}

/// What a container's writes to volumes in memory are charged with: bytes now, bytes per second, and when the volume is full.
pub type Charge = (f64, f64, Option<SimTime>);

/// Files of one pod, as long as it is on its node.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    files: Vec<File>,
}

impl Storage {
    /// The container at `index` writes file number `file` of its behaviour at this many bytes, and makes this many others beside
    /// it, per second from `now` on.
    pub fn set_rate(
        &mut self,
        now: SimTime,
        template: &PodTemplate,
        container: u16,
        (file, path): (u16, &str),
        (bytes_per_second, inodes_per_second): (f64, f64),
    ) {
        let at = self.files.iter().position(|f| (f.container, f.index) == (container, file)).unwrap_or_else(|| {
            let volume = match resolve(&template.containers[usize::from(container)], path) {
                Place::Volume(volume, _) => Some(volume),
                Place::Container => None,
            };
            self.files.push(File {
                container,
                index: file,
                volume,
                bytes: 0.0,
                bytes_per_second: 0.0,
                inodes: 1.0,
                inodes_per_second: 0.0,
                updated: now,
                before: 0.0,
            });
            self.files.len() - 1
        });
        let file = &mut self.files[at];
        (file.bytes, file.inodes, file.updated) = (file.bytes_at(now), file.inodes_at(now), now);
        (file.bytes_per_second, file.inodes_per_second) = (bytes_per_second, inodes_per_second);
    }

    /// Nothing is written any more.
    pub fn stop(&mut self, now: SimTime) {
        for file in &mut self.files {
            (file.bytes, file.inodes, file.updated) = (file.bytes_at(now), file.inodes_at(now), now);
            (file.bytes_per_second, file.inodes_per_second) = (0.0, 0.0);
        }
    }

    /// The container at `index` was restarted: what it wrote outside its mounts is gone, what it wrote into volumes stays.
    pub fn restarted(&mut self, now: SimTime, container: u16) {
        for file in self.files.iter_mut().filter(|file| file.container == container) {
            (file.bytes, file.inodes) =
                if file.volume.is_some() { (file.bytes_at(now), file.inodes_at(now)) } else { (0.0, 1.0) };
            (file.updated, file.before) = (now, file.bytes);
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
        // The first instant after the limit is reached: at the limit it is not exceeded.
        (rate > 0.0).then(|| now + SimDuration::from_secs_f64(missing / rate) + SimDuration(1))
    }

    /// Bytes per second that a volume grows by.
    #[must_use]
    pub fn volume_rate(&self, volume: u16) -> f64 {
        self.files.iter().filter(|file| file.volume == Some(volume)).map(|file| file.bytes_per_second).sum()
    }

    /// Bytes on the node's disk at `now`, and how many more a second: writable layers and volumes that are not in memory.
    pub fn disk(&self, now: SimTime, in_memory: impl Fn(u16) -> bool) -> (f64, f64) {
        let on_disk = self.files.iter().filter(|file| !file.volume.is_some_and(&in_memory));
        on_disk.fold((0.0, 0.0), |(bytes, rate), file| (bytes + file.bytes_at(now), rate + file.bytes_per_second))
    }

    /// Inodes on the node's disk, and how many more a second.
    #[must_use]
    pub fn inodes(&self, now: SimTime, in_memory: impl Fn(u16) -> bool) -> (f64, f64) {
        let on_disk = self.files.iter().filter(|file| !file.volume.is_some_and(&in_memory));
        on_disk.fold((0.0, 0.0), |(inodes, rate), file| (inodes + file.inodes_at(now), rate + file.inodes_per_second))
    }

    /// Bytes in the writable layer of the container at `index`, and how many more a second.
    #[must_use]
    pub fn layer(&self, now: SimTime, container: u16) -> (f64, f64) {
        let own = self.files.iter().filter(|file| file.container == container && file.volume.is_none());
        own.fold((0.0, 0.0), |(bytes, rate), file| (bytes + file.bytes_at(now), rate + file.bytes_per_second))
    }

    /// What the container at `index` has written to volumes in memory since its start is charged to it. `size` gives the
    /// size of such a volume, `None` for others.
    pub fn charge(&self, now: SimTime, container: u16, size: impl Fn(u16) -> Option<f64>) -> Charge {
        let (mut bytes, mut rate, mut full_at) = (0.0, 0.0, None::<SimTime>);
        for file in self.files.iter().filter(|file| file.container == container) {
            let Some((volume, size)) = file.volume.and_then(|volume| Some((volume, size(volume)?))) else { continue };
            bytes += (file.bytes_at(now).min(size) - file.before).max(0.0);
            match self.exceeds_at(now, volume, size) {
                Some(at) if at > now => {
                    rate += file.bytes_per_second;
                    full_at = Some(full_at.map_or(at, |full| full.min(at)));
                }
                _ => {}
            }
        }
        (bytes, rate, full_at)
    }

    /// Bytes in volumes in memory at `now`.
    pub fn memory_bytes(&self, now: SimTime, volumes: u16, size: impl Fn(u16) -> Option<f64>) -> f64 {
        (0..volumes).filter_map(|volume| Some(self.volume_bytes(now, volume).min(size(volume)?))).sum()
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

    fn inodes_at(&self, now: SimTime) -> f64 {
        self.inodes + self.inodes_per_second * (now - self.updated).as_secs_f64()
    }
}

/// The size of a volume in memory on a node with this much allocatable memory: writes beyond it fail. `None`: it is not in
/// memory.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn memory_size(template: &PodTemplate, volume: u16, allocatable: i64) -> Option<f64> {
    let VolumeSource::EmptyDir { size_limit, memory: true } = template.volumes[usize::from(volume)].source else {
        return None;
    };
    let lasting = template.containers.iter().filter(|spec| spec.role != Role::Init);
    let of_pod: Option<i64> = lasting.map(|spec| spec.limits.memory).sum();
    let limits = [of_pod, size_limit.filter(|&limit| limit > 0)];
    Some(limits.into_iter().flatten().fold(allocatable, i64::min) as f64)
}

/// A limit of local storage, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalLimit {
    /// `sizeLimit` of an emptyDir on disk. Those in memory cannot grow beyond it.
    EmptyDir(u16, i64),
    /// What all containers of the pod may write together, emptyDirs included.
    Pod(i64),
    /// What one container may write outside its volumes.
    Container(u16, i64),
}

/// The limits of a pod, in the order in which the eviction manager looks at them (spec 3.2).
pub fn local_limits(template: &PodTemplate) -> impl Iterator<Item = LocalLimit> + '_ {
    let number = |index: usize| u16::try_from(index).expect("few of them");
    let volumes = template.volumes.iter().enumerate().filter_map(move |(index, volume)| match volume.source {
        VolumeSource::EmptyDir { size_limit: Some(limit), memory: false } => {
            Some(LocalLimit::EmptyDir(number(index), limit))
        }
        _ => None,
    });
    let containers = template.containers.iter().enumerate();
    let containers = containers
        .filter_map(move |(index, spec)| Some(LocalLimit::Container(number(index), spec.limits.ephemeral_storage?)));
    volumes.chain(pod_limit(template).map(LocalLimit::Pod)).chain(containers)
}

/// The pod's own limit: of those that run at once, at the time when they may write most.
fn pod_limit(template: &PodTemplate) -> Option<i64> {
    let of = |spec: &ContainerSpec| spec.limits.ephemeral_storage;
    template.containers.iter().find_map(of)?;
    let (mut sum, mut sidecars, mut most) = (0, 0, 0);
    for spec in &template.containers {
        let own = of(spec).unwrap_or(0);
        match spec.role {
            Role::Main => sum += own,
            Role::Sidecar => {
                sum += own;
                sidecars += own;
                most = most.max(sidecars);
            }
            Role::Init => most = most.max(own + sidecars),
        }
    }
    Some(sum.max(most))
}

impl Storage {
    /// Bytes that count against a limit at `now`, and how many more a second.
    #[must_use]
    pub fn counted(&self, now: SimTime, template: &PodTemplate, limit: LocalLimit) -> (f64, f64) {
        let in_memory = |volume: u16| {
            matches!(template.volumes[usize::from(volume)].source, VolumeSource::EmptyDir { memory: true, .. })
        };
        match limit {
            LocalLimit::EmptyDir(volume, _) => (self.volume_bytes(now, volume), self.volume_rate(volume)),
            LocalLimit::Pod(_) => self.disk(now, in_memory),
            LocalLimit::Container(container, _) => self.layer(now, container),
        }
    }

    /// When a limit will be exceeded at the present rates; `None`: never.
    #[must_use]
    pub fn limit_exceeded_at(&self, now: SimTime, template: &PodTemplate, limit: LocalLimit) -> Option<SimTime> {
        let (bytes, rate) = self.counted(now, template, limit);
        let missing = limit.bytes() - bytes;
        if missing < 0.0 {
            return Some(now);
        }
        (rate > 0.0).then(|| now + SimDuration::from_secs_f64(missing / rate) + SimDuration(1))
    }
}

impl LocalLimit {
    /// How many bytes.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub const fn bytes(self) -> f64 {
        let (Self::EmptyDir(_, bytes) | Self::Pod(bytes) | Self::Container(_, bytes)) = self;
        bytes as f64
    }
}
