//! `podsim headroom`: how long new pods take from a spike to Ready, through the HorizontalPodAutoscaler, the scheduler, the Cluster
//! Autoscaler, boot, pull and start, against the price of spare nodes that are kept for it.

use super::balloon::{growing, inflate, is_balloon, pool_named, turns};
use super::past::{Past, follow, instant, spell};
use super::{Answer, Cell, Halt, Question, Runner, Table};
use crate::base::id::DenseId;
use crate::base::statistics::{quantile, sort};
use crate::base::{SimDuration, SimTime};
use crate::export::{Curve, CurvePoint, Picture, PictureShape};
use crate::model::objects::ObjectKind;
use crate::model::plan::{ArrivalPlan, ArrivalProcess, ArrivalSource, ChangeKind, ChangePlan, Plan, RateCurve};
use crate::model::{PoolId, StrId, WorkloadId};
use crate::record::Fact;

/// How long a run goes on after the pods of the spike were made.
const AFTER: SimDuration = SimDuration::from_secs(1800);

/// The spike, and what is tried against it.
#[derive(Clone, PartialEq, Debug)]
pub struct HeadroomOptions {
    /// So many times as much.
    pub spike: f64,
    /// Traffic on this Service; neither: on all services that have some.
    pub service: Option<String>,
    /// Replicas of this workload, `kind/name` or `name`; or the rate at which the pods of these `[[arrivals]]` come.
    pub workload: Option<String>,
    /// When; `None`: half-way through the run.
    pub at: Option<SimTime>,
    /// Pods that are made within this time belong to the spike.
    pub window: SimDuration,
    /// Numbers of spare nodes.
    pub spare: Vec<u32>,
    /// The seeds with which every number of spare nodes is run.
    pub seeds: Vec<u64>,
    /// The pools that have the spare nodes, in turn; none: those in which the spike alone makes nodes.
    pub pools: Vec<String>,
    /// Price of a node of them; `None`: the pools'.
    pub price: Option<f64>,
    /// What is good enough for 95 of 100 pods.
    pub within: Option<SimDuration>,
}

/// One pod of a spike: seconds from the spike until it was made, from there to its node, from there to Ready.
#[derive(Clone, Copy, Debug)]
struct Way {
    made: f64,
    bound: Option<f64>,
    ready: Option<f64>,
}

impl Way {
    /// From the spike to Ready; infinite: never.
    fn total(&self) -> f64 {
        self.bound.zip(self.ready).map_or(f64::INFINITY, |(bound, ready)| self.made + bound + ready)
    }
}

/// What one run came to.
#[derive(Clone, Debug, Default)]
struct Spike {
    ways: Vec<Way>,
    /// Nodes of each pool just before it, and when there are most.
    nodes: Vec<usize>,
    most: Vec<usize>,
}

/// What came of one number of spare nodes, over all seeds.
#[derive(Clone, Debug)]
struct Level {
    spare: u32,
    /// Nodes of each pool that were there when the spike came, on average.
    kept: Vec<f64>,
    ways: Vec<Way>,
    totals: Vec<f64>,
    most: usize,
}

