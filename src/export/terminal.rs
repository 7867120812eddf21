//! What a run says on the terminal. Builds text only: who prints it, and where, is the caller's affair.

use std::fmt::Write as _;
use std::path::Path;

use super::usage::{Resource, ResourceUse, resources};
use super::{Context, verdicts};
use crate::base::SimDuration;
use crate::model::StrId;
use crate::model::objects::ObjectKind;
use crate::sim::outcome::{LostPod, PodRow, Quantiles, Stopped};

/// Rows of the last table.
const ROWS: usize = 25;
/// Lines of a list that nobody reads to its end.
const FEW: usize = 3;

/// How the summary is to look, and what only the caller knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style<'a> {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// Where the files lie, if any were written.
    pub folder: Option<&'a Path>,
    /// The command that repeats this run; empty: not shown.
    pub command: &'a str,
}

/// The whole summary, ending with a line break.
#[must_use]
pub fn summary(ctx: &Context<'_>, style: &Style<'_>) -> String {
    let mut page = Page { text: String::new(), colour: style.colour };
    header(&mut page, ctx);
    expectations(&mut page, ctx);
    counts(&mut page, ctx);
    usage(&mut page, ctx);
    services(&mut page, ctx);
    page.list("Lost", ctx.outcome.lost.iter().map(|lost| lost_sentence(ctx, lost)), FEW * 2, Paint::Bad);
    page.list("Read with care", warnings(ctx).into_iter(), usize::MAX, Paint::Warn);
    if let Some(folder) = style.folder {
        page.field("Files", &folder.join("").display().to_string());
    }
    if !style.command.is_empty() {
        page.field("Again", style.command);
    }
    pods(&mut page, ctx);
    page.text
}

/// What happened to a lost pod, and what to do about it.
#[must_use]
pub fn lost_sentence(ctx: &Context<'_>, lost: &LostPod) -> String {
    let node = ctx.outcome.strings.text(lost.node);
    let at = when(ctx, lost.at);
    let then = match &lost.owner {
        None => "a bare Pod is mortal, nothing recreates it; use a Deployment".to_owned(),
        Some((kind @ (ObjectKind::StatefulSet | ObjectKind::DaemonSet), name)) => {
            format!("its {} {name} makes no other one while it may still run there", kind.text())
        }
        Some((kind, name)) => format!("its {} {name} makes another one", kind.text()),
    };
    format!("Pod {} was lost with node {node} {at}: {then}", lost.name)
}

/// `at 21:30` within a day, `on 2026-03-04 at 21:30` beyond, `after 3h20m` without a calendar.
fn when(ctx: &Context<'_>, at: crate::base::SimTime) -> String {
    let since = at - ctx.plan.start;
    if ctx.plan.start.0 < SimDuration::from_secs(86_400 * 365).0 {
        return format!("after {}", since.human());
    }
    let text = at.rfc3339();
    let (date, time) = text.split_once('T').unwrap_or(("", &text));
    let time = time.get(..5).unwrap_or(time);
    if since <= SimDuration::from_secs(86_400) { format!("at {time}") } else { format!("on {date} at {time}") }
}

