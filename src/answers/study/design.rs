//! The points of a study: which value each key has at each of them. Pure: every shard of a study makes the same points, because
//! random values are addressed by their key and sample. Knows no run.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::base::draw::{Draws, Purpose};
use crate::base::{Digest, Draw};
use crate::scenario::{self, Level, Loaded, Setting, Study, Unit};
use crate::sim::metrics;

/// Everything about a study but its runs: enough to sum them up, on whatever machine they were made.
#[derive(Clone, PartialEq, Debug)]
pub struct Design {
    /// Names the output folder.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// What varies.
    pub parameters: Vec<Parameter>,
    /// For each point a value for each parameter.
    pub points: Vec<Vec<Shown>>,
    /// With which every point is run.
    pub seeds: Vec<u64>,
    /// Metrics of tables and charts.
    pub shown: Vec<String>,
    /// Metrics of results, in the order of their columns.
    pub metrics: Vec<String>,
    /// Whether values were drawn: points are a cloud then, and no grid.
    pub random: bool,
    /// Of all of the above and of the plan of the first point: equal studies have equal ones.
    pub hash: String,
}

/// What varies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// The dotted key, or `arm`.
    pub name: String,
    /// Its column in results, unit last.
    pub column: String,
    /// Whether all of its values are numbers.
    pub numeric: bool,
}

/// A value of a parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// As people read it.
    pub text: String,
    /// In the unit of the parameter's column.
    pub number: Option<f64>,
}

/// How plans are made.
#[derive(Clone, PartialEq, Debug)]
pub struct Recipe {
    scenario: PathBuf,
    /// For each point.
    settings: Vec<Vec<Setting>>,
    /// Points at which something is tried that is not tried before, without seeds: for mistakes to be found early.
    trials: Vec<Vec<Setting>>,
}

impl Recipe {
    /// The plan of a point, with what is wrong with it.
    #[must_use]
    pub fn load(&self, point: usize) -> Loaded {
        scenario::load_with(&self.scenario, &[], &self.settings[point])
    }

    /// How many variations show every value of every key once.
    #[must_use]
    pub const fn trials(&self) -> usize {
        self.trials.len()
    }

    /// One of them. The first is the first point.
    #[must_use]
    pub fn load_trial(&self, trial: usize) -> Loaded {
        scenario::load_with(&self.scenario, &[], &self.trials[trial])
    }
}

/// The recipe and the design of a study; its hash is still open (see [`Design::seal`]).
#[must_use]
pub fn lay_out(study: &Study) -> (Recipe, Design) {
    let draws = Draws::new(study.random_seed);
    let random: Vec<Draw> = study.random.iter().map(|axis| draws.of(Purpose::Design, &axis.key)).collect();
    let mut settings = Vec::new();
    let mut points = Vec::new();
    let arms = study.arms.len().max(1);
    let cells: usize = study.grid.iter().map(|axis| axis.levels.len()).product();
    for arm in 0..arms {
        for cell in 0..cells {
            for sample in 0..study.samples.max(1) {
                let mut levels = grid_levels(study, cell);
                levels.extend(study.random.iter().zip(&random).map(|(axis, draw)| axis.level(draw, sample)));
                settings.push(together(study, arm, &levels));
                let mut values: Vec<Shown> =
                    study.arms.get(arm).map(|arm| Shown::text(&arm.name)).into_iter().collect();
                values.extend(levels.iter().map(|level| Shown { text: level.shown.clone(), number: level.number }));
                points.push(values);
            }
        }
    }
    let keys = study.grid.iter().map(|axis| (&axis.key, axis.unit));
    let keys = keys.chain(study.random.iter().map(|axis| (&axis.key, axis.unit)));
    let mut parameters: Vec<Parameter> = Vec::new();
    if !study.arms.is_empty() {
        parameters.push(Parameter { name: "arm".to_owned(), column: "arm".to_owned(), numeric: false });
    }
    for (key, unit) in keys {
        let at = parameters.len();
        let numeric = points.iter().all(|values: &Vec<Shown>| values[at].number.is_some());
        let suffix = if numeric && !key.ends_with(unit.suffix()) { unit.suffix() } else { Unit::One.suffix() };
        parameters.push(Parameter { name: key.to_string(), column: format!("{key}{suffix}"), numeric });
    }
    let design = Design {
        name: study.name.clone(),
        description: study.description.clone(),
        parameters,
        points,
        seeds: study.seeds.clone(),
        shown: study.metrics.iter().map(|name| (*name).to_owned()).collect(),
        metrics: metrics::ALL.iter().map(|metric| metric.name.to_owned()).collect(),
        random: study.samples > 0,
        hash: String::new(),
    };
    let trials = trials(study, &settings[0]);
    (Recipe { scenario: study.scenario.clone(), settings, trials }, design)
}

/// The values of the grid's keys in one of its cells; the last key changes fastest.
fn grid_levels(study: &Study, cell: usize) -> Vec<Level> {
    let mut rest = cell;
    let mut levels: Vec<Level> = Vec::new();
    for axis in study.grid.iter().rev() {
        levels.push(axis.levels[rest % axis.levels.len()].clone());
        rest /= axis.levels.len();
    }
    levels.reverse();
    levels
}