/// The spare capacity that spikes need.
///
/// # Errors
/// See [`Halt`].
pub fn headroom(_: &Question, plan: Plan, runner: &Runner<'_>, options: &HeadroomOptions) -> Result<Answer, Halt> {
    let mut plan = plan;
    let at = instant(&plan, options.at)?;
    if options.spike < 1.0 || !options.spike.is_finite() {
        return Err(Halt::Unasked(format!("--spike {} is no spike: write 3 for three times as much", options.spike)));
    }
    let growing = growing(&plan)?;
    let (who, arrivals) = spike(&mut plan, at, options)?;
    plan.duration = at - plan.start + options.window + AFTER;
    let spiked = |plan: Plan| run(plan, at, options.window, arrivals, runner.stop);
    let pools = match &options.pools[..] {
        [] if growing.len() == 1 => growing,
        [] => hit(&growing, &spiked(plan.clone())?),
        named => named.iter().map(|name| pool_named(&plan, &growing, name)).collect::<Result<_, _>>()?,
    };
    let mut spare = options.spare.clone();
    spare.sort_unstable();
    spare.dedup();
    let seeds = &options.seeds;
    if seeds.is_empty() {
        return Err(Halt::Unasked("there is no seed to run with: write --seeds 1..5".to_owned()));
    }
    let runs = runner.all(spare.len() * seeds.len(), |number| {
        let level = number / seeds.len();
        let mut plan = plan.clone();
        plan.seed = seeds[number % seeds.len()];
        for (&pool, share) in pools.iter().zip(turns(spare[level], pools.len())).filter(|(_, share)| *share > 0) {
            inflate(&mut plan, pool, share);
        }
        spiked(plan)
    })?;
    let mut levels: Vec<Level> = Vec::new();
    for (&spare, runs) in spare.iter().zip(runs.chunks(seeds.len())) {
        let ways: Vec<Way> = runs.iter().flat_map(|run| run.ways.iter().copied()).collect();
        let mut totals: Vec<f64> = ways.iter().map(Way::total).collect();
        sort(&mut totals);
        let nodes = |pool: PoolId| runs.iter().map(|run| run.nodes[pool.index()]).sum::<usize>();
        let kept = plan.pools.ids().map(|pool| count(nodes(pool)) / count(seeds.len())).collect();
        let most = runs.iter().map(|run| run.most.iter().sum()).max().unwrap_or(0);
        levels.push(Level { spare, kept, ways, totals, most });
    }
    if levels.iter().all(|level| level.ways.is_empty()) {
        let what = format!(
            "{who} makes no new pods within {}: is there a HorizontalPodAutoscaler, and a [[behavior]] with CPU `per_request`?",
            spell(options.window)
        );
        return Err(Halt::Unasked(what));
    }
    // What is there without any spare node is not paid for the spike.
    let mut without = levels[0].kept.clone();
    for (&pool, share) in pools.iter().zip(turns(levels[0].spare, pools.len())) {
        without[pool.index()] -= f64::from(share);
    }
    let price = |pool: PoolId| match options.price {
        Some(price) => {
            if pools.contains(&pool) {
                price
            } else {
                0.0
            }
        }
        None => plan.pools[pool].price_per_hour,
    };
    let more = |level: &Level, pool: PoolId| level.kept[pool.index()] - without[pool.index()];
    let bill: Vec<Bill> = levels
        .iter()
        .map(|level| Bill {
            kept: plan.pools.ids().map(|pool| more(level, pool)).sum(),
            paid: plan.pools.ids().map(|pool| more(level, pool) * price(pool)).sum::<f64>().max(0.0),
        })
        .collect();
    let priced = pools.iter().any(|&pool| price(pool) > 0.0);
    Ok(answer(&plan, at, options, &who, &levels, &Kept { bill, priced, pools, seeds: seeds.len() }))
}

/// Spare nodes beyond what is there without them, and what they cost an hour.
#[derive(Clone, Copy, Debug)]
struct Bill {
    kept: f64,
    paid: f64,
}

/// What was kept for the spike.
#[derive(Clone, Debug)]
struct Kept {
    /// Of each level.
    bill: Vec<Bill>,
    /// Whether nodes have a price.
    priced: bool,
    pools: Vec<PoolId>,
    seeds: usize,
}

/// The pools in which a spike made nodes, those with most of them first; the first that can grow, if it made none.
fn hit(growing: &[PoolId], spike: &Spike) -> Vec<PoolId> {
    let made = |pool: &PoolId| spike.most[pool.index()].saturating_sub(spike.nodes[pool.index()]);
    let mut hit: Vec<PoolId> = growing.iter().copied().filter(|pool| made(pool) > 0).collect();
    hit.sort_by_key(|pool| (std::cmp::Reverse(made(pool)), *pool));
    if hit.is_empty() { growing[..1].to_vec() } else { hit }
}

