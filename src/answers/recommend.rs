//! Recommended requests, as right-sizing tools write them: a CSV with a row for each container. Owns this format and how it
//! changes a plan; knows no answer.

use super::Halt;
use crate::base::Quantity;
use crate::model::{TemplateId, WorkloadId};
use crate::scenario::with_requests;
use crate::sim::plan::{ArrivalSource, Plan};

/// What one container should request.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    namespace: Option<String>,
    workload: String,
    /// `None`: every container.
    container: Option<String>,
    milli_cpu: Option<i64>,
    memory: Option<i64>,
}

/// Recommended requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recommendations {
    rows: Vec<Row>,
}

impl Recommendations {
    /// Reads a CSV with the columns `workload`, `cpu` and `memory`, and if there are such `namespace` and `container`. An empty
    /// cell changes nothing.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn read(text: &str, name: &str) -> Result<Self, Halt> {
        let wrong = |line: u64, what: String| Halt::Unasked(format!("`{name}`, line {line}: {what}"));
        let mut reader =
            csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().cloned().map_err(|error| wrong(1, error.to_string()))?;
        let column = |name: &str| header.iter().position(|column| column == name);
        let at = ["workload", "cpu", "memory", "namespace", "container"].map(column);
        let [Some(workload), cpu, memory, namespace, container] = at else {
            let needs = "it has the columns workload, cpu, memory, and may have namespace and container";
            return Err(wrong(1, format!("there is no column `workload`: {needs}")));
        };
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| Halt::Unasked(format!("`{name}`: {error}")))?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
            let amount = |at: Option<usize>| {
                let parse =
                    |text: &str| Quantity::parse(text).map_err(|error| wrong(line, format!("`{text}`: {error}")));
                cell(at).map(parse).transpose()
            };
            let workload = cell(Some(workload)).ok_or_else(|| wrong(line, "there is no workload".to_owned()))?;
            rows.push(Row {
                namespace: cell(namespace).map(str::to_owned),
                workload: workload.to_owned(),
                container: cell(container).map(str::to_owned),
                milli_cpu: amount(cpu)?.map(Quantity::milli_value),
                memory: amount(memory)?.map(Quantity::value),
            });
        }
        Ok(Self { rows })
    }

    /// Gives the pods of the plan these requests. Returns what should be known about it.
    pub fn apply(&self, plan: &mut Plan) -> Vec<String> {
        let mut notes = Vec::new();
        let (mut changed, mut raised) = (0, 0);
        for row in &self.rows {
            let mut found = false;
            for template in templates(plan, row) {
                let old = plan.templates[template].clone();
                let mut containers = old.containers.clone();
                let mut touched = false;
                for spec in &mut containers {
                    let named = row.container.as_deref();
                    if named.is_some_and(|name| name != plan.strings.text(spec.name)) {
                        continue;
                    }
                    touched = true;
                    spec.requests.milli_cpu = row.milli_cpu.unwrap_or(spec.requests.milli_cpu);
                    spec.requests.memory = row.memory.unwrap_or(spec.requests.memory);
                    let mut raise = |limit: &mut Option<i64>, request: i64| {
                        if limit.is_some_and(|limit| limit < request) {
                            *limit = Some(request);
                            raised += 1;
                        }
                    };
                    raise(&mut spec.limits.milli_cpu, spec.requests.milli_cpu);
                    raise(&mut spec.limits.memory, spec.requests.memory);
                }
                if touched {
                    found = true;
                    changed += 1;
                    let (class, cgroup, qos) = with_requests(&plan.classes[old.class], &old, &containers);
                    let class = plan.classes.push(class);
                    plan.templates[template].containers = containers;
                    (plan.templates[template].class, plan.templates[template].cgroup) = (class, cgroup);
                    plan.templates[template].qos = qos;
                }
            }
            if !found {
                let container =
                    row.container.as_ref().map_or_else(String::new, |name| format!(" with a container {name}"));
                notes.push(format!("the recommendation for {}{container} is for nothing in the input", row.workload));
            }
        }
        notes.insert(0, format!("{changed} recommendations were taken over"));
        if raised > 0 {
            let were = if raised == 1 { "1 limit was" } else { &format!("{raised} limits were") };
            notes.push(format!("{were} raised, having been below the recommended request"));
        }
        notes
    }
}

/// The templates of the workload that a row names.
fn templates(plan: &Plan, row: &Row) -> Vec<TemplateId> {
    let text = |id| plan.strings.text(id);
    let is_it = |id: WorkloadId| {
        let workload = &plan.workloads[id];
        text(workload.name) == row.workload
            && row.namespace.as_deref().is_none_or(|namespace| namespace == text(workload.namespace))
    };
    let of_objects = plan.objects.iter().filter(|object| object.workload.is_some_and(is_it));
    let mut found: Vec<TemplateId> = of_objects.filter_map(|object| object.spec.template()).collect();
    found.extend(plan.pods.iter().filter(|pod| is_it(pod.workload)).map(|pod| pod.template));
    for arrival in plan.arrivals.iter().filter(|arrival| is_it(arrival.workload)) {
        match &arrival.source {
            ArrivalSource::Generated { templates, .. } => found.extend(templates.iter()),
            ArrivalSource::Trace(rows) => found.extend(rows.iter().map(|row| row.template)),
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
