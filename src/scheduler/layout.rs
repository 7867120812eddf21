//! Layouts: in which order columns hold the cells of nodes. In the flat one, in list order; in a grouped one, nodes of one group
//! stand together, in list order within it, and groups begin with a block of their own. Owns groups and positions; knows no
//! cells. Nodes of a group have the same domains, the same number of taints to avoid and the same preferred terms.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::counts::Counts;
use super::domains::TopologyId;
use super::opinions::Extremes;
use super::plugins::{node_affinity, taint_toleration};
use super::tables::{Class, Kind, SortId, Tables};
use super::view::{NodeFacts, View};
use crate::base::IdVec;
use crate::base::id::DenseId;
use crate::model::NodeId;

/// Cells that are built and summed up together.
pub(super) const BLOCK: usize = 64;

/// Beyond so many groups a stretch of the list holds too few nodes of each.
const MANY_GROUPS: usize = 32;

/// The position of a slot that belongs to no node.
pub(super) const PADDING: u32 = u32::MAX;

/// What the nodes of a group have in common.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Trait {
    pub intolerable: i64,
    pub preferred: i64,
    domains: SmallVec<[u32; 2]>,
}

/// Nodes that stand together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub common: Trait,
    /// One of them.
    pub node: NodeId,
    /// Where they stand, without padding.
    pub slots: std::ops::Range<usize>,
}

impl Group {
    /// The blocks where they stand.
    pub(super) const fn blocks(&self) -> std::ops::Range<usize> {
        self.slots.start / BLOCK..self.slots.end.div_ceil(BLOCK)
    }
}

/// An order of cells.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    /// Another number for every layout that was ever made.
    pub stamp: u64,
    epoch: u64,
    /// By which topologies nodes are grouped.
    pub topologies: Box<[TopologyId]>,
    /// Whether it knows of more than list order.
    pub is_grouped: bool,
    /// Whether groups differ in taints to avoid or preferred terms.
    pub has_opinions: bool,
    /// Position in the list by slot.
    pub position_at: Vec<u32>,
    /// Slot by position in the list.
    pub slot_of: Vec<u32>,
    pub groups: Vec<Group>,
    /// For each [`BLOCK`] positions of the list and for its end, and for each group: the first of its slots that belongs there or
    /// later. Not kept for many groups.
    firsts: Vec<u32>,
    pub group_of_block: Vec<u32>,
}

impl Layout {
    /// List order.
    pub(super) fn flat(view: &View, stamp: u64) -> Self {
        let order: Vec<u32> = (0..view.list().len()).map(u32::from_index).collect();
        let group = |&node| Group { common: Trait::default(), node, slots: 0..order.len() };
        Self {
            stamp,
            epoch: view.list_epoch(),
            topologies: Box::default(),
            is_grouped: false,
            has_opinions: false,
            groups: view.list().first().map(group).into_iter().collect(),
            firsts: Vec::new(),
            group_of_block: vec![0; order.len().div_ceil(BLOCK)],
            slot_of: order.clone(),
            position_at: order,
        }
    }

    /// Groups by topologies and by what a class, if any, thinks of nodes; `None` if the groups would be too small to be worth it.
    pub(super) fn grouped(
        view: &View,
        counts: &Counts,
        class: Option<&Class>,
        topologies: &[TopologyId],
        stamp: u64,
    ) -> Option<Self> {
        let (list, tables) = (view.list(), view.tables());
        let by_names =
            |class: &Class| tables.statics(class.statics).looks_at_names || tables.rules(class).looks_at_names;
        let by_kind = !class.is_some_and(by_names);
        let by_sort = by_kind && topologies.iter().all(|&topology| !counts.domains_of(topology).key.looks_at_names());
        let (mut ids, mut opinions): (FxHashMap<Trait, u32>, FxHashMap<Kind, (i64, i64)>) = Default::default();
        // What each group is, one of its nodes, and how many there are.
        let mut groups: Vec<(Trait, NodeId, usize)> = Vec::new();
        let mut group_of_sort: IdVec<SortId, Option<u32>> = IdVec::new();
        let mut group_of: Vec<u32> = Vec::with_capacity(list.len());
        for &node in list {
            let sort = view.sort(node)?;
            let group = match group_of_sort.get(sort) {
                Some(&Some(group)) => group,
                _ => {
                    let facts = view.facts(node)?;
                    let said = || class.map_or((0, 0), |class| opinion(tables, class, facts));
                    let said = if by_kind { *opinions.entry(facts.kind()).or_insert_with(said) } else { said() };
                    let group = *ids.entry(trait_of(counts, said, topologies, node)).or_insert_with_key(|common| {
                        groups.push((common.clone(), node, 0));
                        u32::from_index(groups.len() - 1)
                    });
                    if by_sort {
                        group_of_sort.grow_to(sort, None);
                        group_of_sort[sort] = Some(group);
                    }
                    group
                }
            };
            if group.index() >= list.len() / 16 + 16 {
                return None;
            }
            groups[group.index()].2 += 1;
            group_of.push(group);
        }
        let epoch = view.list_epoch();
        let mut layout = Self { stamp, epoch, topologies: topologies.into(), is_grouped: true, ..Self::default() };
        let mut next = Vec::with_capacity(groups.len());
        let mut start = 0;
        for (group, (common, node, size)) in groups.into_iter().enumerate() {
            let slots = start..start + size;
            start = slots.end.next_multiple_of(BLOCK);
            next.push(u32::from_index(slots.start));
            layout.group_of_block.resize(start / BLOCK, u32::from_index(group));
            layout.has_opinions |= (common.intolerable, common.preferred) != (0, 0);
            layout.groups.push(Group { common, node, slots });
        }
        layout.position_at = vec![PADDING; start];
        layout.slot_of.reserve(list.len());
        for (position, group) in group_of.into_iter().enumerate() {
            let slot = next[group.index()];
            next[group.index()] += 1;
            layout.slot_of.push(slot);
            layout.position_at[slot.index()] = u32::from_index(position);
        }
        layout.find_firsts();
        Some(layout)
    }

