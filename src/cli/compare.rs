//! `podsim compare`.

use std::path::Path;

use super::Exit;
use super::args::{Seeds, seeds};
use super::ask::{AskArgs, answered, question, understand};
use super::terminal::Terminal;
use crate::answers::{self, Arm, CompareOptions, Condition, Question};
use crate::diag::did_you_mean;
use crate::sim::metrics;

/// Shown below the options.
const EXAMPLES: &str = "\
Examples:
  podsim compare before.toml after.toml --seeds 1..20
  podsim compare scenarios/user-msvc.toml --arm 'small: node_pool.0.count=3, scenario.duration=12h'
  podsim compare shop/ --nodes 5 --arm 'packed: control_plane.scheduler.config=most-allocated.yaml'
  podsim compare before.toml after.toml --fail-if 'pods_pending_at_end.mean > +5%' --fail-if 'wait_seconds_p99.max > 30s'";

/// Run the same workload under several settings, paired by seed, and say what differs and how surely
///
/// The first scenario, or the input as it is, is what the others are compared with. Exit code 1 if a --fail-if is met.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// A variant of one input: 'name: key=value, key=value'; may be repeated
    #[arg(long, value_name = "ARM", help_heading = "Comparison")]
    pub arm: Vec<String>,
    /// The seeds with which every arm is run
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "1..10", conflicts_with = "seed", help_heading = "Comparison")]
    pub seeds: Seeds,
    /// Only these metrics, as in wait_seconds_p99,pods_failed [default: all that differ]
    #[arg(long, value_name = "METRICS", value_delimiter = ',', help_heading = "Comparison")]
    pub metrics: Vec<String>,
    /// Fail if an arm meets this, as in 'pods_pending_at_end.mean > +5%'; may be repeated
    #[arg(long, value_name = "CONDITION", help_heading = "Comparison")]
    pub fail_if: Vec<String>,
}

pub(super) fn run(args: &CompareArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let read = options(args).and_then(|options| Ok((options, questions(args, terminal)?)));
    let (options, questions) = match read {
        Ok(read) => read,
        Err(why) => {
            if !why.is_empty() {
                terminal.say(&format!("error: {why}"));
            }
            return Ok(Exit::Usage);
        }
    };
    let mut arms = Vec::new();
    for (name, question) in questions {
        // What is suspicious in the first is so in the others: it is said once.
        let plan = if arms.is_empty() {
            understand(&question, terminal)
        } else {
            question.compiled().map_err(|halt| {
                terminal.say(&halt.to_string());
                Exit::Usage
            })
        };
        match plan {
            Ok(plan) => arms.push(Arm { name, plan }),
            Err(exit) => {
                terminal.say(&format!("error: the arm `{name}` cannot be run"));
                return Ok(exit);
            }
        }
    }
    answered(&args.ask, terminal, |runner| answers::compare(&arms, runner, &options))
}

fn options(args: &CompareArgs) -> Result<CompareOptions, String> {
    let metric = |name: &String| {
        let names = || metrics::ALL.iter().map(|metric| metric.name);
        names().find(|known| known == name).ok_or_else(|| {
            let help = did_you_mean(name, names()).map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            format!("there is no metric `{name}`{help}")
        })
    };
    Ok(CompareOptions {
        seeds: args.seeds.list(args.ask.seed),
        metrics: args.metrics.iter().map(metric).collect::<Result<_, _>>()?,
        fail_if: args.fail_if.iter().map(|text| Condition::parse(text)).collect::<Result<_, _>>()?,
    })
}

/// What is compared, by name. An empty error was said already.
fn questions(args: &CompareArgs, terminal: &Terminal) -> Result<Vec<(String, Question)>, String> {
    let scenario = |path: &Path| path.extension().is_some_and(|end| end == "toml");
    let input = &args.ask.input;
    if input.len() > 1 && input.iter().all(|path| scenario(path)) {
        if !args.arm.is_empty() {
            return Err("give several scenarios, or one with --arm, but not both".to_owned());
        }
        let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let stems: std::collections::BTreeSet<String> = input.iter().map(|path| stem(path)).collect();
        let name = |path: &Path| if stems.len() == input.len() { stem(path) } else { path.display().to_string() };
        let question = |path: &Path| Question::scenario(path).with(&args.ask.set);
        return Ok(input.iter().map(|path| (name(path), question(path))).collect());
    }
    if args.arm.is_empty() {
        return Err("there is nothing to compare with: give two scenarios, or --arm 'name: key=value'".to_owned());
    }
    let base = question(&args.ask, terminal).ok_or_else(String::new)?;
    let mut found = vec![("as it is".to_owned(), base.clone())];
    for text in &args.arm {
        let (name, overrides) = arm(text)?;
        if found.iter().any(|(known, _)| *known == name) {
            return Err(format!("there are two arms `{name}`: names must differ"));
        }
        found.push((name, base.with(&overrides)));
    }
    Ok(found)
}

/// `name: key=value, key=value`; without a name it is called as it is written. Commas within brackets and quotes part nothing.
fn arm(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, rest) = match text.split_once(':') {
        Some((name, rest)) if !name.contains('=') => (name.trim(), rest),
        _ => (text.trim(), text),
    };
    let mut parts = vec![String::new()];
    let (mut depth, mut quote) = (0_i32, None);
    for c in rest.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    let parts: Vec<String> = parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    if name.is_empty() || parts.is_empty() || parts.iter().any(|part| !part.contains('=')) {
        return Err(format!("`{text}` is no arm: write 'name: key=value, key=value', with keys as --set takes them"));
    }
    Ok((name.to_owned(), parts))
}

#[cfg(test)]
mod tests {
    use super::arm;

    #[test]
    fn an_arm_has_a_name_and_overrides() {
        let of = |text: &str| arm(text).map(|(name, parts)| format!("{name}|{}", parts.join("|")));
        assert_eq!(
            of("small: node_pool.0.count=3, scenario.duration=12h"),
            Ok("small|node_pool.0.count=3|scenario.duration=12h".into())
        );
        assert_eq!(of("node_pool.0.count=3"), Ok("node_pool.0.count=3|node_pool.0.count=3".into()));
        assert_eq!(of("a: x.y=[1, 2], z.w=\"b, c\""), Ok("a|x.y=[1, 2]|z.w=\"b, c\"".into()));
        for bad in ["", "small:", "small", "a: b", ": x.y=1"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
