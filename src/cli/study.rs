//! `podsim study STUDY.toml`: many runs, a journal on the way, and files of results at the end. Owns the folder, the bar and
//! where a shard's number comes from.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Exit;
use super::ask::{AnswerForm, threads, write};
use super::run::{interrupted, listen_for_interrupts};
use super::terminal::Terminal;
use crate::answers::study::journal::{self, JOURNAL, Journal, JournalError, Rows, Shard};
use crate::answers::study::results;
use crate::answers::study::{self, StudyError, design, pictures};
use crate::answers::{Answer, Halt, Runner};
use crate::scenario;

/// Rows of the table that are printed for people; all are in summary.csv.
const MOST_ROWS: usize = 60;

const EXAMPLES: &str = "\
Examples:
  podsim study scenarios/studies/hello.toml
  podsim study big.toml --resume                       # goes on where a killed process stopped
  podsim study big.toml --shard 2/8 -o part-2          # the third of eight parts
  podsim study merge part-* -o whole                   # joins them

Within a Slurm array or a Kubernetes Indexed Job with --shards N the shard is taken from the job's index.
docs/STUDIES.md lists all keys of study files.";

/// Run a scenario at many points with many seeds, and say how its metrics answer
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    pub merge: Option<StudyCommand>,
    /// The study file
    #[arg(required = true)]
    pub study: Option<PathBuf>,
    /// Go on with what an earlier process has done; begin if there is nothing
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,
    /// Begin anew, whatever was done
    #[arg(long)]
    pub force: bool,
    /// Make one part of the runs, counted from 0, as in 2/8
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "shards")]
    pub shard: Option<Shard>,
    /// Of how many parts the job's index names one (Slurm arrays, Kubernetes Indexed Jobs)
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    #[command(flatten)]
    pub to: ResultArgs,
    /// How many runs are made at once [default: one for each core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Where results go.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ResultArgs {
    /// Where results go [default: outputs/studies/<study>]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub form: AnswerForm,
}

/// What else can be done with studies.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum StudyCommand {
    /// Join what shards have made, as if one process had made all of it
    Merge {
        /// Folders of shards
        #[arg(required = true, value_name = "DIR")]
        parts: Vec<PathBuf>,
        #[command(flatten)]
        to: ResultArgs,
    },
}

fn shard(text: &str) -> Result<Shard, String> {
    let wrong = || "write its number and how many there are, as in 0/4".to_owned();
    let (index, of) = text.split_once('/').ok_or_else(wrong)?;
    let shard = Shard { index: index.parse().map_err(|_| wrong())?, of: of.parse().map_err(|_| wrong())? };
    if shard.index >= shard.of {
        return Err("shards are counted from 0: the last of 4 is 3/4".to_owned());
    }
    Ok(shard)
}

pub(super) fn run(args: &StudyArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    match (&args.merge, &args.study) {
        (Some(StudyCommand::Merge { parts, to }), _) => merge(parts, to, terminal),
        (None, Some(study)) => make(args, study, terminal),
        (None, None) => Ok(Exit::Usage),
    }
}

fn make(args: &StudyArgs, path: &Path, terminal: &Terminal) -> anyhow::Result<Exit> {
    listen_for_interrupts();
    let shard = match which(args, &|name| std::env::var(name).ok()) {
        Ok(shard) => shard,
        Err(why) => {
            terminal.say(&format!("error: {why}"));
            return Ok(Exit::Usage);
        }
    };
    let loaded = scenario::read_study(path);
    let text = loaded.diagnostics.render(&loaded.sources, terminal.color_err());
    if !text.is_empty() {
        terminal.say(text.trim_end());
    }
    let Some(wanted) = loaded.study else {
        let unread = loaded.diagnostics.iter().any(|one| one.span.is_none());
        return Ok(if unread { Exit::Io } else { Exit::Usage });
    };
    let (recipe, mut design) = design::lay_out(&wanted);
    let quiet = |_: usize, _: usize| {};
    let runner = Runner { threads: threads(args.threads), stop: &interrupted, progress: &quiet };
    let Some(first) = try_out(&recipe, &runner, terminal) else {
        return Ok(if interrupted() { Exit::Interrupted } else { Exit::Usage });
    };
    design.seal(&first);

    let mut folder = args.to.output.clone().unwrap_or_else(|| home(&design.name));
    if shard.of > 1 && args.to.output.is_none() {
        folder.push(format!("shard-{}-of-{}", shard.index, shard.of));
    }
    let opened = if args.resume {
        Journal::resume(&folder, &design, shard)
    } else {
        Journal::create(&folder, &design, shard, args.force).map(|journal| (journal, Rows::new()))
    };
    let (mut journal, mut rows) = match opened {
        Ok(opened) => opened,
        Err(error @ JournalError::Io { .. }) => return Err(error.into()),
        Err(error) => {
            terminal.say(&format!("error: {error}"));
            return Ok(Exit::Usage);
        }
    };
    let (before, all) = (rows.len(), (0..design.runs()).filter(|run| shard.has(*run)).count());
    if before > 0 {
        terminal.note(&format!("{before} of {all} runs are done already"));
    }
    let bar = Bar::new(terminal.progress, before);
    let progress = |done: usize, of: usize| bar.show(done, of);
    let runner = Runner { progress: &progress, ..runner };
    let made = study::run(&recipe, &design, shard, &mut rows, &mut journal, &runner);
    bar.end();
    if let Err(error) = made {
        let again = format!("{} runs are kept in {}: go on by --resume", rows.len(), folder.join(JOURNAL).display());
        let exit = match error {
            StudyError::Halt(Halt::Interrupted) => Exit::Interrupted,
            StudyError::Halt(Halt::Limit(_)) => Exit::Limit,
            StudyError::Halt(Halt::Unasked(_)) => Exit::Usage,
            StudyError::Journal(error) => return Err(error.into()),
        };
        terminal.say(&format!("error: {error}\n{again}"));
        return Ok(exit);
    }
    if shard.of > 1 {
        terminal.note(&format!(
            "shard {shard} of {} is done: {} runs in {}; `podsim study merge` joins all shards",
            design.name,
            rows.len(),
            folder.join(JOURNAL).display()
        ));
        return Ok(Exit::Success);
    }
    finish(&folder, &design, &rows, args.to.form, terminal)
}

