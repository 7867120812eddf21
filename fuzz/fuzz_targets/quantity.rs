//! Any text as a quantity: what is read prints as a text that reads back as the same number (below 10^18: upstream prints
//! larger powers of ten without a suffix), and arithmetic holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podsim::base::Quantity;

fuzz_target!(|text: &str| {
    let Ok(quantity) = Quantity::parse(text) else { return };
    let printed = quantity.to_string();
    let again = Quantity::parse(&printed).unwrap_or_else(|error| panic!("{text:?} prints as {printed:?}: {error}"));
    if !matches!(quantity.value(), i64::MIN | i64::MAX) && quantity.value().unsigned_abs() < 1_000_000_000_000_000_000 {
        assert_eq!(again, quantity, "{text:?} prints as {printed:?}");
    }
    let rounded = quantity.round_up_milli();
    assert!(quantity.milli_value() == i64::MAX || rounded.milli_value() == quantity.milli_value());
    let _ = (quantity.value(), quantity.text_of(text), quantity.plus(rounded), quantity.minus(rounded));
    assert!(quantity.minus(quantity).is_zero());
});