/// Adds the spike to the plan; what it is, in words, and which pods it brings if those come by themselves.
fn spike(plan: &mut Plan, at: SimTime, options: &HeadroomOptions) -> Result<(String, Option<WorkloadId>), Halt> {
    if let Some(asked) = &options.workload
        && let Some(found) = stream(plan, asked, at, options)
    {
        let words = match options.spike {
            1.0 => format!("the arrivals of {asked} as they are"),
            factor => format!("{factor} times the arrivals of {asked}"),
        };
        return Ok((words, Some(found)));
    }
    if let Some(asked) = &options.workload {
        let name = asked.rsplit('/').next().unwrap_or(asked);
        let object = plan
            .objects
            .iter()
            .find(|object| plan.strings.text(object.name) == name && object.spec.replicas().is_some());
        let Some(object) = object else {
            let all = plan.objects.iter().filter(|object| object.spec.replicas().is_some());
            let all: Vec<&str> = all.map(|object| plan.strings.text(object.name)).collect();
            return Err(Halt::Unasked(format!(
                "there is no workload `{asked}` with replicas; there are: {}",
                all.join(", ")
            )));
        };
        let before = object.spec.replicas().unwrap_or(0);
        let replicas = (f64::from(before) * options.spike).ceil();
        #[allow(clippy::cast_possible_truncation, reason = "a float saturates")]
        let replicas = replicas as i32;
        let (kind, namespace, name_id) = (object.spec.kind(), object.namespace, object.name);
        plan.changes
            .push(ChangePlan { at, kind: ChangeKind::ScaleObject { kind, namespace, name: name_id, replicas } });
        return Ok((format!("{name} scaled from {before} to {replicas}"), None));
    }
    let full = |plan: &Plan, service| {
        let service = &plan.services[service];
        (plan.strings.text(service.namespace).to_owned(), plan.strings.text(service.name).to_owned())
    };
    let fits = |plan: &Plan, service| {
        let (namespace, name) = full(plan, service);
        options.service.as_ref().is_none_or(|asked| *asked == name || *asked == format!("{namespace}/{name}"))
    };
    let hit: Vec<usize> =
        (0..plan.traffic.len()).filter(|&traffic| fits(plan, plan.traffic[traffic].service)).collect();
    if hit.is_empty() {
        let all: Vec<String> = plan.traffic.iter().map(|traffic| full(plan, traffic.service).1).collect();
        return Err(Halt::Unasked(match (&options.service, all.is_empty()) {
            (Some(asked), false) => format!("no traffic goes to `{asked}`; it goes to: {}", all.join(", ")),
            _ => "nothing can spike: there is no [[traffic]] in the input; name what is scaled, as in --workload web"
                .to_owned(),
        }));
    }
    let mut names = Vec::new();
    for traffic in hit {
        names.push(full(plan, plan.traffic[traffic].service).1);
        let rate = &mut plan.traffic[traffic].rate;
        let mut points: Vec<(SimTime, f64)> = rate.points.iter().copied().filter(|(from, _)| *from < at).collect();
        points.push((at, rate.at(at) * options.spike));
        *rate = RateCurve { points: points.into() };
    }
    Ok((format!("{} times the requests on {}, at one rate from then on", options.spike, names.join(", ")), None))
}

/// Gives a stream of pods the spike, for as long as the window.
fn stream(plan: &mut Plan, asked: &str, at: SimTime, options: &HeadroomOptions) -> Option<WorkloadId> {
    let (strings, workloads) = (&plan.strings, &plan.workloads);
    let called = |arrival: &&mut ArrivalPlan| strings.text(workloads[arrival.workload].name) == asked;
    let arrival = plan.arrivals.iter_mut().find(called)?;
    let ArrivalSource::Generated { process: ArrivalProcess::Poisson(rate), .. } = &mut arrival.source else {
        return None;
    };
    let over = at + options.window;
    let inside = |time: SimTime| time >= at && time < over;
    let mut points = rate.points.to_vec();
    for edge in [at, over] {
        if points.iter().all(|(from, _)| *from != edge) {
            points.push((edge, rate.at(edge)));
        }
    }
    points.sort_by_key(|(from, _)| *from);
    for (_, rate) in points.iter_mut().filter(|(from, _)| inside(*from)) {
        *rate *= options.spike;
    }
    *rate = RateCurve { points: points.into() };
    Some(arrival.workload)
}

