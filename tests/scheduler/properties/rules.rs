//! Which nodes may take a pod, by the words of the API's documentation and by brute force: every rule looks at all pods of the
//! cluster again. Shares nothing with podsim.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Claim, Expression, Kind, Labels, Node, Pod, Term, Volume, ZONE};

/// The cluster as a reader of the API would see it.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub nodes: BTreeMap<u32, Node>,
    pub pods: Vec<Pod>,
    pub claims: BTreeMap<String, Claim>,
    pub volumes: BTreeMap<String, Volume>,
    /// Pods on nodes: which node, and which of `pods` it is like.
    pub placed: BTreeMap<u32, (u32, usize)>,
}

/// What a profile does not do, and what it adds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub without: &'static [&'static str],
    /// Nodes must be of this pool.
    pub pool: Option<&'static str>,
}

impl State {
    fn others(&self) -> impl Iterator<Item = (&Pod, &Node)> {
        self.placed.values().map(|&(node, like)| (&self.pods[like], &self.nodes[&node]))
    }

    fn on<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Pod> {
        self.others().filter(move |(_, there)| there.name == node.name).map(|(pod, _)| pod)
    }

    /// The first rule that keeps `pod` off `node`.
    pub fn rejects(&self, pod: &Pod, node: &Node, rules: Rules) -> Option<&'static str> {
        type Rule = fn(&State, &Pod, &Node) -> bool;
        let all: [(&str, Rule); 12] = [
            ("NodeName", |_, pod, node| pod.node_name.as_ref().is_none_or(|name| *name == node.name)),
            ("NodeUnschedulable", |_, pod, node| {
                !node.cordoned || tolerates(pod, "node.kubernetes.io/unschedulable", "", "NoSchedule")
            }),
            ("TaintToleration", |_, pod, node| takes_taints(pod, node)),
            ("NodeAffinity", |_, pod, node| matches_affinity(pod, node)),
            ("NodePorts", State::has_ports),
            ("NodeResourcesFit", State::has_room),
            ("VolumeRestrictions", State::may_use_volumes),
            ("NodeVolumeLimits", State::can_attach),
            ("VolumeBinding", State::can_bind),
            ("VolumeZone", State::is_in_zone),
            ("PodTopologySpread", State::is_even),
            ("InterPodAffinity", State::is_among_friends),
        ];
        if rules.pool.is_some_and(|pool| node.labels.get("pool").is_none_or(|own| own != pool)) {
            return Some("NodeAffinity");
        }
        let broken = |&&(name, rule): &&(&'static str, Rule)| !rules.without.contains(&name) && !rule(self, pod, node);
        all.iter().find(broken).map(|&(name, _)| name)
    }

    /// What the pods of a node ask for together: cpu, memory, ephemeral-storage, gpus, pods.
    pub fn used(&self, node: &Node) -> [i64; 5] {
        self.on(node).fold([0; 5], |sum, pod| {
            let [cpu, memory, ephemeral, gpus] = pod.wants;
            [sum[0] + cpu, sum[1] + memory, sum[2] + ephemeral, sum[3] + gpus, sum[4] + 1]
        })
    }

    fn has_room(&self, pod: &Pod, node: &Node) -> bool {
        let (used, [cpu, memory, ephemeral, gpus]) = (self.used(node), pod.wants);
        let wants = [cpu, memory, ephemeral, gpus, 1];
        // A pod that asks for nothing of a kind does not care how little there is.
        (0..5).all(|at| wants[at] == 0 || used[at] + wants[at] <= node.room[at])
    }

    fn has_ports(&self, pod: &Pod, node: &Node) -> bool {
        let clash = |a: &(&str, &str, u16), b: &(&str, &str, u16)| {
            (a.1, a.2) == (b.1, b.2) && (a.0 == b.0 || a.0 == "0.0.0.0" || b.0 == "0.0.0.0")
        };
        !self.on(node).any(|other| other.ports.iter().any(|used| pod.ports.iter().any(|port| clash(port, used))))
    }