/// What a reader should know before believing the numbers.
#[must_use]
pub fn warnings(ctx: &Context<'_>) -> Vec<String> {
    let (outcome, counters) = (ctx.outcome, &ctx.outcome.counters);
    let mut warnings = Vec::new();
    match &outcome.stopped {
        Stopped::Limit(which) => warnings.push(format!("the run was cut short: {which}; all numbers are partial")),
        Stopped::Interrupted => warnings.push("the run was interrupted; all numbers are partial".to_owned()),
        Stopped::Duration | Stopped::Quiet => {}
    }
    if counters.pods_created == 0 {
        warnings.push("no pod was ever created: there is nothing to conclude from this run".to_owned());
    } else if counters.pods_bound == 0 {
        warnings.push("no pod was ever placed on a node: this run says nothing about waits or utilisation".to_owned());
    } else if counters.pods_started == 0 {
        warnings.push("no pod ever started: this run says nothing about serving".to_owned());
    }
    let waiting = outcome.pods.iter().filter(|pod| pod.node.is_none() && !pod.phase.is_terminal()).count();
    if waiting > 0 && counters.pods_bound > 0 {
        let share = percent(count(waiting) / count_u64(counters.pods_created));
        let (pods, their) = if waiting == 1 { ("pod", "its wait is") } else { ("pods", "their waits are") };
        warnings.push(format!(
            "{waiting} {pods} ({share}) still had no node at the end: {their} not in the quantiles, real waits are longer"
        ));
    }
    if (1..100).contains(&outcome.wait.count) {
        warnings.push(format!("with as few as {} waits the p99 is their maximum", outcome.wait.count));
    }
    if let Some((at, answer)) = outcome.refused.first() {
        let (many, at) = (counters.writes_refused, at.since(ctx.plan.start).human());
        let first = if many == 1 {
            "1 write of a user was refused".to_owned()
        } else {
            format!("{many} writes of users were refused, first")
        };
        warnings.push(format!("{first} after {at}: {answer}"));
    }
    warnings.extend(without_requests(ctx));
    if !ctx.ignored.is_empty() {
        let named: Vec<_> = ctx.ignored.iter().take(FEW).map(|(path, n)| format!("{path} (×{n})")).collect();
        let more = if ctx.ignored.len() > FEW { ", ..." } else { "" };
        warnings.push(format!("not modelled and ignored: {}{more}", named.join(", ")));
    }
    warnings
}

/// How many pods of the manifests request nothing, and what is made of that.
fn without_requests(ctx: &Context<'_>) -> Option<String> {
    let (counted, assumed) = &ctx.plan.without_requests;
    let who = counted.told()?;
    let amounts: Vec<String> = assumed.iter().map(|(name, amount)| format!("{name} {amount}")).collect();
    let made = if amounts.is_empty() {
        "they fit on any node that takes pods; [defaults] can say what to assume".to_owned()
    } else {
        format!("each of their containers is taken to request {} ([defaults])", amounts.join(" and "))
    };
    Some(format!("{who} of the manifests request neither cpu nor memory: {made}"))
}

#[derive(Clone, Copy)]
enum Paint {
    Bold,
    Dim,
    Good,
    Bad,
    Warn,
}

struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Warn => "33",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// A name and what belongs to it.
    fn field(&mut self, name: &str, text: &str) {
        let name = self.paint(Paint::Bold, &format!("{name:<11}"));
        self.line(&format!("{name} {text}"));
    }

    /// A heading and marked lines below it; nothing if there are none.
    fn list(&mut self, name: &str, items: impl Iterator<Item = String>, most: usize, paint: Paint) {
        let items: Vec<String> = items.collect();
        if items.is_empty() {
            return;
        }
        let heading = self.paint(Paint::Bold, name);
        self.line(&heading);
        for item in items.iter().take(most) {
            let mark = self.paint(paint, "!");
            self.line(&format!("  {mark} {item}"));
        }
        if items.len() > most {
            self.line(&format!("    ... and {} more", items.len() - most));
        }
    }
}

fn header(page: &mut Page, ctx: &Context<'_>) {
    let (plan, outcome) = (ctx.plan, ctx.outcome);
    let name = page.paint(Paint::Bold, &plan.name);
    let origin = format!("podsim {} · seed {} · digest {}", env!("CARGO_PKG_VERSION"), plan.seed, outcome.digest);
    let origin = page.paint(Paint::Dim, &origin);
    page.line(&format!("{name}  {origin}"));
    if !plan.description.is_empty() {
        page.line(&plan.description);
    }
    let span = (outcome.ended_at - plan.start).human();
    let why = match &outcome.stopped {
        Stopped::Duration => "its time was over".to_owned(),
        Stopped::Quiet => "nothing was left to happen".to_owned(),
        Stopped::Limit(which) => format!("a limit was reached ({which})"),
        Stopped::Interrupted => "it was interrupted".to_owned(),
    };
    let nodes = plan.nodes.len();
    let s = if nodes == 1 { "" } else { "s" };
    let sizes = || ctx.recording.samples().iter().map(|(_, sample)| sample.nodes as usize).chain([nodes]);
    let (least, most) = (sizes().min().unwrap_or(nodes), sizes().max().unwrap_or(nodes));
    let nodes = if most > nodes {
        format!("{} to {}", thousands(least as u64), thousands(most as u64))
    } else {
        thousands(nodes as u64)
    };
    page.line(&format!(
        "{span} from {} on {nodes} node{s}, {} events; stopped because {why}",
        plan.start.rfc3339(),
        thousands(outcome.events)
    ));
    page.line("");
}

