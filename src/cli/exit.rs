//! Exit codes: what a script can learn without reading a word. docs/EXIT_CODES.md lists them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Success = 0,
    /// The run is fine but an `[[expect]]` does not hold, a conformance case fails, a pod finds no node, or nothing has the
    /// name asked for.
    ExpectationFailed = 1,
    /// The arguments or the input are wrong.
    Usage = 2,
    /// Something could not be read or written.
    Io = 3,
    /// A limit stopped the run; the results are partial.
    Limit = 4,
    /// An internal invariant does not hold: a bug.
    Internal = 70,
    /// Interrupted; partial results are kept and marked.
    Interrupted = 130,
}

impl Exit {
    /// Every way to end, with what it means.
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::Success, "all is well"),
        (
            Self::ExpectationFailed,
            "the run is fine, but an `[[expect]]` does not hold, a conformance case fails, a pod finds no node, or nothing has the name asked for",
        ),
        (Self::Usage, "the arguments, the scenario or a manifest are wrong"),
        (Self::Io, "something could not be read or written"),
        (Self::Limit, "a limit stopped the run; the results are partial and marked so"),
        (Self::Internal, "an internal invariant does not hold: a bug in podsim"),
        (Self::Interrupted, "interrupted; partial results are kept and marked so"),
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
