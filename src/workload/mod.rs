//! What the world does to the cluster: processes that run and crash, requests on services, pods that arrive. Knows
//! neither components nor formats.

pub mod arrivals;
pub mod life;
pub mod traffic;

pub use arrivals::{Arrival, Arrivals};
pub use life::{Life, LifeDraws, UsageAt};
pub use traffic::{Endpoint, Traffic};