    /// All claims of a pod, of which one may be missing.
    fn claims_of<'a>(&'a self, pod: &'a Pod) -> impl Iterator<Item = Option<&'a Claim>> {
        let own = pod.has_ephemeral.then(|| pod.ephemeral_claim());
        pod.claims.iter().cloned().chain(own).map(|name| self.claims.get(&name))
    }

    fn may_use_volumes(&self, pod: &Pod, node: &Node) -> bool {
        let shares_badly = |other: &Pod| match (&pod.disk, &other.disk) {
            (Some((a, a_reads)), Some((b, b_reads))) => a == b && !(*a_reads && *b_reads),
            _ => false,
        };
        let is_taken = |name: &String| {
            let alone = self.claims.get(name).is_some_and(|claim| claim.kind == Kind::ForOnePod);
            alone && self.others().any(|(other, _)| other.claims.contains(name))
        };
        pod.claims.iter().all(|name| self.claims.contains_key(name))
            && !pod.claims.iter().any(is_taken)
            && !self.on(node).any(shares_badly)
    }

    /// What the driver attaches for a pod.
    fn attached(&self, pod: &Pod) -> BTreeSet<String> {
        let of_claim = |claim: &Claim| match claim.volume.as_ref().and_then(|name| self.volumes.get(name)) {
            Some(volume) => volume.is_attached.then(|| volume.name.clone()),
            None => matches!(claim.kind.class(), "late" | "early").then(|| format!("of {}", claim.name)),
        };
        let is_own = |claim: &&Claim| !claim.name.ends_with("-e") || claim.owner.as_ref() == Some(&pod.name);
        self.claims_of(pod).flatten().filter(is_own).filter_map(of_claim).collect()
    }

    fn can_attach(&self, pod: &Pod, node: &Node) -> bool {
        if self.claims_of(pod).any(|claim| claim.is_none()) {
            return false;
        }
        let there: BTreeSet<String> = self.on(node).flat_map(|other| self.attached(other)).collect();
        let new = self.attached(pod).difference(&there).count();
        node.attaches.is_none_or(|most| new == 0 || i64::try_from(there.len() + new).is_ok_and(|all| all <= most))
    }

    fn can_bind(&self, pod: &Pod, node: &Node) -> bool {
        let zone = node.labels.get(ZONE);
        self.claims_of(pod).all(|claim| {
            let Some(claim) = claim else { return false };
            if claim.name.ends_with("-e") && claim.owner.as_ref() != Some(&pod.name) {
                return false;
            }
            if matches!(claim.kind, Kind::Lost | Kind::Deleting) {
                return false;
            }
            if let Some(volume) = &claim.volume {
                let volume = self.volumes.get(volume);
                return volume.is_some_and(|volume| volume.zone.is_none() || volume.zone.as_ref() == zone);
            }
            match claim.kind {
                // A class of the first two zones; one with 10 GiB of room in the first; and local volumes.
                Kind::MadeWhereRoom => zone.is_some_and(|zone| zone == "zone-0") && claim.gib <= 10,
                Kind::Manual => self.volumes.values().any(|volume| {
                    volume.is_free && !volume.is_attached && volume.gib >= claim.gib && volume.zone.as_ref() == zone
                }),
                kind if kind.class() == "late" => zone.is_some_and(|zone| zone == "zone-0" || zone == "zone-1"),
                _ => false,
            }
        })
    }

    fn is_in_zone(&self, pod: &Pod, node: &Node) -> bool {
        // The claims of ephemeral volumes are not looked at, nor nodes that are in no zone at all.
        pod.claims.iter().all(|name| {
            let Some(claim) = self.claims.get(name) else { return false };
            match &claim.volume {
                Some(volume) => self.volumes.get(volume).is_some_and(|volume| {
                    let own = node.labels.get(ZONE);
                    volume.label.is_none() || own.is_none() || volume.label.as_ref() == own
                }),
                None => matches!(claim.kind.class(), "late" | "roomy" | "manual"),
            }
        })
    }