fn expectations(page: &mut Page, ctx: &Context<'_>) {
    let judged = verdicts(ctx.plan, ctx.outcome);
    if judged.is_empty() {
        return;
    }
    let heading = page.paint(Paint::Bold, "Expectations");
    page.line(&heading);
    let widest = judged.iter().map(|v| v.expect.metric.chars().count()).max().unwrap_or(0);
    for verdict in judged {
        let mark = if verdict.passed { page.paint(Paint::Good, "✓") } else { page.paint(Paint::Bad, "✗") };
        let value = match verdict.value {
            Some(value) => format!("is {}", short(value)),
            None => "is not a metric of this run".to_owned(),
        };
        page.line(&format!("  {mark} {:<widest$}  {:<18} {value}", verdict.expect.metric, verdict.bounds()));
    }
    page.line("");
}

fn counts(page: &mut Page, ctx: &Context<'_>) {
    let (outcome, c) = (ctx.outcome, &ctx.outcome.counters);
    let pending: u32 = outcome.pending.iter().map(|(n, _)| n).sum();
    let mut pods = format!(
        "{} created, {} placed, {} started, {} succeeded, {} failed",
        thousands(c.pods_created),
        thousands(c.pods_bound),
        thousands(c.pods_started),
        thousands(c.pods_succeeded),
        thousands(c.pods_failed)
    );
    if c.pods_lost > 0 {
        let _ = write!(pods, ", {} lost", thousands(c.pods_lost));
    }
    let _ = write!(pods, ", {} pending at the end", thousands(pending.into()));
    page.field("Pods", &pods);
    for (number, message) in outcome.pending.iter().take(FEW) {
        page.field("", &format!("{number} × {message}"));
    }
    if outcome.pending.len() > FEW {
        page.field("", &format!("... and {} more reasons", outcome.pending.len() - FEW));
    }
    let mut containers = format!(
        "{} starts, {} restarts, {} crashes",
        thousands(c.container_starts),
        thousands(c.container_restarts),
        thousands(c.container_crashes)
    );
    for (number, name) in [
        (c.oom_kills, "OOM kills"),
        (c.probe_failures, "failed probes"),
        (c.image_pulls, "image pulls"),
        (c.image_pull_failures, "failed pulls"),
    ] {
        if number > 0 {
            let _ = write!(containers, ", {} {name}", thousands(number));
        }
    }
    page.field("Containers", &containers);
    page.field("Wait", &quantiles(&outcome.wait, "for a node"));
    page.field("Ready", &quantiles(&outcome.ready, "from creation to first ready"));
}

fn quantiles(q: &Quantiles, what: &str) -> String {
    if q.count == 0 {
        return format!("never ({what})");
    }
    let [p50, p90, p99, max] = [q.p50, q.p90, q.p99, q.max].map(seconds);
    format!("p50 {p50} · p90 {p90} · p99 {p99} · max {max} ({what}, {} pods)", thousands(q.count))
}

fn usage(page: &mut Page, ctx: &Context<'_>) {
    for (i, usage) in resources(ctx.plan, ctx.recording).iter().enumerate() {
        let used = usage.used.map_or_else(String::new, |(mean, peak)| {
            format!("; used {} mean, {} peak", amount(usage, mean), amount(usage, peak))
        });
        page.field(
            if i == 0 { "Utilisation" } else { "" },
            &format!(
                "{}: requested {} mean, {} peak of {} allocatable{used}",
                usage.name,
                percent(usage.share_mean),
                percent(usage.share_peak),
                amount(usage, usage.allocatable_peak)
            ),
        );
    }
}

