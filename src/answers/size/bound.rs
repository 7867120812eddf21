//! What arithmetic says of a size: sums of requests over what the nodes offer; and which rule costs what lies between that and the
//! answer, found by running without it. Arithmetic stands beside the answer, never for it.

use super::super::Halt;
use super::search::Search;
use super::trial::{Demand, Trial};
use crate::base::id::DenseId;
use crate::model::strings::known;
use crate::model::{NodeShape, StrId, WhenUnsatisfiable};
use crate::sim::plan::Plan;

/// What one resource asks for.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Bound {
    /// `cpu`, `memory`, `pods`, or an extended resource.
    pub resource: String,
    /// What pods request in sum, DaemonSets' apart, less what other nodes offer.
    pub asked: i64,
    /// What a node offers to them.
    pub offered: i64,
    /// The quotient, rounded up, and as many as may be lost; `None` if a node offers nothing of it.
    pub nodes: Option<i64>,
}

/// The bounds of all resources, greatest first.
pub(super) fn bounds(search: &Search<'_>, trial: &Trial) -> Vec<Bound> {
    let plan = search.plan;
    let pool = &plan.pools[search.pool];
    let shape = &plan.shapes[pool.shapes[0]];
    let others: Vec<&NodeShape> = plan
        .nodes
        .iter()
        .enumerate()
        .filter(|(at, _)| !pool.nodes.contains(at))
        .map(|(_, node)| &plan.shapes[node.shape])
        .collect();
    let Demand { requests, pods } = &trial.demand;
    let mut names: Vec<StrId> = vec![known::CPU, known::MEMORY, known::EPHEMERAL_STORAGE];
    names.extend(requests.scalar.iter().map(|&(name, _)| name));
    let amount = super::super::survey::words::amount_of;
    let mut bounds: Vec<Bound> = names
        .into_iter()
        .map(|name| {
            let elsewhere: i64 = others.iter().map(|shape| amount(&shape.allocatable, name)).sum();
            let offered = amount(&shape.allocatable, name) - amount(&trial.overhead.requests, name);
            bound(plan.strings.text(name), amount(requests, name) - elsewhere, offered)
        })
        .filter(|bound| bound.asked > 0)
        .collect();
    let elsewhere: i64 = others.iter().map(|shape| shape.max_pods).sum();
    bounds.push(bound("pods", pods - elsewhere, shape.max_pods - trial.overhead.pods));
    let zones = zones(plan, search.pool);
    for nodes in bounds.iter_mut().filter_map(|bound| bound.nodes.as_mut()) {
        let enough = usize::try_from(*nodes).unwrap_or(0);
        *nodes = i64::try_from(search.loss.beside(enough, zones)).unwrap_or(i64::MAX);
    }
    bounds.sort_by_key(|bound| std::cmp::Reverse(bound.nodes));
    bounds
}

fn bound(resource: &str, asked: i64, offered: i64) -> Bound {
    let asked = asked.max(0);
    let nodes = (offered > 0).then(|| asked.div_euclid(offered) + i64::from(asked.rem_euclid(offered) != 0));
    Bound { resource: resource.to_owned(), asked, offered, nodes }
}

/// A rule that may be left out, and the plan without it.
type Relaxed = (&'static str, fn(&mut Plan) -> bool);

/// Each says whether there was anything to leave out.
const RULES: [Relaxed; 7] = [
    ("required anti-affinity between pods", |plan| {
        edit(plan, |class| {
            let Some(affinity) = class.pod_affinity.as_mut() else { return false };
            let had = !affinity.anti_required.is_empty();
            affinity.anti_required = Box::default();
            had
        })
    }),
    ("required affinity between pods", |plan| {
        edit(plan, |class| {
            let Some(affinity) = class.pod_affinity.as_mut() else { return false };
            let had = !affinity.required.is_empty();
            affinity.required = Box::default();
            had
        })
    }),
    ("hard topology spread", |plan| {
        edit(plan, |class| {
            let before = class.spread.len();
            let soft = class.spread.iter().filter(|one| one.when_unsatisfiable != WhenUnsatisfiable::DoNotSchedule);
            class.spread = soft.cloned().collect();
            class.spread.len() < before
        })
    }),
    ("node selectors and required node affinity", |plan| {
        edit(plan, |class| {
            let had = !class.node_selector.is_empty();
            class.node_selector = Box::default();
            match class.node_affinity.as_mut() {
                Some(affinity) if affinity.required.is_some() => affinity.required = None,
                _ => return had,
            }
            true
        })
    }),
    ("host ports", |plan| {
        edit(plan, |class| {
            let had = !class.host_ports.is_empty();
            class.host_ports = Box::default();
            had
        })
    }),
    ("the limit of pods on a node", |plan| {
        plan.shapes.iter_mut().for_each(|shape| shape.max_pods = shape.max_pods.max(100_000));
        true
    }),
    ("[[expect]]", |plan| !std::mem::take(&mut plan.expects).is_empty()),
];

fn edit(plan: &mut Plan, change: impl Fn(&mut crate::model::PodClass) -> bool) -> bool {
    // DaemonSets go to every node by a node affinity of their pods' own, which is made later.
    let classes: Vec<_> = plan.classes.ids().collect();
    classes.into_iter().filter(|&id| change(&mut plan.classes[id])).count() > 0
}

/// What would be enough without each rule: the rule, and how many nodes.
pub(super) fn without(search: &Search<'_>, count: usize, least: usize) -> Result<Vec<(&'static str, usize)>, Halt> {
    let mut found = Vec::new();
    for (rule, relax) in RULES {
        let mut plan = search.plan.clone();
        if !relax(&mut plan) {
            continue;
        }
        let relaxed = Search { plan: &plan, ..*search };
        let mut enough = relaxed.below(count, least)?;
        // With one seed fewer may have been enough with the rule as well.
        while enough < count && relaxed.with_seeds(enough)?.0.passed < search.seeds.len() {
            enough += 1;
        }
        if enough < count {
            found.push((rule, enough));
        }
    }
    found.sort_by_key(|&(_, enough)| enough);
    Ok(found)
}

/// How many zones the pool has.
pub(super) fn zones(plan: &Plan, pool: crate::model::PoolId) -> usize {
    let mut zones: Vec<StrId> = plan.pools[pool].shapes.iter().map(|&shape| plan.shapes[shape].zone).collect();
    zones.retain(|zone| *zone != known::EMPTY);
    zones.sort_unstable_by_key(|zone| zone.index());
    zones.dedup();
    zones.len()
}
