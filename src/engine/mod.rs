//! The discrete-event kernel: calendar, timers, clock; generic in the event.
