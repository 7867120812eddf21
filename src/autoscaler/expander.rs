//! Which of several node groups that would help is made larger. Pure: the random word is an argument.
//!
//! Mirrors cluster-autoscaler/expander/{waste,mostpods,leastnodes,priority,price,random}, 1.34 (spec 9.1).

use crate::model::Expander;

/// A group that would help.
#[derive(Clone, PartialEq, Debug)]
pub struct Offer {
    /// How many nodes it takes.
    pub nodes: u32,
    /// How many pods they help.
    pub pods: u32,
    /// What those request, milli-cores.
    pub requested_milli_cpu: i64,
    /// What those request, bytes.
    pub requested_memory: i64,
    /// The capacity of one node, milli-cores.
    pub capacity_milli_cpu: i64,
    /// The capacity of one node, bytes.
    pub capacity_memory: i64,
    /// The price of one node.
    pub price_per_hour: f64,
    /// The group's priority.
    pub priority: i32,
}

/// What a core and a gibibyte cost in an hour when pods are given a price (the provider GCE's).
const PRICE_PER_CORE: f64 = 0.033_174;
const PRICE_PER_GIB: f64 = 0.004_446;

/// The number of the offer that is taken; `None` if there is none. Each expander leaves the best, then `word` chooses.
#[must_use]
pub fn choose(offers: &[Offer], chain: &[Expander], word: u64) -> Option<usize> {
    let mut left: Vec<usize> = (0..offers.len()).collect();
    for &expander in chain {
        if let Some(best) = left.iter().map(|&at| badness(&offers[at], expander)).min_by(f64::total_cmp) {
            left.retain(|&at| badness(&offers[at], expander).total_cmp(&best).is_eq());
        }
    }
    let count = u128::try_from(left.len()).ok().filter(|&count| count > 0)?;
    let chosen = usize::try_from((u128::from(word) * count) >> 64).expect("less than the number of offers");
    Some(left[chosen])
}

/// The least is the best.
#[allow(clippy::cast_precision_loss)]
fn badness(offer: &Offer, expander: Expander) -> f64 {
    match expander {
        Expander::LeastWaste => {
            let waste = |capacity: i64, requested: i64| {
                let offered = capacity as f64 * f64::from(offer.nodes);
                if offered > 0.0 { (offered - requested as f64) / offered } else { 0.0 }
            };
            waste(offer.capacity_milli_cpu, offer.requested_milli_cpu)
                + waste(offer.capacity_memory, offer.requested_memory)
        }
        Expander::Random => 0.0,
        Expander::MostPods => -f64::from(offer.pods),
        Expander::LeastNodes => f64::from(offer.nodes),
        Expander::Priority => -f64::from(offer.priority),
        Expander::Price => {
            let price = |cores: f64, gib: f64| cores * PRICE_PER_CORE + gib * PRICE_PER_GIB;
            let pods =
                price(offer.requested_milli_cpu as f64 / 1e3, offer.requested_memory as f64 / f64::from(1 << 30));
            // Half a core and 500 MB keep small pods from deciding everything.
            let steady = price(0.5, 500.0 / 1024.0);
            (offer.price_per_hour * f64::from(offer.nodes) + steady) / (pods + steady)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(nodes: u32, cores: i64, price: f64) -> Offer {
        Offer {
            nodes,
            pods: 6,
            requested_milli_cpu: 6000,
            requested_memory: 6 << 30,
            capacity_milli_cpu: cores * 1000,
            capacity_memory: cores << 30,
            price_per_hour: price,
            priority: 0,
        }
    }

    #[test]
    fn each_expander_takes_its_best() {
        // Eight cores for six: a quarter is wasted. Six nodes of two: half. One of sixteen: five eighths.
        let offers = [offer(1, 16, 0.5), offer(1, 8, 0.4), Offer { pods: 4, priority: 9, ..offer(6, 2, 0.05) }];
        let with = |expander| choose(&offers, &[expander], 0);
        assert_eq!(with(Expander::LeastWaste), Some(1));
        assert_eq!(with(Expander::MostPods), Some(0));
        assert_eq!(with(Expander::LeastNodes), Some(0));
        assert_eq!(with(Expander::Priority), Some(2));
        assert_eq!(with(Expander::Price), Some(2));
        assert_eq!(choose(&offers, &[Expander::LeastNodes, Expander::LeastWaste], u64::MAX), Some(1), "a chain");
        assert_eq!(choose(&[], &[Expander::Random], 7), None);
    }

    #[test]
    fn equals_are_drawn() {
        let offers = vec![offer(1, 8, 0.4); 4];
        let chosen: Vec<_> = (0..4_u64).map(|k| choose(&offers, &[Expander::LeastWaste], k << 62)).collect();
        assert_eq!(chosen, [Some(0), Some(1), Some(2), Some(3)]);
    }
}
