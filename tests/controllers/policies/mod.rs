//! Policies in time: disruption budgets, evictions and drains, autoscalers, quotas. API writes take 10 ms, controllers see
//! changes after 20 ms.

mod autoscalers;
mod drains;
mod support;
