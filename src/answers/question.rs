//! What is asked about: a scenario, or manifests and dumps with machines to put them on. Every plan of an answer is compiled from
//! it by the one reader of scenarios, so a variation is written as a user would write it (`node_pool.0.count=7`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Halt;
use crate::scenario::{self, Disk, Loaded};
use crate::sim::plan::Plan;

/// Machines for manifests that bring none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machines {
    /// How many.
    pub count: u32,
    /// CPU of each, as a quantity.
    pub cpu: String,
    /// Memory of each, as a quantity.
    pub memory: String,
    /// Most pods on each.
    pub pods: Option<u32>,
    /// Zones, given to the nodes in turn.
    pub zones: Vec<String>,
}

/// Where plans come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The scenario file, or the text of one made for manifests.
    text: Text,
    /// `key=value`, later ones win.
    overrides: Vec<String>,
    /// Further sections, as they would stand at the end of the file.
    further: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Text {
    File(PathBuf),
    Made { name: String, text: String },
}

/// How long manifests without a scenario are run: pods come up in minutes.
const DURATION: &str = "1h";

impl Question {
    /// About a scenario file.
    #[must_use]
    pub fn scenario(path: &Path) -> Self {
        Self { text: Text::File(path.to_owned()), overrides: Vec::new(), further: String::new() }
    }

    /// About manifests: files, folders of them, or what `kubectl get -o yaml` dumped. Without `machines` they must hold Nodes.
    #[must_use]
    pub fn manifests(paths: &[PathBuf], machines: Option<&Machines>) -> Self {
        let quoted = |text: &str| format!("{text:?}");
        let stem = paths.first().and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
        let name = stem.filter(|stem| !stem.is_empty() && stem != ".").unwrap_or_else(|| "manifests".to_owned());
        let files: Vec<String> = paths.iter().map(|path| quoted(&path.display().to_string())).collect();
        let mut text = format!(
            "[scenario]\nname = {}\nduration = \"{DURATION}\"\nmanifests = [{}]\n",
            quoted(&name),
            files.join(", ")
        );
        if let Some(machines) = machines {
            let pods = machines.pods.map_or_else(String::new, |pods| format!(", pods = {pods}"));
            let _ = write!(
                text,
                "[[node_pool]]\nname = \"node\"\ncount = {}\ncapacity = {{ cpu = {}, memory = {}{pods} }}\n",
                machines.count,
                quoted(&machines.cpu),
                quoted(&machines.memory),
            );
            if !machines.zones.is_empty() {
                let zones: Vec<String> = machines.zones.iter().map(|zone| quoted(zone)).collect();
                let _ = writeln!(text, "zones = [{}]", zones.join(", "));
            }
        }
        Self { text: Text::Made { name, text }, overrides: Vec::new(), further: String::new() }
    }

    /// With further overrides, which win over earlier ones.
    #[must_use]
    pub fn with(&self, overrides: &[String]) -> Self {
        Self { overrides: [&self.overrides[..], overrides].concat(), ..self.clone() }
    }

    /// With further sections, as they would stand at the end of the scenario: `[[arrivals]]`, `[[node_pool]]`.
    #[must_use]
    pub fn adding(&self, sections: &str) -> Self {
        Self { further: format!("{}\n{sections}\n", self.further), ..self.clone() }
    }

    /// The plan, or everything that is wrong in words.
    ///
    /// # Errors
    /// What is wrong.
    pub fn compiled(&self) -> Result<Plan, Halt> {
        let mut loaded = self.load();
        match loaded.plan.take().filter(|_| !loaded.diagnostics.has_errors()) {
            Some(plan) => Ok(plan),
            None => {
                let errors = loaded.diagnostics.errors_alone();
                Err(Halt::Unasked(errors.render(&loaded.sources, false).trim_end().to_owned()))
            }
        }
    }

    /// The plan, with everything that is wrong.
    #[must_use]
    pub fn load(&self) -> Loaded {
        match &self.text {
            Text::File(path) => scenario::load_adding(path, &self.further, &self.overrides),
            Text::Made { name, text } => {
                let text = format!("{text}{}", self.further);
                scenario::from_text_with(&format!("scenario for {name}"), &text, &self.overrides, &Disk)
            }
        }
    }

    /// The scenario file's name, or that of the manifests.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.text {
            Text::File(path) => path.display().to_string(),
            Text::Made { name, .. } => name.clone(),
        }
    }
}
