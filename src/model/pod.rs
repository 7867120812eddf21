//! Pods as their manifests describe them, compiled.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::autoscaling::DrainHints;
use super::cgroup::PodCgroup;
use super::ids::{BehaviorId, ClassId, ConfigId, ImageId, LabelSetId, StrId};
use super::quota::PodAdmission;
use super::resources::{Limits, Resources};

/// A pod as its manifest describes it: shared by all pods made from it. What it shares with its variations is read, and
/// written, as if it were its own.
#[derive(Clone, PartialEq, Debug)]
pub struct PodTemplate {
    /// Labels.
    pub labels: LabelSetId,
    /// The scheduling signature.
    pub class: ClassId,
    /// How its pods are named.
    pub naming: PodNaming,
    /// Which template of its StatefulSet or DaemonSet it is of: a hash. (Upstream: the label `controller-revision-hash`.)
    pub revision: u64,
    /// The rest. An indexed Job has a template for each index: they are small because of this.
    pub spec: Arc<PodSpec>,
}

impl Deref for PodTemplate {
    type Target = PodSpec;

    fn deref(&self) -> &PodSpec {
        &self.spec
    }
}

impl DerefMut for PodTemplate {
    /// Copies what is shared.
    fn deref_mut(&mut self) -> &mut PodSpec {
        Arc::make_mut(&mut self.spec)
    }
}

/// What templates have in common that a controller made from one.
#[derive(Clone, PartialEq, Debug)]
pub struct PodSpec {
    /// Namespace.
    pub namespace: StrId,
    /// `spec.restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// `spec.terminationGracePeriodSeconds` (default 30; may be negative, which counts as 1).
    pub grace_period_seconds: i64,
    /// `spec.activeDeadlineSeconds`.
    pub active_deadline_seconds: Option<i64>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// Whether it has `spec.resources`, which go before its containers'.
    pub pod_resources: bool,
    /// The quality-of-service class.
    pub qos: QosClass,
    /// What its cgroups are given.
    pub cgroup: PodCgroup,
    /// Init containers (regular ones and sidecars) in spec order, then main containers in spec order.
    pub containers: Box<[ContainerSpec]>,
    /// Volumes in spec order.
    pub volumes: Box<[Volume]>,
    /// Whether nodes with such a pod may be drained.
    pub drain: DrainHints,
    /// The annotation `controller.kubernetes.io/pod-deletion-cost`; 0: none.
    pub deletion_cost: i32,
    /// What admission looks at; `None`: the pod is let in unseen, and counts for nothing.
    pub admission: Option<Arc<PodAdmission>>,
}

/// The annotation `controller.kubernetes.io/pod-deletion-cost` as a number: 0 for a text that is no 32-bit integer or is
/// written with a plus sign or leading zeros. Source: pkg/apis/core/helper/helpers.go, v1.34.
#[must_use]
pub fn deletion_cost(text: &str) -> i32 {
    let valid = matches!(text.as_bytes(), [b'-' | b'1'..=b'9', ..] | b"0");
    if valid { text.parse().unwrap_or(0) } else { 0 }
}

/// How the pods of a template are named.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PodNaming {
    /// As their workload says.
    #[default]
    Workload,
    /// There is one, of this name.
    Exact(StrId),
    /// This, a dash, and letters and digits that follow from the pod's ordinal (`generateName`).
    Generated(StrId),
    /// For a completion index of the Job of this name: as if generated from both. Such pods have the label
    /// [`COMPLETION_INDEX`], but their template knows of it only if some selector may ask.
    Index(StrId, u32),
}

/// The label and annotation that tells the completion index of a Job's pod.
pub const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The letters and digits of names that the API server completes, without vowels and what looks like them
/// (staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go, v1.34).
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Five letters and digits for number `ordinal` of what is called `base`: different for the first 27^5 numbers, longer for later
/// ones.
#[must_use]
pub fn generated_suffix(base: &str, ordinal: u32) -> String {
    let all = 27_u64.pow(5);
    let (round, place) = (u64::from(ordinal) / all, u64::from(ordinal) % all);
    // Siblings of another base begin elsewhere.
    let from = base.bytes().fold(3_141_592, |sum: u64, byte| (sum * 31 + u64::from(byte)) % all);
    safe_encode((place * 8_675_309 + from) % all, 5) + &if round == 0 { String::new() } else { safe_encode(round, 1) }
}

