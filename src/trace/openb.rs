//! The openb GPU trace (files `openb_node_list_*.csv` and `openb_pod_list_*.csv`). Times are seconds.
//!
//! kube-scheduler knows whole devices only: a pod asks for `num_gpu` of `nvidia.com/gpu`, also when it uses a part of
//! one (`gpu_milli` below 1000), because an extended resource is a number of the node and cannot say that two pods share
//! one card.

use std::collections::BTreeSet;

use super::table::{Column, CsvFile};
use super::{GPU_MODEL, Mode, NodeRow, Row, Shape, codes};
use crate::base::SimDuration;
use crate::diag::{Diagnostics, SourceId, Sources};

const MIB: i64 = 1 << 20;

const fn must(name: &'static str) -> Column {
    Column { name, required: true }
}

/// Reads the list of nodes.
pub fn nodes(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<NodeRow> {
    let columns = [must("sn"), must("cpu_milli"), must("memory_mib"), must("gpu"), must("model")];
    let Some(file) = CsvFile::open(source, sources, &columns, false, diagnostics) else { return Vec::new() };
    let mut nodes = Vec::new();
    let mut names = BTreeSet::new();
    file.rows(diagnostics, |cells, diagnostics| {
        let numbers = [1, 2, 3].map(|column| cells.whole(column, diagnostics));
        let [Some(milli_cpu), Some(memory), Some(gpus)] = numbers else { return };
        let name = cells.text(0).to_owned();
        if !names.insert(name.clone()) {
            let (message, help) = (format!("there are two nodes `{name}`"), "names must differ");
            diagnostics.error(codes::DUPLICATE_ROW, cells.span(0), message, "the second one", help);
            return;
        }
        let model = cells.text(4).to_owned();
        nodes.push(NodeRow { name, milli_cpu, memory: memory.saturating_mul(MIB), gpus, model });
    });
    nodes
}

/// Reads the list of pods, in file order.
pub fn pods(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics, mode: Mode) -> Vec<Row> {
    let columns = [
        must("name"),
        must("cpu_milli"),
        must("memory_mib"),
        must("num_gpu"),
        must("gpu_milli"),
        must("gpu_spec"),
        must("creation_time"),
        must("deletion_time"),
    ];
    let Some(file) = CsvFile::open(source, sources, &columns, false, diagnostics) else { return Vec::new() };
    let mut rows = Vec::new();
    let mut names = BTreeSet::new();
    let mut several_models = None;
    file.rows(diagnostics, |cells, diagnostics| {
        let numbers = [1, 2, 3].map(|column| cells.whole(column, diagnostics));
        let [Some(milli_cpu), Some(memory), Some(gpus)] = numbers else { return };
        let name = cells.text(0).to_owned();
        if !names.insert(name.clone()) {
            let (message, help) = (format!("there are two pods `{name}`"), "names must differ");
            diagnostics.error(codes::DUPLICATE_ROW, cells.span(0), message, "the second one", help);
            return;
        }
        let times = match mode {
            Mode::Fill => Some((SimDuration::ZERO, None)),
            Mode::Clock => super::pods_csv::times(cells, 6, 7, diagnostics),
        };
        let Some((at, delete_at)) = times else { return };
        let spec = cells.text(5);
        let node_selector = match spec {
            "" => None,
            // A selector can name one value only.
            several if several.contains('|') => {
                several_models.get_or_insert((cells.span(5), 0)).1 += 1;
                None
            }
            model => Some((GPU_MODEL.to_owned(), model.to_owned())),
        };
        let shape = Shape { milli_cpu, memory: memory.saturating_mul(MIB), gpus, node_selector };
        rows.push(Row { name, at, delete_at, run: None, shape });
    });
    if let Some((span, count)) = several_models {
        let message = format!("{count} pods accept several GPU models; which ones is not modelled");
        let help = "they may run on any node with enough GPUs";
        diagnostics.warning(codes::NOT_MODELLED, span, message, "the first of them", help);
    }
    rows
}
