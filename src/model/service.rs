//! Services and configuration objects.

use super::ids::{ConfigId, StrId};
use super::pod::{ConfigKind, Protocol};

/// A Service.
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceSpec {
    /// Namespace.
    pub namespace: StrId,
    /// Name.
    pub name: StrId,
    /// ClusterIP, NodePort, LoadBalancer or headless.
    pub kind: ServiceType,
    /// Label pairs that pods must have; empty: no automatic endpoints.
    pub selector: Box<[(StrId, StrId)]>,
    /// Ports.
    pub ports: Box<[ServicePort]>,
    /// `spec.loadBalancerIP`: handed to the provider.
    pub load_balancer_ip: Option<StrId>,
    /// Whether pods that are not ready are endpoints as well.
    pub publish_not_ready_addresses: bool,
}

/// One port of a Service.
#[derive(Clone, PartialEq, Debug)]
pub struct ServicePort {
    /// Name, possibly the empty string.
    pub name: StrId,
    /// Transport protocol.
    pub protocol: Protocol,
    /// The port that clients connect to.
    pub port: u16,
    /// Where it goes in the pod.
    pub target: TargetPort,
}

/// The pod's end of a Service port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetPort {
    /// A port number.
    Number(u16),
    /// The name of a container port, resolved in each pod.
    Name(StrId),
}

/// The type of a Service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServiceType {
    /// A virtual address inside the cluster.
    ClusterIp,
    /// `clusterIP: None`: DNS gives the pods' addresses.
    Headless,
    /// A port on every node as well.
    NodePort,
    /// An external load balancer as well.
    LoadBalancer,
    /// A DNS alias; no endpoints.
    ExternalName,
}

/// A ConfigMap or Secret: its identity and, while it exists, its keys.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ConfigObject {
    /// ConfigMap or Secret.
    pub kind: ConfigKind,
    /// Namespace.
    pub namespace: StrId,
    /// Name.
    pub name: StrId,
}

/// The content of a configuration object at some time.
#[derive(Clone, PartialEq, Debug)]
pub struct ConfigContent {
    /// Which object.
    pub config: ConfigId,
    /// Its keys, sorted by id.
    pub keys: Box<[StrId]>,
}