/// `number` in letters and digits that are safe in names, at least `width` of them.
#[must_use]
pub fn safe_encode(mut number: u64, width: usize) -> String {
    let mut text = String::new();
    while number > 0 || text.len() < width {
        let digit = usize::try_from(number % 27).unwrap_or_default();
        text.insert(0, char::from(SAFE[digit]));
        number /= 27;
    }
    text
}

/// The hash of a template as names and labels of revisions have it.
#[must_use]
pub fn revision_text(hash: u64) -> String {
    safe_encode(hash & 0xffff_ffff, 7)
}

impl PodSpec {
    /// How many of [`containers`](Self::containers) are init containers (sidecars included).
    #[must_use]
    pub fn init_count(&self) -> usize {
        self.containers.iter().take_while(|c| c.role != Role::Main).count()
    }
}

/// One container of a pod.
#[derive(Clone, PartialEq, Debug)]
pub struct ContainerSpec {
    /// Name.
    pub name: StrId,
    /// Init container, sidecar or main container.
    pub role: Role,
    /// Image.
    pub image: ImageId,
    /// When the image is pulled.
    pub pull_policy: ImagePullPolicy,
    /// Requests after defaulting.
    pub requests: Resources,
    /// Limits.
    pub limits: Limits,
    /// Declared ports.
    pub ports: Box<[ContainerPort]>,
    /// What `env` and `envFrom` take from ConfigMaps and Secrets.
    pub env: Box<[EnvSource]>,
    /// Volume mounts.
    pub mounts: Box<[Mount]>,
    /// Startup probe.
    pub startup_probe: Option<Probe>,
    /// Readiness probe.
    pub readiness_probe: Option<Probe>,
    /// Liveness probe.
    pub liveness_probe: Option<Probe>,
    /// For which resources an in-place resize restarts it (`resizePolicy`).
    pub resize_restarts: ResizeRestarts,
    /// `lifecycle.postStart`.
    pub post_start: Option<Hook>,
    /// `lifecycle.preStop`.
    pub pre_stop: Option<Hook>,
    /// Its own `restartPolicy` and rules; only where the gate `ContainerRestartRules` is on.
    pub restart: Option<Box<OwnRestartPolicy>>,
    /// What the process does.
    pub behavior: BehaviorId,
}

/// The part a container plays in its pod.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// A regular init container: runs to completion before the next one starts.
    Init,
    /// A restartable init container (`restartPolicy: Always`).
    Sidecar,
    /// One of `spec.containers`.
    Main,
}

/// `spec.restartPolicy`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RestartPolicy {
    /// Restart whatever the exit code.
    #[default]
    Always,
    /// Restart after a non-zero exit code.
    OnFailure,
    /// Never restart.
    Never,
}

/// Resources whose resize restarts a container (`RestartContainer`); for others the running process goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ResizeRestarts {
    /// CPU.
    pub cpu: bool,
    /// Memory.
    pub memory: bool,
}

/// A container's own `restartPolicy` and `restartPolicyRules`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnRestartPolicy {
    /// `restartPolicy`.
    pub policy: RestartPolicy,
    /// `restartPolicyRules`, in order.
    pub rules: Box<[RestartRule]>,
}

/// One of a container's `restartPolicyRules`; the only action is to restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestartRule {
    /// Whether it is for all exit codes but these (`NotIn`).
    pub not_in: bool,
    /// Exit codes.
    pub exit_codes: Box<[i32]>,
}

/// `imagePullPolicy` after defaulting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ImagePullPolicy {
    /// At every container start.
    Always,
    /// If the node does not have it.
    IfNotPresent,
    /// Never: a missing image is an error.
    Never,
}

