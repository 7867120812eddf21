//! What `size` says of what was found: the sentence, the tables, the chart. Knows nothing of how it was searched for.

use std::fmt::Write as _;

use super::trial::Loss;
use super::{Candidate, Choice, SizeOptions, bound, cores, cost, gib, nodes};
use crate::answers::{Answer, Cell, Halt, Runner, Table};
use crate::export::{Picture, PictureShape, Way};

/// The answer in words, tables and a chart.
pub(super) fn told(
    candidates: &[Candidate],
    choices: &[Choice],
    wanted: Loss,
    runner: &Runner<'_>,
    options: &SizeOptions,
) -> Result<Answer, Halt> {
    let seeds = options.seeds.len();
    let cost_of = |choice: &Choice| {
        let found = choice.found.as_ref().ok()?;
        Some((cost(&candidates[choice.candidate], found.count), found.count))
    };
    let cheaper = |a: &&Choice, b: &&Choice| {
        let (a, b) = (cost_of(a).unwrap_or((f64::MAX, 0)), cost_of(b).unwrap_or((f64::MAX, 0)));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    };
    let best = choices.iter().filter(|choice| choice.loss == wanted && choice.found.is_ok()).min_by(cheaper);
    let survive = if wanted == Loss::Nothing { String::new() } else { format!(" even if {} lost", wanted.is()) };
    let Some(choice) = best else {
        let why = choices.iter().find_map(|choice| choice.found.as_ref().err()).cloned().unwrap_or_default();
        let sentence =
            format!("Not even {} are enough for everything to run{survive}: {why}.", nodes(options.most, false));
        let tables = vec![choices_table(candidates, choices)];
        return Ok(Answer { command: "size", yes: false, sentence, tables, notes: Vec::new(), picture: None });
    };
    let candidate = &candidates[choice.candidate];
    let found = choice.found.as_ref().expect("it was chosen because it was found");
    let search = candidate.search(wanted, options, runner);
    let bounds = bound::bounds(&search, &found.trial);
    let least = bounds.iter().filter_map(|bound| bound.nodes).max().unwrap_or(0);
    let least = usize::try_from(least).unwrap_or(0).max(candidate.least);
    let rules = bound::without(&search, found.count, least.min(found.count))?;
    let below = found.tried.iter().find(|tried| tried.passed < seeds && tried.count < found.count);
    let more = candidate.least == 0;
    let price =
        if candidate.price > 0.0 { format!(" for {:.2} an hour", cost(candidate, found.count)) } else { String::new() };
    let cheapest = match candidates.len() {
        1 => String::new(),
        types => format!(", the cheapest of {types} types,"),
    };
    let mut sentence = format!(
        "{} of {} ({}){cheapest}{price} {} enough for everything to run{survive}",
        nodes(found.count, more),
        candidate.name,
        candidate.size,
        if found.count == 1 { "is" } else { "are" }
    );
    match below {
        Some(below) if below.passed == 0 => {
            let _ = write!(
                sentence,
                "; {} {} not: {}",
                below.count,
                if below.count == 1 { "is" } else { "are" },
                below.why
            );
        }
        Some(below) => {
            let _ =
                write!(sentence, "; {} are with {} of {seeds} seeds only: {}", below.count, below.passed, below.why);
        }
        None => {}
    }
    let first = bounds.first().filter(|bound| bound.nodes.is_some_and(|nodes| nodes > 0));
    if let Some(bound) = first {
        let _ = write!(sentence, "; sums of requests alone ask for {least} ({})", bound.resource);
    }
    if let Some((rule, enough)) = rules.first() {
        let _ = write!(sentence, ", and without {rule} {enough} would do");
    }
    sentence.push('.');

    let mut tried = Table::new(
        "tried",
        "Sizes tried",
        &[("nodes", "NODES"), ("seeds_passed", "SEEDS PASSED"), ("passed_ratio", "SHARE"), ("why", "WHY NOT")],
    );
    let share =
        |passed: usize| f64::from(u32::try_from(passed).unwrap_or(0)) / f64::from(u32::try_from(seeds).unwrap_or(1));
    for one in &found.tried {
        let why = if one.why.is_empty() { Cell::Nothing } else { one.why.clone().into() };
        tried.row(vec![one.count.into(), one.passed.into(), Cell::Number(share(one.passed), 2), why]);
    }
    let mut sums = Table::new(
        "bounds",
        match wanted {
            Loss::Nothing => "Sums of requests (DaemonSets taken off each node)".to_owned(),
            loss => format!("Sums of requests (DaemonSets taken off each node), with {} to spare", loss.text()),
        },
        &[("resource", "RESOURCE"), ("requested", "REQUESTED"), ("per_node", "PER NODE"), ("nodes", "NODES AT LEAST")],
    );
    for bound in &bounds {
        let (asked, offered) = amounts(bound);
        let least = bound.nodes.map_or(Cell::Text("none offers it".to_owned()), Cell::Count);
        sums.row(vec![bound.resource.clone().into(), asked, offered, least]);
    }
    let mut costs =
        Table::new("without", "What would be enough without a rule", &[("rule", "WITHOUT"), ("nodes", "NODES")]);
    for (rule, enough) in &rules {
        costs.row(vec![(*rule).into(), (*enough).into()]);
    }
    let mut notes = Vec::new();
    if rules.is_empty() && found.count > least {
        notes.push(format!(
            "no single rule costs the {} between the sums and the answer: pods are not divided, and what is left on each node \
             is too little",
            nodes(found.count - least, false)
        ));
    }
    notes.push(format!("with {seeds} seeds ({} to {})", options.seeds[0], options.seeds[seeds - 1]));
    if options.losses.iter().any(|&loss| loss != Loss::Nothing) {
        notes.push(
            "losses: the machines stop when the scenario has settled, their nodes are removed a minute later, and the run goes on \
             for 30 minutes; at most 12 different losses are tried for each size"
                .to_owned(),
        );
    }
    if let Some(told) = candidate.plan.without_requests.0.told() {
        notes.push(format!("{told} request neither CPU nor memory: they count as nothing"));
    }
    let picture = picture(candidates, choices, &sentence);
    let tables = vec![tried, choices_table(candidates, choices), sums, costs];
    Ok(Answer { command: "size", yes: true, sentence, tables, notes, picture })
}

