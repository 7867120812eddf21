//! `podsim schema`.

use super::Exit;
use super::terminal::Terminal;
use crate::scenario::spec;

pub(super) fn run(terminal: &Terminal) -> anyhow::Result<Exit> {
    terminal.print(spec::schema::text().as_bytes())?;
    Ok(Exit::Success)
}