fn amount(usage: &ResourceUse, value: f64) -> String {
    const GIB: f64 = 1_073_741_824.0;
    match usage.resource {
        Resource::Memory | Resource::EphemeralStorage if value >= 4096.0 * GIB => {
            format!("{} TiB", short(value / GIB / 1024.0))
        }
        Resource::Cpu => format!("{} cores", short(value)),
        Resource::Memory | Resource::EphemeralStorage if value < GIB => format!("{} MiB", short(value / GIB * 1024.0)),
        Resource::Memory | Resource::EphemeralStorage => format!("{} GiB", short(value / GIB)),
        Resource::Extended(_) => short(value),
    }
}

fn services(page: &mut Page, ctx: &Context<'_>) {
    let mut services: Vec<_> = ctx.outcome.services.iter().filter(|s| s.served + s.failed > 0.0).collect();
    services.sort_by(|a, b| b.failed.total_cmp(&a.failed).then(a.service.cmp(&b.service)));
    for (i, service) in services.iter().take(FEW * 2).enumerate() {
        let spec = &ctx.plan.services[service.service];
        let name = format!("{}/{}", ctx.plan.strings.text(spec.namespace), ctx.plan.strings.text(spec.name));
        let all = service.served + service.failed;
        let mut text = format!("{name}: {} requests, {} failed", whole(all), percent(service.failed / all));
        if service.degraded_seconds > 0.0 {
            let _ = write!(text, " within {}", SimDuration::from_secs_f64(service.degraded_seconds).human());
        }
        page.field(if i == 0 { "Services" } else { "" }, &text);
    }
    if services.len() > FEW * 2 {
        page.field("", &format!("... and {} more services", services.len() - FEW * 2));
    }
}

/// As `kubectl get pods -o wide`: the most interesting ones first, then by creation.
fn pods(page: &mut Page, ctx: &Context<'_>) {
    let mut rows: Vec<&PodRow> = ctx.outcome.pods.iter().collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|row| (dullness(row), row.uid));
    let several = rows.iter().any(|row| row.namespace != rows[0].namespace);
    let text = |id: StrId| ctx.outcome.strings.text(id).to_owned();
    let mut table = vec![["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"].map(str::to_owned)];
    for row in rows.iter().take(ROWS) {
        let none = || "<none>".to_owned();
        table.push([
            text(row.namespace),
            row.name.clone(),
            row.ready.clone(),
            row.status.clone(),
            row.restarts.clone(),
            row.age.human(),
            row.ip.clone().unwrap_or_else(none),
            row.node.map_or_else(none, text),
        ]);
    }
    let widths: Vec<usize> =
        (0..8).map(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    page.line("");
    for row in &table {
        let cells = row.iter().zip(&widths).skip(usize::from(!several));
        page.line(&cells.map(|(cell, width)| format!("{cell:<width$}   ")).collect::<String>());
    }
    if rows.len() > ROWS {
        page.line(&format!("... and {} more", thousands((rows.len() - ROWS) as u64)));
    }
}

fn dullness(row: &PodRow) -> u8 {
    let complete = row.ready.split_once('/').is_some_and(|(ready, all)| ready == all);
    match row.status.as_str() {
        "Completed" | "Succeeded" => 3,
        "Running" if !complete => 0,
        "Running" if row.restarts != "0" => 1,
        "Running" => 2,
        _ => 0,
    }
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        p if p < 0.01 => "less than 0.01 %".to_owned(),
        p if p < 1.0 => format!("{p:.2} %"),
        p => format!("{p:.1} %"),
    }
}

fn seconds(s: f64) -> String {
    match s {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.1} s"),
        s => SimDuration::from_secs_f64(s).human(),
    }
}

/// A number of at most six digits, without zeros that say nothing.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        v if (1e4..1e15).contains(&v) && value > 0.0 => return whole(value),
        v if v >= 1000.0 => 0,
        v if v >= 10.0 => 1,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests or units")]
fn whole(value: f64) -> String {
    thousands(value.round() as u64)
}

fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[allow(clippy::cast_precision_loss, reason = "shares in reports")]
fn count(number: usize) -> f64 {
    number as f64
}

#[allow(clippy::cast_precision_loss, reason = "shares in reports")]
fn count_u64(number: u64) -> f64 {
    number.max(1) as f64
}