fn amounts(bound: &bound::Bound) -> (Cell, Cell) {
    let cell = |amount: i64| match bound.resource.as_str() {
        "cpu" => Cell::Text(format!("{} cores", cores(amount))),
        "memory" | "ephemeral-storage" => Cell::Text(gib(amount)),
        _ => Cell::Text(amount.to_string()),
    };
    (cell(bound.asked), cell(bound.offered))
}

/// What is cheapest for each loss, and whether something that survives more costs no more.
fn is_best(candidates: &[Candidate], choices: &[Choice], choice: &Choice) -> bool {
    let weigh = |choice: &Choice| {
        let count = choice.found.as_ref().ok()?.count;
        Some((cost(&candidates[choice.candidate], count), count))
    };
    let Some(own) = weigh(choice) else { return false };
    !choices.iter().any(|other| {
        let Some(its) = weigh(other) else { return false };
        let better = its < own || (its == own && other.loss != choice.loss && !choice.loss.covers(other.loss));
        other.loss.covers(choice.loss) && better
    })
}

fn choices_table(candidates: &[Candidate], choices: &[Choice]) -> Table {
    let priced = candidates.iter().any(|candidate| candidate.price > 0.0);
    let failed = choices.iter().any(|choice| choice.found.is_err());
    let columns = [
        ("survives", "SURVIVES"),
        ("type", "TYPE"),
        ("nodes", "NODES"),
        ("cost_per_hour", "COST AN HOUR"),
        ("best", "BEST"),
        ("why", "WHY NOT"),
    ];
    let columns = &columns[..if failed { 6 } else { 5 }];
    let mut table = Table::new("choices", "Cost against what may be lost", columns);
    table.bar = (!failed).then_some(if priced { 3 } else { 2 });
    let mut sorted: Vec<&Choice> = choices.iter().collect();
    sorted.sort_by(|a, b| {
        let weigh = |choice: &Choice| {
            choice
                .found
                .as_ref()
                .map_or((f64::MAX, usize::MAX), |found| (cost(&candidates[choice.candidate], found.count), found.count))
        };
        let (x, y) = (weigh(a), weigh(b));
        a.loss.cmp(&b.loss).then(x.0.total_cmp(&y.0)).then(x.1.cmp(&y.1))
    });
    for choice in sorted {
        let candidate = &candidates[choice.candidate];
        let (count, why) = match &choice.found {
            Ok(found) => (Some(found.count), Cell::Nothing),
            Err(why) => (None, why.clone().into()),
        };
        let price = count
            .filter(|_| candidate.price > 0.0)
            .map_or(Cell::Nothing, |count| Cell::Number(cost(candidate, count), 2));
        let mut row = vec![
            choice.loss.text().into(),
            candidate.name.clone().into(),
            count.into(),
            price,
            is_best(candidates, choices, choice).into(),
        ];
        row.extend(failed.then_some(why));
        table.row(row);
    }
    table
}

/// Everything that was found, by what it survives and what it costs.
fn picture(candidates: &[Candidate], choices: &[Choice], sentence: &str) -> Option<Picture> {
    let priced = candidates.iter().any(|candidate| candidate.price > 0.0);
    let price = |choice: &Choice| {
        let count = choice.found.as_ref().ok()?.count;
        let nodes_alone = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        Some(if priced { cost(&candidates[choice.candidate], count) } else { nodes_alone })
    };
    // What costs more lies higher: of a zone and two nodes neither is always the greater loss.
    let mut found: Vec<(f64, Loss)> =
        choices.iter().filter_map(|choice| price(choice).map(|price| (price, choice.loss))).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut losses: Vec<Loss> = Vec::new();
    for (_, loss) in found {
        if !losses.contains(&loss) {
            losses.push(loss);
        }
    }
    let way = |choice: &Choice| {
        let count = choice.found.as_ref().ok()?.count;
        Some(Way {
            cost: price(choice)?,
            grade: losses.iter().position(|&loss| loss == choice.loss)?,
            best: is_best(candidates, choices, choice),
            label: format!("{count} × {}", candidates[choice.candidate].name),
        })
    };
    let group = |at: usize| -> Vec<Way> { choices.iter().filter(|of| of.candidate == at).filter_map(way).collect() };
    let groups = candidates.iter().enumerate().map(|(at, candidate)| (candidate.name.clone(), group(at)));
    let shape = PictureShape::Grades {
        x: if priced { "cost an hour".to_owned() } else { "nodes".to_owned() },
        y: "survives the loss of".to_owned(),
        grades: losses.iter().map(|loss| loss.text()).collect(),
        groups: groups.filter(|(_, ways)| !ways.is_empty()).collect(),
    };
    let subtitle = sentence.split_once("; ").map_or(sentence, |(first, _)| first).to_owned();
    (!losses.is_empty()).then(|| Picture { title: "What it costs to survive".to_owned(), subtitle, shape })
}
