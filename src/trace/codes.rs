//! The codes of everything that can be wrong with a trace file. Stable: a number is never given to another mistake.

use crate::diag::Code;

/// The file has no header, or is empty.
pub const NO_ROWS: Code = Code { id: "PS3001", title: "empty trace" };
/// A column that must be there is not.
pub const MISSING_COLUMN: Code = Code { id: "PS3002", title: "missing column" };
/// A row with more or fewer cells than the header.
pub const CELL_COUNT: Code = Code { id: "PS3003", title: "wrong number of cells" };
/// A cell that is not what its column holds.
pub const BAD_CELL: Code = Code { id: "PS3004", title: "cell not understood" };
/// Two rows with one name.
pub const DUPLICATE_ROW: Code = Code { id: "PS3005", title: "name used twice" };
/// A pod without a time of creation.
pub const NO_CREATION: Code = Code { id: "PS3006", title: "no creation time" };
/// A pod that is deleted before it is created.
pub const DELETED_EARLY: Code = Code { id: "PS3007", title: "deleted before it was created" };
/// Something in the trace that is not modelled.
pub const NOT_MODELLED: Code = Code { id: "PS3008", title: "not modelled" };
/// A curve whose times do not grow.
pub const NOT_SORTED: Code = Code { id: "PS3009", title: "times not in order" };
/// A column that is not known.
pub const UNKNOWN_COLUMN: Code = Code { id: "PS3010", title: "unknown column" };
/// More mistakes of one file than are shown.
pub const MORE_MISTAKES: Code = Code { id: "PS3011", title: "more mistakes" };

/// All of them, in the order of their numbers.
pub const ALL: &[Code] = &[
    NO_ROWS,
    MISSING_COLUMN,
    CELL_COUNT,
    BAD_CELL,
    DUPLICATE_ROW,
    NO_CREATION,
    DELETED_EARLY,
    NOT_MODELLED,
    NOT_SORTED,
    UNKNOWN_COLUMN,
    MORE_MISTAKES,
];