/// Which part is to be made: as asked, or as the surroundings say.
fn which(args: &StudyArgs, variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, String> {
    if let Some(shard) = args.shard {
        return Ok(shard);
    }
    let number = |name: &str| -> Result<Option<usize>, String> {
        let Some(text) = variable(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("the environment variable {name} is `{text}`, which is no number"))
    };
    let found = match (number("SLURM_ARRAY_TASK_ID")?, number("JOB_COMPLETION_INDEX")?) {
        (Some(id), _) => {
            let (least, step) =
                (number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0), number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1));
            let of = args.shards.or(number("SLURM_ARRAY_TASK_COUNT")?);
            Some((id.saturating_sub(least) / step.max(1), of, "SLURM_ARRAY_TASK_COUNT is not set"))
        }
        (None, Some(index)) => Some((index, args.shards, "JOB_COMPLETION_INDEX does not say of how many")),
        (None, None) => None,
    };
    match found {
        None if args.shards.is_some_and(|of| of > 1) => Err(
            "--shards goes with the index of a Slurm array (SLURM_ARRAY_TASK_ID) or of an Indexed Job (JOB_COMPLETION_INDEX), \
             and neither is set: give --shard I/N"
                .to_owned(),
        ),
        None => Ok(Shard::WHOLE),
        // An index without a number of shards: one task of a job that is not about shards.
        Some((_, None, why)) => Err(format!("{why}: say by --shards N how many parts there are, or by --shard 0/1 that this is all")),
        Some((index, Some(of), _)) if index >= of => {
            Err(format!("the job's index says part {index} (counted from 0), but there are {of} parts: give --shards as many as the job has"))
        }
        Some((index, Some(of), _)) => Ok(Shard { index, of }),
    }
}

/// Compiles a plan for each value of each key, so that what is wrong is said before hours are spent. The plan of the first point.
fn try_out(recipe: &design::Recipe, runner: &Runner<'_>, terminal: &Terminal) -> Option<crate::sim::plan::Plan> {
    let colour = terminal.color_err();
    let tried = runner.all(recipe.trials(), |trial| {
        let loaded = recipe.load_trial(trial);
        let wrong = loaded.diagnostics.has_errors() || loaded.plan.is_none();
        let text = wrong.then(|| loaded.diagnostics.render(&loaded.sources, colour));
        Ok((text, loaded.plan.filter(|_| trial == 0)))
    });
    let mut tried = tried.ok()?;
    let mut said = std::collections::BTreeSet::new();
    for (text, _) in &tried {
        if let Some(text) = text
            && said.insert(text.as_str())
        {
            terminal.say(text.trim_end());
        }
    }
    if said.is_empty() { tried.swap_remove(0).1 } else { None }
}

fn home(name: &str) -> PathBuf {
    Path::new("outputs").join("studies").join(super::run::folder_name(name))
}

fn merge(parts: &[PathBuf], to: &ResultArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut read = Vec::new();
    for part in parts {
        match journal::read(part) {
            Ok(journal) => read.push(journal),
            Err(error @ JournalError::Io { .. }) => return Err(error.into()),
            Err(error) => {
                terminal.say(&format!("error: {error}"));
                return Ok(Exit::Usage);
            }
        }
    }
    let (design, rows) = match study::merge(read) {
        Ok(joined) => joined,
        Err(why) => {
            terminal.say(&format!("error: {why}"));
            return Ok(Exit::Usage);
        }
    };
    let folder = to.output.clone().unwrap_or_else(|| home(&design.name));
    finish(&folder, &design, &rows, to.form, terminal)
}