/// One run with the spike at `at`.
fn run(
    plan: Plan,
    at: SimTime,
    window: SimDuration,
    arrivals: Option<WorkloadId>,
    stop: &dyn Fn() -> bool,
) -> Result<Spike, Halt> {
    let pools: Vec<StrId> = plan.pools.entries().map(|(_, pool)| pool.name).collect();
    let mut spike = Spike { nodes: vec![0; pools.len()], most: vec![0; pools.len()], ..Spike::default() };
    let of_pools = |past: &Past| -> Vec<usize> {
        let of = |pool: &StrId| past.nodes.iter().filter(|node| node.exists && node.pool == *pool).count();
        pools.iter().map(of).collect()
    };
    let (run, past) = follow(plan, stop, |past, _, (now, fact)| {
        if !matches!(fact, Fact::NodeAdded(_) | Fact::NodeRemoved(_)) {
            return;
        }
        let there = of_pools(past);
        if now < at {
            spike.nodes = there;
        } else {
            let greater = |nodes: &[usize]| nodes.iter().sum::<usize>();
            if greater(&there) > greater(&spike.most) {
                spike.most = there;
            }
        }
    })?;
    if spike.most.iter().sum::<usize>() < spike.nodes.iter().sum() {
        spike.most.clone_from(&spike.nodes);
    }
    let seconds = |from: SimTime, to: SimTime| (to - from).as_secs_f64();
    let workloads: Vec<WorkloadId> = run.recording.pods().iter().map(|record| record.workload).collect();
    for (pod, &workload) in past.pods.iter().zip(&workloads) {
        let daemon = past.families[pod.family].kind == Some(ObjectKind::DaemonSet);
        if pod.created < at || pod.created > at + window || daemon || is_balloon(&run.plan, workload) {
            continue;
        }
        if arrivals.is_some_and(|arrivals| arrivals != workload) {
            continue;
        }
        // A pod that was not needed after all before it had a node tells nothing.
        if pod.ready_at.is_none() && pod.deleting.is_some() {
            continue;
        }
        spike.ways.push(Way {
            // Pods that come by themselves are not made for the spike: they are it.
            made: if arrivals.is_some() { 0.0 } else { seconds(at, pod.created) },
            bound: pod.bound.map(|bound| seconds(pod.created, bound)),
            ready: pod.bound.zip(pod.ready_at).map(|(bound, ready)| seconds(bound, ready)),
        });
    }
    Ok(spike)
}

/// Quantile of sorted numbers, infinite ones among them: the least that so many are not above.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
fn rank(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    if sorted[last].is_finite() {
        return quantile(sorted, q).unwrap_or(f64::NAN);
    }
    sorted[((count(sorted.len()) * q).ceil() as usize).saturating_sub(1).min(last)]
}

fn cell(seconds: f64) -> Cell {
    if seconds.is_finite() { Cell::Number(seconds, 1) } else { Cell::Nothing }
}

