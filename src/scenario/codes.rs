//! The codes of everything that can be wrong with a scenario. Stable: a number is never given to another mistake.

use crate::diag::Code;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $title:literal;)+) => {
        $($(#[$doc])* pub const $name: Code = Code { id: $id, title: $title };)+
        /// All of them, in the order of their numbers.
        pub const ALL: &[Code] = &[$($name),+];
    };
}

codes! {
    /// The text is not TOML.
    SYNTAX = "PS2001", "not valid TOML";
    /// A key that no reader knows.
    UNKNOWN_KEY = "PS2002", "unknown key";
    /// A key that must be given.
    MISSING_KEY = "PS2003", "missing key";
    /// A text where a number is meant, a list where a text is meant, and so on.
    WRONG_TYPE = "PS2004", "wrong type";
    /// A plain number where a unit is meant.
    UNIT_MISSING = "PS2005", "unit missing";
    /// A unit that does not exist, or an amount that is no number.
    BAD_AMOUNT = "PS2006", "amount not understood";
    /// A duration that is none.
    BAD_DURATION = "PS2007", "duration not understood";
    /// A date or time that is none.
    BAD_TIME = "PS2008", "time not understood";
    /// A number outside of what is possible.
    OUT_OF_RANGE = "PS2009", "out of range";
    /// A word that is not one of the possible ones.
    UNKNOWN_CHOICE = "PS2010", "not one of the choices";
    /// Several keys of which only one may be given, or none of them.
    EXCLUSIVE_KEYS = "PS2011", "one key of several";
    /// A file that cannot be read.
    UNREADABLE_FILE = "PS2012", "file cannot be read";
    /// A pattern that no file matches.
    EMPTY_PATTERN = "PS2013", "pattern matches no file";
    /// A variable in a path that is not set or not allowed.
    PATH_VARIABLE = "PS2014", "variable in a path";
    /// Two things with one name.
    DUPLICATE_NAME = "PS2015", "name used twice";
    /// A cluster without nodes.
    NO_NODES = "PS2016", "no nodes";
    /// A selection that matches nothing.
    SELECTS_NOTHING = "PS2017", "selects nothing";
    /// A node, pod, zone or object that does not exist.
    UNKNOWN_TARGET = "PS2018", "target does not exist";
    /// A service that does not exist.
    UNKNOWN_SERVICE = "PS2019", "service does not exist";
    /// Traffic that reaches a port on which nothing listens.
    NOBODY_LISTENS = "PS2020", "nothing listens on the port";
    /// A metric that does not exist.
    UNKNOWN_METRIC = "PS2021", "unknown metric";
    /// A file that is written or read outside of every mount of its container.
    OUTSIDE_MOUNT = "PS2022", "log path outside its mount";
    /// A container that the pod does not have.
    UNKNOWN_CONTAINER = "PS2023", "container does not exist";
    /// An argument of `--set` that names nothing.
    BAD_OVERRIDE = "PS2024", "override not understood";
    /// A taint that is none.
    BAD_TAINT = "PS2025", "taint not understood";
    /// Something that is due outside of the run.
    OUTSIDE_RUN = "PS2026", "outside of the run";
    /// More to give than there is.
    MORE_THAN_CAPACITY = "PS2027", "more than the capacity";
    /// A distribution whose numbers make none.
    BAD_DISTRIBUTION = "PS2028", "not a distribution";
    /// Arrivals of no pods.
    NO_TEMPLATES = "PS2029", "no pods to arrive";
    /// An image that no container uses.
    UNUSED_IMAGE = "PS2030", "image that nothing uses";
    /// A manifest without any object that can be used where it is named.
    NOTHING_TO_APPLY = "PS2031", "nothing to apply";
    /// A scenario in which nothing can happen.
    NO_PODS = "PS2032", "no pods";
    /// A file that is read but that nothing writes.
    NOTHING_WRITES = "PS2033", "file that nothing writes";
    /// An expectation without a bound, or with an impossible one.
    BAD_BOUND = "PS2034", "bound of an expectation";
    /// More pods or nodes than one process holds.
    TOO_MANY = "PS2035", "too many";
    /// Pods of a scheduler that is not there.
    UNKNOWN_SCHEDULER = "PS2036", "no such scheduler";
    /// An eviction threshold that kubelets would not take.
    BAD_THRESHOLD = "PS2037", "eviction threshold not understood";
    /// A patch that is no mapping of fields.
    BAD_PATCH = "PS2038", "patch not understood";
}