/// Writes the files, each as a whole, and prints the answer.
fn finish(
    folder: &Path,
    design: &design::Design,
    rows: &Rows,
    form: AnswerForm,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let points = results::summaries(design, rows);
    let runs = results::runs_table(design, rows);
    std::fs::create_dir_all(folder.join("charts"))?;
    write(&folder.join("results.csv"), runs.csv()?.as_bytes())?;
    #[cfg(feature = "parquet")]
    write(&folder.join("results.parquet"), &study::columns::parquet(&runs)?)?;
    write(&folder.join("summary.csv"), results::points_table(design, &points).csv()?.as_bytes())?;
    for (stem, picture) in pictures::pictures(design, &points, rows) {
        let charts = folder.join("charts");
        write(&charts.join(format!("{stem}.svg")), picture.svg().map_err(anyhow::Error::msg)?.as_bytes())?;
        write(&charts.join(format!("{stem}.png")), &picture.png().map_err(anyhow::Error::msg)?)?;
    }
    // The last one says that all are there.
    let summary = format!("{:#}\n", results::summary_json(design, &points));
    write(&folder.join("summary.json"), summary.as_bytes())?;
    print(results::answer(design, &points), form, terminal)?;
    terminal.note(&format!("results are in {}", folder.display()));
    Ok(Exit::Success)
}

fn print(mut answer: Answer, form: AnswerForm, terminal: &Terminal) -> anyhow::Result<()> {
    let text = match form {
        AnswerForm::Text => {
            if let Some(table) = answer.tables.first_mut()
                && table.rows.len() > MOST_ROWS
            {
                answer.notes.push(format!("{} more points are in summary.csv", table.rows.len() - MOST_ROWS));
                table.rows.truncate(MOST_ROWS);
            }
            answer.text()
        }
        AnswerForm::Json => format!("{:#}\n", answer.json()),
        AnswerForm::Csv => answer.tables.first().map(|table| table.csv()).transpose()?.unwrap_or_default(),
    };
    terminal.print(text.as_bytes())?;
    Ok(())
}

/// How far a study is: one line on a terminal, elsewhere a plain line every ten seconds.
struct Bar {
    shown: bool,
    on_terminal: bool,
    started: Instant,
    /// Runs that were done before.
    before: usize,
    next: Mutex<Instant>,
}

impl Bar {
    const WIDTH: usize = 30;

    fn new(shown: bool, before: usize) -> Self {
        let on_terminal = io::stderr().is_terminal();
        let started = Instant::now();
        let wait = if on_terminal { Duration::ZERO } else { Duration::from_secs(10) };
        let shown = shown && (on_terminal || std::env::var_os("CI").is_none());
        Self { shown, on_terminal, started, before, next: Mutex::new(started + wait) }
    }

    fn show(&self, done: usize, of: usize) {
        let Ok(mut next) = self.next.lock() else { return };
        let now = Instant::now();
        if !self.shown || (now < *next && done < of) {
            return;
        }
        *next = now + if self.on_terminal { Duration::from_millis(100) } else { Duration::from_secs(10) };
        let (all, whole) = (done + self.before, of + self.before);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let rest = self.started.elapsed() / count(done).max(1) * count(of - done);
        let filled = Self::WIDTH * all / whole.max(1);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(Self::WIDTH - filled));
        let share = 100 * all / whole.max(1);
        let text = format!("{bar} {all} of {whole} runs, {share} %, {} s left", rest.as_secs());
        let mut out = io::stderr().lock();
        let _ = if self.on_terminal { write!(out, "\r\x1b[2K{text}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
    }

    fn end(&self) {
        if self.shown && self.on_terminal {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_says_which_shard_it_is() {
        let args = |shards| StudyArgs {
            merge: None,
            study: None,
            resume: false,
            force: false,
            shard: None,
            shards,
            to: ResultArgs { output: None, form: AnswerForm::Text },
            threads: None,
        };
        let of = |shards: Option<usize>, set: &[(&str, &str)]| {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            which(&args(shards), &variable).map(|shard| shard.to_string())
        };
        assert_eq!(of(None, &[]), Ok("0/1".to_owned()));
        let slurm = [("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_MIN", "5"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(of(None, &slurm), Ok("2/4".to_owned()));
        let stepped = [&slurm[..], &[("SLURM_ARRAY_TASK_STEP", "2")]].concat();
        assert_eq!(of(None, &stepped), Ok("1/4".to_owned()));
        assert_eq!(of(Some(3), &[("JOB_COMPLETION_INDEX", "2")]), Ok("2/3".to_owned()));
        for (shards, set) in [
            (None, &[("JOB_COMPLETION_INDEX", "2")][..]),
            (Some(2), &[("JOB_COMPLETION_INDEX", "2")]),
            (Some(2), &[]),
            (None, &[("SLURM_ARRAY_TASK_ID", "x")]),
        ] {
            assert!(of(shards, set).is_err(), "{shards:?} {set:?}");
        }
    }

    #[test]
    fn shards_are_counted_from_zero() {
        assert_eq!(shard("0/4").map(|shard| shard.to_string()), Ok("0/4".to_owned()));
        for bad in ["4/4", "1", "a/b", "1/0", ""] {
            assert!(shard(bad).is_err(), "{bad}");
        }
    }
}
