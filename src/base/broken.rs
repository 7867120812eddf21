//! Rules that can be broken on purpose, so that `tests/broken_rules.rs` can show that vectors and timelines notice. It
//! knows no rule, only names. Without the feature `broken-rules` nothing of this is compiled: `broken!` is the right side.

/// `broken!(name, right, wrong)` is `right`; with the feature, and while this thread breaks the rule `name`, it is `wrong`.
macro_rules! broken {
    ($name:literal, $right:expr, $wrong:expr) => {{
        #[cfg(feature = "broken-rules")]
        let holds = if $crate::base::broken::is_broken($name) { $wrong } else { $right };
        #[cfg(not(feature = "broken-rules"))]
        let holds = $right;
        holds
    }};
}

pub(crate) use broken;

#[cfg(feature = "broken-rules")]
mod switch {
    use std::cell::Cell;

    thread_local! {
        static BROKEN: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Whether this thread breaks the rule.
    #[must_use]
    pub fn is_broken(name: &str) -> bool {
        BROKEN.get() == Some(name)
    }

    /// Breaks one rule in this thread until it is dropped.
    #[must_use = "the rule is mended when this is dropped"]
    pub struct Broken(());

    impl Broken {
        /// Breaks the rule called so.
        pub fn rule(name: &'static str) -> Self {
            BROKEN.set(Some(name));
            Self(())
        }
    }

    impl Drop for Broken {
        fn drop(&mut self) {
            BROKEN.set(None);
        }
    }
}

#[cfg(feature = "broken-rules")]
pub use switch::{Broken, is_broken};
