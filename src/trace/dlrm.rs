//! The trace of disaggregated recommendation models (`disaggregated_DLRM_trace.csv` of cluster-trace-gpu-v2025). Times are
//! seconds, memory is in GiB. It has no list of nodes: instances say by their role which kind of node they are for.

use std::collections::BTreeSet;

use super::table::{Column, CsvFile};
use super::{Mode, Row, Shape, codes};
use crate::base::SimDuration;
use crate::diag::{Diagnostics, SourceId, Sources};

const MIB: f64 = 1_048_576.0;

/// The label by which nodes say for which role they are: `CN` (CPU) or `HN` (GPU).
pub const ROLE: &str = "role";

const fn must(name: &'static str) -> Column {
    Column { name, required: true }
}

/// Reads the instances, in file order.
pub fn pods(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics, mode: Mode) -> Vec<Row> {
    let columns = [
        must("instance_sn"),
        must("role"),
        must("cpu_request"),
        must("gpu_request"),
        must("memory_request"),
        must("creation_time"),
        must("deletion_time"),
        must("max_instance_per_node"),
    ];
    let Some(file) = CsvFile::open(source, sources, &columns, false, diagnostics) else { return Vec::new() };
    let mut rows = Vec::new();
    let mut names = BTreeSet::new();
    let (mut spread, mut before) = (None, None);
    file.rows(diagnostics, |cells, diagnostics| {
        let (Some(cpu), Some(gpus)) = (cells.whole(2, diagnostics), cells.whole(3, diagnostics)) else { return };
        let Some(memory) = cells.text(4).parse::<f64>().ok().filter(|gib| (0.0..1e6).contains(gib)) else {
            cells.bad(4, "an amount of memory", "write GiB as a number", diagnostics);
            return;
        };
        // Names of pods have no underscores.
        let name = cells.text(0).replace('_', "-");
        if !names.insert(name.clone()) {
            let (message, help) = (format!("there are two instances `{name}`"), "names must differ");
            diagnostics.error(codes::DUPLICATE_ROW, cells.span(0), message, "the second one", help);
            return;
        }
        let times = match mode {
            Mode::Fill => Some((SimDuration::ZERO, None)),
            // Thousands were there before the trace began: one warning says so.
            Mode::Clock if cells.text(5).is_empty() => {
                before.get_or_insert((cells.span(5), 0)).1 += 1;
                Some((SimDuration::ZERO, cells.seconds(6, diagnostics)))
            }
            Mode::Clock => super::pods_csv::times(cells, 5, 6, diagnostics),
        };
        let Some((at, delete_at)) = times else { return };
        if !cells.text(7).starts_with('-') {
            spread.get_or_insert((cells.span(7), 0)).1 += 1;
        }
        #[allow(clippy::cast_possible_truncation, reason = "below a million GiB")]
        let memory = (memory * 1024.0).ceil() as i64 * MIB as i64;
        let role = cells.text(1);
        let node_selector = (!role.is_empty()).then(|| (ROLE.to_owned(), role.to_owned()));
        let shape = Shape { milli_cpu: cpu.saturating_mul(1000), memory, gpus, node_selector };
        rows.push(Row { name, at, delete_at, run: None, shape });
    });
    if let Some((span, count)) = before {
        let message = format!("{count} instances have no time of creation");
        let help = "they are taken to be created at the start";
        diagnostics.warning(codes::NO_CREATION, span, message, "the first of them", help);
    }
    if let Some((span, count)) = spread {
        let message =
            format!("{count} instances may share a node with a few of their application only; this is not modelled");
        let help = "neither are RDMA bandwidth and disks: only CPU, memory and GPUs are asked for";
        diagnostics.warning(codes::NOT_MODELLED, span, message, "the first of them", help);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_pods_for_the_nodes_of_their_role() {
        let text = "instance_sn,role,app_name,cpu_request,gpu_request,memory_request,max_instance_per_node,creation_time,deletion_time\n\
                    instance_0,HN,app_0,12,1,120.0,8,,\n\
                    instance_1,CN,app_1,96,0,937.5,-1,475.00000000000006,2676636.0\n\
                    instance_1,CN,app_1,96,0,4.0,-1,1,2\n\
                    instance_2,CN,app_1,96,0,much,-1,1,2\n";
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
        let source = sources.add("dlrm.csv", text);
        let rows = pods(source, &sources, &mut diagnostics, Mode::Clock);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].name.as_str(), rows[0].at, rows[0].shape.gpus), ("instance-0", SimDuration::ZERO, 1));
        let one = &rows[1];
        assert_eq!((one.shape.milli_cpu, one.shape.memory), (96_000, 960_000 * 1_048_576));
        assert_eq!(one.shape.node_selector, Some(("role".to_owned(), "CN".to_owned())));
        assert_eq!((one.at.whole_secs(), one.delete_at.map(SimDuration::whole_secs)), (475, Some(2_676_636)));
        let codes: Vec<&str> = diagnostics.sorted().iter().map(|one| one.code.id).collect();
        assert!(
            codes.contains(&"PS3006")
                && codes.contains(&"PS3005")
                && codes.contains(&"PS3004")
                && codes.contains(&"PS3008"),
            "{codes:?}"
        );
    }
}
