//! How the CPU time of a machine is shared: by weight among those that want more than there is. Pure.
//!
//! What the kernel's fair scheduler does over a while (spec 4.4), with all containers of the machine in one group.

/// What one container asks of the machine's CPU time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Claim {
    /// Its cpu shares.
    pub weight: f64,
    /// What it would use, in milli-cores.
    pub demand: f64,
    /// What it may use at most: its quota.
    pub limit: f64,
}

/// The least part of its demand that a process gets, so that it ends some day.
const LEAST_SPEED: f64 = 1e-6;

impl Claim {
    fn wanted(&self) -> f64 {
        self.demand.min(self.limit)
    }

    /// What its quota keeps from it, if it is given this much: nothing if others leave it less than its quota.
    #[must_use]
    pub fn throttled(&self, given: f64) -> f64 {
        if given >= self.limit { self.demand - self.limit } else { 0.0 }
    }

    /// How fast it runs with this much, as a part of its full speed.
    #[must_use]
    pub fn speed(&self, given: f64) -> f64 {
        if self.demand <= given || self.demand <= 0.0 { 1.0 } else { (given / self.demand).max(LEAST_SPEED) }
    }
}

/// What each of the claims gets of `capacity`: what it wants, where that is less than its weight's part; the rest is
/// shared by weight among the others.
#[must_use]
pub fn share(capacity: f64, claims: &[Claim]) -> Vec<f64> {
    let mut given: Vec<f64> = claims.iter().map(Claim::wanted).collect();
    if given.iter().sum::<f64>() <= capacity {
        return given;
    }
    // From the one that wants least for its weight to the one that wants most: who is content leaves more to the rest.
    let mut order: Vec<usize> = (0..claims.len()).collect();
    let relative = |at: usize| claims[at].wanted() / claims[at].weight;
    order.sort_by(|&a, &b| relative(a).total_cmp(&relative(b)).then(a.cmp(&b)));
    let (mut left, mut weight) = (capacity, claims.iter().map(|claim| claim.weight).sum::<f64>());
    for at in order {
        let part = left * claims[at].weight / weight;
        given[at] = claims[at].wanted().min(part);
        left -= given[at];
        weight -= claims[at].weight;
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(weight: f64, demand: f64) -> Claim {
        Claim { weight, demand, limit: f64::INFINITY }
    }

    #[test]
    fn weights_share_what_is_short() {
        assert_eq!(share(1000.0, &[claim(2.0, 300.0), claim(1024.0, 700.0)]), [300.0, 700.0]);
        assert_eq!(share(1000.0, &[claim(1.0, 1000.0), claim(3.0, 1000.0)]), [250.0, 750.0]);
        // Who wants less than its part leaves the rest to the others.
        assert_eq!(share(1000.0, &[claim(1.0, 1000.0), claim(3.0, 500.0), claim(1.0, 1000.0)]), [250.0, 500.0, 250.0]);
        let limited = Claim { weight: 1.0, demand: 1000.0, limit: 200.0 };
        let given = share(4000.0, &[limited]);
        assert_eq!((given[0], limited.speed(given[0]), limited.throttled(given[0])), (200.0, 0.2, 800.0));
        assert_eq!((limited.throttled(150.0), Claim { demand: 100.0, ..limited }.throttled(100.0)), (0.0, 0.0));
        assert!((claim(1.0, 400.0).speed(400.0) - 1.0).abs() < f64::EPSILON);
    }
}
