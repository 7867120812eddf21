//! Where things are printed. A write that fails is an error, never a panic: readers go away.

use std::io::{self, IsTerminal, Write};

use super::args::{Common, When};

/// stdout and stderr with what the user wants of them.
pub(super) struct Terminal {
    /// How much is said on stderr: 0 is normal, negative is quiet.
    pub level: i8,
    /// Whether progress may be shown.
    pub progress: bool,
    /// Whether fields of manifests that do not exist are errors.
    pub strict: bool,
    color: When,
}

impl Terminal {
    pub fn new(common: &Common) -> Self {
        let count = |count: u8| i8::try_from(count).unwrap_or(i8::MAX);
        Self {
            level: count(common.verbose) - count(common.quiet),
            progress: !common.no_progress && common.quiet == 0,
            strict: common.strict,
            color: common.color,
        }
    }

    /// Whether stdout gets colours.
    pub fn color_out(&self) -> bool {
        self.colored(io::stdout().is_terminal())
    }

    /// Whether stderr gets colours.
    pub fn color_err(&self) -> bool {
        self.colored(io::stderr().is_terminal())
    }

    fn colored(&self, is_terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto if set("NO_COLOR") => false,
            When::Auto => is_terminal || set("CLICOLOR_FORCE"),
        }
    }

    /// Data, to stdout.
    pub fn print(&self, text: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text)?;
        out.flush()
    }

    /// A line on stderr. If even that cannot be written there is nobody left to tell.
    pub fn say(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// A line on stderr, unless quiet.
    pub fn note(&self, line: &str) {
        if self.level >= 0 {
            self.say(line);
        }
    }
}
