//! Quantities: what they parse to and how they print, as upstream's own tests and random ones say.

use proptest::prelude::*;

use super::*;

fn q(text: &str) -> Quantity {
    Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_suffix_without_digits_is_zero_only_where_no_rounding_is_needed() {
    for text in ["Ki", "-Ti", "e1", "+", "-", ".", "00"] {
        assert!(q(text).is_zero(), "{text}");
    }
    for text in ["Ei", "-Pi", "e-20", ".Gi5"] {
        assert!(Quantity::parse(text).is_err(), "{text}");
    }
    assert_eq!(Quantity::parse("Ei"), Err(QuantityError::Number));
    assert_eq!(Quantity::parse("1ki"), Err(QuantityError::Suffix));
    assert_eq!(Quantity::parse("1K"), Err(QuantityError::Suffix));
    assert_eq!(Quantity::parse(" 1"), Err(QuantityError::Form));
}

#[test]
fn rounding_goes_away_from_zero() {
    assert_eq!(q("1.0000000001").to_string(), "1000000001n");
    assert_eq!(q("-1.0000000001").to_string(), "-1000000001n");
    assert_eq!(q("0.9999999999").to_string(), "1");
    assert_eq!(q("100u").round_up_milli().to_string(), "1m");
    assert_eq!((q("-1500m").value(), q("1n").milli_value()), (-2, 1));
    assert_eq!(q("1e-400").to_string(), "1e-9");
}

#[test]
fn huge_numbers_stay_ordered_and_saturate() {
    assert!(q("1e300") > q("9e299") && q("-1e300") < q("-9e299"));
    assert!(q("1e2000000000") > q("1E"));
    assert_eq!(q("1e300").value(), i64::MAX);
    assert_eq!(q("-100E").value(), i64::MIN);
    assert_eq!(q("9223372036854775807Ki").to_string(), "9223372036854775807");
    assert!(q("1e2000000000").plus(q("1n")) > q("1e2000000000"));
    assert_eq!(q("123456789012345678901234567890123456789012").to_string(), "123456789012345678901234567890123456790k");
}

#[test]
fn a_power_of_ten_without_a_suffix_is_printed_without_one() {
    assert_eq!(q("1000E").to_string(), "1");
    assert_eq!(q("100E").to_string(), "100E");
}

#[test]
fn a_zero_takes_the_format_of_what_is_added() {
    assert_eq!(q("0").plus(q("1Ki")).to_string(), "1Ki");
    assert_eq!(q("0Ki").minus(q("5k")).to_string(), "-5k");
    assert_eq!(q("1Gi").plus(q("0")).to_string(), "1Gi");
    assert_eq!(q("1Gi").plus(q("1m")).to_string(), "1073741824001m");
}

#[test]
fn texts_are_echoed_only_until_the_number_changes() {
    for (text, printed) in
        [("+1", "+1"), ("01", "01"), ("1000m", "1"), ("1.5", "1500m"), ("1024Ki", "1Mi"), ("1.", "1.")]
    {
        assert_eq!(q(text).text_of(text), printed);
    }
    let mut quantity = q("+1");
    assert!(quantity.round_up(0));
    assert_eq!(quantity.text_of("+1"), "+1");
    assert_eq!(quantity.plus(Quantity::ZERO).to_string(), "1");
}

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::DecimalSi), Just(Format::BinarySi), Just(Format::DecimalExponent)]
}

proptest! {
    #[test]
    fn printed_quantities_parse_to_the_same_number(mantissa in any::<i64>(), exponent in -9..3_i32, format in formats()) {
        let quantity = Quantity::scaled(i128::from(mantissa), exponent, format);
        // Only binary quantities are capped.
        prop_assume!(format != Format::BinarySi || quantity.value().unsigned_abs() < i64::MAX.unsigned_abs());
        let text = quantity.to_string();
        // No suffix stands for 10^21 and more.
        prop_assume!(format == Format::DecimalExponent || quantity.thousands().1 <= 18);
        let back = q(&text);
        prop_assert_eq!(back, quantity, "{}", text);
        // Digits without a suffix are read as DecimalSI, whichever family printed them.
        if back.format() == format {
            prop_assert_eq!(back.to_string(), text);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[-+]?[0-9.]{0,24}[eEinumkKMGTP]{0,2}[-+]?[0-9]{0,12}|\\PC{0,12}") {
        if let Ok(quantity) = Quantity::parse(&text) {
            let _ = (quantity.to_string(), quantity.value(), quantity.milli_value(), quantity.round_up_milli());
            prop_assert_eq!(quantity.minus(quantity).cmp(&Quantity::ZERO), Ordering::Equal);
        }
    }

    #[test]
    fn order_agrees_with_subtraction(a in any::<i64>(), b in any::<i64>(), x in -9..9_i32, y in -9..9_i32) {
        let (a, b) = (Quantity::scaled(i128::from(a), x, Format::DecimalSi), Quantity::scaled(i128::from(b), y, Format::DecimalSi));
        prop_assert_eq!(a.cmp(&b), a.minus(b).cmp(&Quantity::ZERO));
        prop_assert_eq!(a.plus(b).minus(b), a);
    }
}