/// Quality of service: who suffers first when a node runs short.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum QosClass {
    /// Every container has cpu and memory limits equal to its requests.
    Guaranteed,
    /// Something is requested or limited.
    Burstable,
    /// Nothing is requested or limited.
    BestEffort,
}

impl QosClass {
    /// As the API writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// Transport protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A declared container port. Declaring opens nothing; processes listen (see [`super::Behavior::listens`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerPort {
    /// Name, possibly the empty string.
    pub name: StrId,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Port in the pod's network namespace.
    pub port: u16,
    /// Port on the node; 0 is none.
    pub host_port: u16,
}

/// ConfigMap or Secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ConfigKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl ConfigKind {
    /// As the API server's paths write it.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
        }
    }
}

/// A reference to a configuration object, or to some of its keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigRef {
    /// Which object.
    pub config: ConfigId,
    /// Keys that must exist; empty: the object is enough.
    pub keys: Box<[StrId]>,
    /// Whether it may be missing.
    pub optional: bool,
}

/// Something an environment takes from a configuration object; read at each container start.
pub type EnvSource = ConfigRef;

/// A mount of a volume into a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mount {
    /// Index into [`PodSpec::volumes`].
    pub volume: u16,
    /// Absolute path in the container.
    pub path: Box<str>,
    /// Path inside the volume that is mounted, or the empty string.
    pub sub_path: Box<str>,
    /// Whether writes are refused.
    pub read_only: bool,
}

/// A volume of a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume {
    /// Name.
    pub name: StrId,
    /// Where its content comes from.
    pub source: VolumeSource,
}

/// Where a volume's content comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VolumeSource {
    /// Scratch space that lives as long as the pod is on its node.
    EmptyDir {
        /// `sizeLimit` in bytes.
        size_limit: Option<i64>,
        /// `medium: Memory`.
        memory: bool,
    },
    /// Files from ConfigMaps and Secrets (`configMap`, `secret`, `projected`).
    Config(Box<[ConfigRef]>),
    /// A PersistentVolume, through the next claim among [`PodClass::volumes`](super::PodClass).
    Claim,
    /// Anything that is always there and that no rule here depends on (hostPath, downwardAPI, ...).
    Other,
}

/// A probe of a container, with defaults filled in. Periods and delays in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// What it asks.
    pub action: ProbeAction,
    /// `initialDelaySeconds`.
    pub initial_delay_seconds: i32,
    /// `periodSeconds`.
    pub period_seconds: i32,
    /// `timeoutSeconds`.
    pub timeout_seconds: i32,
    /// `successThreshold`.
    pub success_threshold: i32,
    /// `failureThreshold`.
    pub failure_threshold: i32,
    /// Probe-level `terminationGracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
}

/// What a probe asks of a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProbeAction {
    /// An HTTP GET (or gRPC check) on this port: the process must listen there and be healthy.
    Http(TargetPortNumber),
    /// A TCP connect to this port: the process must listen there.
    Tcp(TargetPortNumber),
    /// A command: the process must be healthy.
    Exec,
}

/// What a lifecycle hook does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hook {
    /// A command in the container.
    Exec,
    /// An HTTP GET on this port: somebody in the pod must listen there.
    Http(TargetPortNumber),
    /// Nothing, for so many seconds.
    Sleep(u32),
    /// `tcpSocket`, which upstream accepts and no kubelet carries out: it fails.
    Tcp,
}

/// A port number, resolved from a port name at compile time.
pub type TargetPortNumber = u16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_that_are_not_written_as_upstream_wants_are_none() {
        let texts = ["10", "-7", "0", "+1", "008", "", "-", "2147483648", "-2147483648", "1x", "00", "-01"];
        let costs = texts.map(deletion_cost);
        assert_eq!(costs, [10, -7, 0, 0, 0, 0, 0, 0, i32::MIN, 0, 0, -1]);
    }
}