/// All settings of a point: later ones win.
fn together(study: &Study, arm: usize, levels: &[Level]) -> Vec<Setting> {
    let mut all = study.set.clone();
    all.extend(study.arms.get(arm).into_iter().flat_map(|arm| arm.set.iter().cloned()));
    all.extend(levels.iter().map(|level| level.setting.clone()));
    all
}

/// The first point, and then the first point with one thing changed, until everything was there.
fn trials(study: &Study, first: &[Setting]) -> Vec<Vec<Setting>> {
    let mut trials = vec![first.to_vec()];
    let levels: Vec<&Level> = study.grid.iter().flat_map(|axis| axis.levels.iter().skip(1)).collect();
    for arm in study.arms.iter().skip(1) {
        let own: Vec<Setting> =
            first.iter().filter(|setting| !study.arms[0].set.contains(setting)).chain(&arm.set).cloned().collect();
        trials.push(own);
    }
    let extremes: Vec<Level> = study.random.iter().flat_map(crate::scenario::RandomAxis::extremes).collect();
    for level in levels.into_iter().chain(&extremes) {
        let others = first.iter().filter(|setting| setting.key != level.setting.key);
        trials.push(others.chain([&level.setting]).cloned().collect());
    }
    trials
}

impl Shown {
    fn text(text: &str) -> Self {
        Self { text: text.to_owned(), number: None }
    }
}

impl Design {
    /// How many runs it has.
    #[must_use]
    pub const fn runs(&self) -> usize {
        self.points.len() * self.seeds.len()
    }

    /// Sets the hash: of the design and of the plan of its first point, which every file of the scenario is part of.
    pub fn seal(&mut self, first: &crate::sim::plan::Plan) {
        let mut folded = Folded(Digest::new());
        self.hash.clear();
        let _ = write!(folded, "{}{}{first:?}", env!("CARGO_PKG_VERSION"), self.json());
        self.hash = folded.0.to_string();
    }

    /// In one line, from which [`Self::from_json`] makes it again.
    #[must_use]
    pub fn json(&self) -> String {
        let parameter = |p: &Parameter| json!([p.name, p.column, p.numeric]);
        // Numbers are texts: what is read must be the same bits.
        let shown = |s: &Shown| json!([s.text, s.number.map(|number| number.to_string())]);
        json!({
            "study": self.name,
            "description": self.description,
            "hash": self.hash,
            "random": self.random,
            "parameters": self.parameters.iter().map(parameter).collect::<Vec<_>>(),
            "seeds": self.seeds,
            "shown": self.shown,
            "metrics": self.metrics,
            "points": self.points.iter().map(|point| point.iter().map(shown).collect()).collect::<Vec<Vec<_>>>(),
        })
        .to_string()
    }

    /// Back from [`Self::json`].
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let texts = |key: &str| value[key].as_array()?.iter().map(text).collect::<Option<Vec<_>>>();
        let parameter = |value: &Value| {
            Some(Parameter { name: text(&value[0])?, column: text(&value[1])?, numeric: value[2].as_bool()? })
        };
        let shown = |value: &Value| {
            let number = value[1].as_str().map(str::parse).transpose().ok()?;
            Some(Shown { text: text(&value[0])?, number })
        };
        let point = |value: &Value| value.as_array()?.iter().map(shown).collect::<Option<Vec<_>>>();
        let design = Self {
            name: text(&value["study"])?,
            description: text(&value["description"])?,
            hash: text(&value["hash"])?,
            random: value["random"].as_bool()?,
            parameters: value["parameters"].as_array()?.iter().map(parameter).collect::<Option<_>>()?,
            seeds: value["seeds"].as_array()?.iter().map(Value::as_u64).collect::<Option<_>>()?,
            shown: texts("shown")?,
            metrics: texts("metrics")?,
            points: value["points"].as_array()?.iter().map(point).collect::<Option<_>>()?,
        };
        let whole = design.points.iter().all(|point| point.len() == design.parameters.len());
        whole.then_some(design)
    }

    /// A point in words: `node_pool.0.count = 5, arm = large`.
    #[must_use]
    pub fn words(&self, point: usize) -> String {
        let pairs = self.parameters.iter().zip(&self.points[point]);
        pairs.map(|(parameter, value)| format!("{} = {}", parameter.name, value.text)).collect::<Vec<_>>().join(", ")
    }
}

/// Text that is only folded: the words of a plan may be megabytes.
struct Folded(Digest);

impl std::fmt::Write for Folded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        fold(&mut self.0, text.as_bytes());
        Ok(())
    }
}

/// Folds bytes, each for itself: how a text is cut into pieces makes no difference.
pub(super) fn fold(digest: &mut Digest, bytes: &[u8]) {
    bytes.iter().for_each(|byte| digest.fold(u64::from(*byte)));
}