    fn find_firsts(&mut self) {
        if self.groups.len() > MANY_GROUPS {
            return;
        }
        let mut next: Vec<u32> = self.groups.iter().map(|group| u32::from_index(group.slots.start)).collect();
        for stretch in self.slot_of.chunks(BLOCK) {
            self.firsts.extend_from_slice(&next);
            for &slot in stretch {
                next[self.group_of_block[slot.index() / BLOCK].index()] = slot + 1;
            }
        }
        self.firsts.extend_from_slice(&next);
    }

    /// Whether [`slot_from`](Self::slot_from) is quick.
    pub(super) fn knows_firsts(&self) -> bool {
        !self.firsts.is_empty()
    }

    /// The first slot of a group whose node is at this position of the list or later.
    #[inline]
    pub(super) fn slot_from(&self, group: usize, position: usize) -> usize {
        let (stretch, groups) = (position / BLOCK, self.groups.len());
        let slots = if !self.knows_firsts() {
            self.groups[group].slots.clone()
        } else if position.is_multiple_of(BLOCK) {
            return self.firsts[stretch * groups + group] as usize;
        } else {
            self.firsts[stretch * groups + group] as usize..self.firsts[(stretch + 1) * groups + group] as usize
        };
        slots.start + self.position_at[slots].partition_point(|&at| (at as usize) < position)
    }

    /// The most taints to avoid and the highest preference of any node.
    pub(super) fn extremes(&self) -> Extremes {
        let most = |of: fn(&Trait) -> i64| self.groups.iter().map(|group| of(&group.common)).max().unwrap_or(0);
        Extremes { worst: most(|common| common.intolerable), most: most(|common| common.preferred) }
    }

    /// How many cells columns have in this order.
    pub(super) const fn slots(&self) -> usize {
        self.position_at.len()
    }

    /// The node of a slot; `None` is padding.
    #[inline]
    pub(super) fn node(&self, view: &View, slot: usize) -> Option<NodeId> {
        view.list().get(self.position_at[slot].index()).copied()
    }

    /// The group of a slot.
    #[inline]
    pub(super) fn group_of(&self, slot: usize) -> usize {
        self.group_of_block[slot / BLOCK].index()
    }

    /// Whether it is still right after these nodes changed.
    pub(super) fn holds(&self, view: &View, counts: &Counts, class: Option<&Class>, changed: &[NodeId]) -> bool {
        let is_same = |&node: &NodeId| {
            let Some(&slot) = self.slot_of.get(view.position(node).index()) else { return true };
            view.facts(node).is_some_and(|facts| {
                let said = class.map_or((0, 0), |class| opinion(view.tables(), class, facts));
                self.groups[self.group_of(slot.index())].common == trait_of(counts, said, &self.topologies, node)
            })
        };
        self.is_listed(view) && (!self.is_grouped || changed.iter().all(is_same))
    }

    /// Whether it is of the same list.
    pub(super) fn is_listed(&self, view: &View) -> bool {
        self.epoch == view.list_epoch() && self.slot_of.len() == view.list().len()
    }
}

fn trait_of(counts: &Counts, (intolerable, preferred): (i64, i64), topologies: &[TopologyId], node: NodeId) -> Trait {
    let domains = topologies.iter().map(|&topology| counts.domains_of(topology).domain(node)).collect();
    Trait { intolerable, preferred, domains }
}

/// How many taints of a node a class would avoid, and the weights of its preferred terms that match.
fn opinion(tables: &Tables, class: &Class, facts: &NodeFacts) -> (i64, i64) {
    let (statics, args) = (tables.statics(class.statics), &tables.profile(class).args.node_affinity);
    let affinity = statics.node_affinity.as_deref();
    let intolerable = taint_toleration::intolerable(tables.taints(facts.taints), &statics.tolerations);
    let preferred = if node_affinity::skips(args, affinity) {
        0
    } else {
        i64::from(node_affinity::preference(args, affinity, &tables.labels_of(facts)))
    };
    (intolerable, preferred)
}

/// Whether nodes may differ in what a class thinks of them.
pub(super) fn has_opinions(tables: &Tables, class: &Class) -> bool {
    let (statics, args) = (tables.statics(class.statics), &tables.profile(class).args.node_affinity);
    !node_affinity::skips(args, statics.node_affinity.as_deref())
        || tables.taint_sets().any(|taints| taint_toleration::intolerable(taints, &statics.tolerations) > 0)
}
