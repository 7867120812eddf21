//! Foundations that know no Kubernetes object: simulated time, quantities, dense ids, interned strings,
//! addressed randomness, distributions, statistics and the digest.

#[doc(hidden)]
pub mod broken;
pub mod digest;
pub mod dist;
pub mod draw;
pub mod id;
pub mod intern;
pub mod pages;
pub mod quantity;
pub mod statistics;
pub mod time;

pub(crate) use broken::broken;
pub use digest::{Digest, hex, uuid};
pub use dist::Distribution;
pub use draw::{Draw, Draws};
pub use id::IdVec;
pub use intern::Interner;
pub use pages::IdPages;
pub use quantity::{Format, Quantity, QuantityError};
pub use time::{SimDuration, SimTime};