fn answer(plan: &Plan, at: SimTime, options: &HeadroomOptions, who: &str, levels: &[Level], kept: &Kept) -> Answer {
    let mut table = Table::new(
        "spare",
        "",
        &[
            ("spare_nodes", "SPARE"),
            ("spare_nodes_kept", "KEPT"),
            ("spare_price_per_hour", "PRICE/h"),
            ("pods", "PODS"),
            ("ready_seconds_p50", "P50 (s)"),
            ("ready_seconds_p95", "P95 (s)"),
            ("ready_seconds_p99", "P99 (s)"),
            ("ready_seconds_max", "MAX (s)"),
            ("pods_never_ready", "NEVER"),
            ("made_seconds_p95", "MADE P95"),
            ("node_seconds_p95", "NODE P95"),
            ("start_seconds_p95", "START P95"),
            ("nodes_max", "NODES"),
        ],
    );
    table.bar = Some(5);
    for (level, bill) in levels.iter().zip(&kept.bill) {
        let part = |part: fn(&Way) -> Option<f64>| {
            let mut all: Vec<f64> = level.ways.iter().filter_map(part).collect();
            sort(&mut all);
            quantile(&all, 0.95).map_or(Cell::Nothing, |value| Cell::Number(value, 1))
        };
        table.row(vec![
            level.spare.into(),
            Cell::Number(bill.kept, 1),
            if kept.priced { Cell::Number(bill.paid, 3) } else { Cell::Nothing },
            level.ways.len().into(),
            cell(rank(&level.totals, 0.5)),
            cell(rank(&level.totals, 0.95)),
            cell(rank(&level.totals, 0.99)),
            cell(rank(&level.totals, 1.0)),
            level.totals.iter().filter(|total| total.is_infinite()).count().into(),
            part(|way| Some(way.made)),
            part(|way| way.bound),
            part(|way| way.ready),
            level.most.into(),
        ]);
    }
    let good =
        options.within.map(|within| levels.iter().find(|level| rank(&level.totals, 0.95) <= within.as_secs_f64()));
    let first = &levels[0];
    let p95 = |level: &Level| {
        let p95 = rank(&level.totals, 0.95);
        if p95.is_finite() { format!("{p95:.0} s") } else { "never".to_owned() }
    };
    let cost = |level: &Level| {
        let bill = levels.iter().zip(&kept.bill).find(|(of, _)| of.spare == level.spare).map(|(_, bill)| bill);
        bill.filter(|_| kept.priced).map_or_else(String::new, |bill| format!(" for {:.2} an hour", bill.paid))
    };
    let best = levels
        .iter()
        .min_by(|one, other| rank(&one.totals, 0.95).total_cmp(&rank(&other.totals, 0.95)))
        .unwrap_or(first);
    let nodes = |level: &Level| match level.spare {
        0 => "no spare node".to_owned(),
        1 => "1 spare node".to_owned(),
        more => format!("{more} spare nodes"),
    };
    let (yes, sentence) = match (good, options.within) {
        (Some(Some(level)), Some(within)) => {
            let text = format!(
                "Yes: with {}{}, 95% of the pods of the spike are Ready within {}",
                nodes(level),
                cost(level),
                p95(level)
            );
            (true, format!("{text} (asked: {}); with {} within {}.", spell(within), nodes(first), p95(first)))
        }
        (Some(None), Some(within)) => {
            let text = format!("No: 95% of the pods are Ready within {} at best, with {}", p95(best), nodes(best));
            (false, format!("{text} (asked: {}).", spell(within)))
        }
        _ => {
            let text = format!("With {} 95% of the pods of the spike are Ready within {}", nodes(first), p95(first));
            let more = if best.spare == first.spare {
                "; more spare nodes do not help".to_owned()
            } else {
                format!("; with {}{} within {}", nodes(best), cost(best), p95(best))
            };
            (true, format!("{text}{more}."))
        }
    };
    let seeds = kept.seeds;
    let pools: Vec<&str> = kept.pools.iter().map(|&pool| plan.strings.text(plan.pools[pool].name)).collect();
    let (of, turn) = match &pools[..] {
        [one] => (format!("a node of {one}"), ""),
        several => (format!("a node of {}", several.join(" or ")), ", one pool after the other"),
    };
    let mut notes = vec![
        format!(
            "the spike: {who}, {} after the start; its pods: those made within {}",
            spell(at - plan.start),
            spell(options.window)
        ),
        format!(
            "{seeds} seeds for each number of spare nodes; times are from the spike to Ready, over all pods and seeds"
        ),
        format!(
            "spare nodes are kept by a Deployment of pods of priority -10, each as large as {of}{turn}, which make room at once; \
             KEPT: nodes that there were beyond those without it when the spike came"
        ),
        "MADE: from the spike to the pod's creation; NODE: from there to its node; START: from there to Ready"
            .to_owned(),
    ];
    if !kept.priced {
        notes.push("the pool has no price: give --price 0.38, or price_per_hour to the pool".to_owned());
    }
    Answer {
        command: "headroom",
        yes,
        sentence,
        tables: vec![table],
        notes,
        picture: Some(picture(plan, who, options, levels, kept)),
    }
}

fn picture(plan: &Plan, who: &str, options: &HeadroomOptions, levels: &[Level], kept: &Kept) -> Picture {
    let curve = |(name, q): (&str, f64)| {
        let finite = levels.iter().zip(&kept.bill).filter(|(level, _)| rank(&level.totals, q).is_finite());
        let point = |(level, bill): (&Level, &Bill)| CurvePoint {
            x: if kept.priced { bill.paid } else { bill.kept.max(0.0) },
            y: rank(&level.totals, q),
            band: None,
            range: None,
        };
        Curve { name: name.to_owned(), points: finite.map(point).collect() }
    };
    let spare: Vec<String> = levels.iter().map(|level| level.spare.to_string()).collect();
    let x = if kept.priced { "price of the spare nodes that are kept, per hour" } else { "spare nodes that are kept" };
    Picture {
        title: format!("{}: from the spike to Ready, against what spare nodes cost", plan.name),
        subtitle: format!("{who}; points from left to right: {} spare nodes", spare.join(", ")),
        shape: PictureShape::Curves {
            x: x.to_owned(),
            y: "seconds until so many of the spike's pods are Ready".to_owned(),
            curves: [("99% of the pods", 0.99), ("95%", 0.95), ("half", 0.5)].map(curve).into(),
            limit: options.within.map(|within| (format!("asked: {}", spell(within)), within.as_secs_f64())),
        },
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are few of them")]
const fn count(number: usize) -> f64 {
    number as f64
}