    fn is_even(&self, pod: &Pod, node: &Node) -> bool {
        let hard: Vec<_> = pod.spread.iter().filter(|spread| spread.hard).collect();
        let has_all_keys = |node: &Node| hard.iter().all(|spread| node.labels.contains_key(spread.key));
        if !has_all_keys(node) {
            return hard.is_empty();
        }
        hard.iter().all(|spread| {
            let counts = |node: &&Node| {
                has_all_keys(node) && matches_affinity(pod, node) && (!spread.honors_taints || takes_taints(pod, node))
            };
            let matching = |node: &Node| {
                self.on(node).filter(|other| other.namespace == pod.namespace && other.app == spread.app).count()
            };
            let mut domains: BTreeMap<&String, usize> = BTreeMap::new();
            for node in self.nodes.values().filter(counts) {
                *domains.entry(&node.labels[spread.key]).or_default() += matching(node);
            }
            let few = spread.domains.is_some_and(|least| i64::try_from(domains.len()).is_ok_and(|count| count < least));
            let least = if few { 0 } else { domains.values().copied().min().unwrap_or(0) };
            let here = domains.get(&node.labels[spread.key]).copied().unwrap_or(0);
            let own = usize::from(pod.app == spread.app);
            i64::try_from(here + own).is_ok_and(|count| count <= spread.skew + i64::try_from(least).unwrap_or(0))
        })
    }

    fn is_among_friends(&self, pod: &Pod, node: &Node) -> bool {
        let is_meant = |term: &Term, asking: &Pod, other: &Pod| {
            other.app == term.app && (term.everywhere || other.namespace == asking.namespace)
        };
        let is_near = |term: &Term, other: &Node| {
            node.labels.get(term.key).is_some_and(|own| other.labels.get(term.key) == Some(own))
        };
        let is_hated = |term: &Term| self.others().any(|(other, at)| is_meant(term, pod, other) && is_near(term, at));
        let hates =
            |(other, at): (&Pod, &Node)| other.apart.iter().any(|term| is_meant(term, other, pod) && is_near(term, at));
        if pod.apart.iter().any(is_hated) || self.others().any(hates) {
            return false;
        }
        if pod.near.iter().any(|term| !node.labels.contains_key(term.key)) {
            return false;
        }
        let is_friend = |other: &Pod| pod.near.iter().all(|term| is_meant(term, pod, other));
        let is_met = |term: &Term| self.others().any(|(other, at)| is_friend(other) && is_near(term, at));
        // The first of a group that wants to be together may go anywhere.
        let is_known = |term: &Term, (other, at): (&Pod, &Node)| is_friend(other) && at.labels.contains_key(term.key);
        let is_first = !self.others().any(|found| pod.near.iter().any(|term| is_known(term, found))) && is_friend(pod);
        is_first || pod.near.iter().all(is_met)
    }
}

fn tolerates(pod: &Pod, key: &str, value: &str, effect: &str) -> bool {
    pod.tolerations.iter().any(|&(its_key, its_value, its_effect)| {
        its_key.is_none_or(|own| own == key)
            && its_value.is_none_or(|own| own == value)
            && its_effect.is_none_or(|own| own == effect)
    })
}

fn takes_taints(pod: &Pod, node: &Node) -> bool {
    let is_taken = |(key, value, effect): &(String, String, &str)| {
        *effect == "PreferNoSchedule" || tolerates(pod, key, value, effect)
    };
    node.taints.iter().all(is_taken)
}

fn matches_affinity(pod: &Pod, node: &Node) -> bool {
    let holds = |expression: &Expression| matches(expression, &node.name, &node.labels);
    pod.selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
        && pod.required.as_ref().is_none_or(|terms| terms.iter().any(|term| term.iter().all(holds)))
}

fn matches((key, operator, values): &Expression, name: &str, labels: &Labels) -> bool {
    if *key == "metadata.name" {
        return values.iter().all(|value| value == name);
    }
    let value = labels.get(*key);
    let number = |text: &String| text.parse::<i64>().ok();
    match *operator {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => value.and_then(number) > number(&values[0]),
        _ => value.and_then(number).is_some_and(|own| Some(own) < number(&values[0])),
    }
}
