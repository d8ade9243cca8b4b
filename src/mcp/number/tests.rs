use super::*;

fn read(written: &str) -> Option<Number> {
    let mut reader = NumberReader::new();
    let end = reader.feed(written.as_bytes());
    end.is_none().then(|| reader.finish()).flatten()
}

#[test]
fn equal_numbers_are_equal_however_they_are_written() {
    let huge = format!("1{}", "0".repeat(60));
    let long = format!("1.{}7", "0".repeat(60));
    let long_zeros = format!("{long}{}", "0".repeat(60));
    for group in [
        &[
            "1",
            "1.0",
            "1e0",
            "1E+0",
            "10e-1",
            "0.1e1",
            "0.001e3",
            "1.000000000000000000000000000000000000000000",
        ][..],
        &["100", "1e2", "1.00e2", "10000e-2"],
        &["0", "-0", "0.0", "0e5", "-0.000e-9", "0e999999999999999999999999"],
        &["-7", "-7.0", "-70e-1"],
        &["1.5", "15e-1", "0.15e1", "1.50"],
        &["18446744073709551615", "1.8446744073709551615e19"],
        &["18446744073709551616", "1.8446744073709551616e19"],
        &["1e60", &huge],
        &[&long, &long_zeros],
    ] {
        let first = read(group[0]).expect("it is a number");
        for other in group {
            assert_eq!(read(other).as_ref(), Some(&first), "{} and {other}", group[0]);
        }
    }
}

#[test]
fn different_numbers_are_different() {
    let long = format!("1.{}7", "0".repeat(60));
    let longer = format!("1.{}7", "0".repeat(61));
    let other = format!("1.{}8", "0".repeat(60));
    let all = [
        "0",
        "1",
        "-1",
        "10",
        "1.5",
        "-1.5",
        "15",
        "0.15",
        "18446744073709551615",
        "18446744073709551616",
        "-18446744073709551615",
        "9007199254740992",
        "9007199254740993",
        "1e60",
        "1e61",
        "1e-60",
        &long,
        &longer,
        &other,
    ];
    for (index, one) in all.iter().enumerate() {
        for another in &all[index + 1..] {
            assert_ne!(read(one), read(another), "{one} and {another}");
        }
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for written in [
        "", "-", "01", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "1e5.0", "--1", "1-", "0x1",
        "1a",
    ] {
        assert_eq!(read(written), None, "{written}");
    }
}

#[test]
fn the_short_way_agrees_with_the_long_one() {
    for written in ["0", "-0", "7", "-12", "123456789012345678", "-123456789012345678"] {
        let found = Number::integer(format!("{written},").as_bytes());
        let number = read(written).expect("it is a number");
        assert_eq!(found, Some((number, written.len())), "{written}");
    }
    for other in ["1", "1.5,", "1e5,", "01,", "-,", "", "1234567890123456789,", "-a"] {
        assert_eq!(Number::integer(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn a_number_ends_at_the_first_byte_that_is_not_part_of_it() {
    let mut reader = NumberReader::new();
    assert_eq!(reader.feed(b"-1"), None);
    assert_eq!(reader.feed(b"2.5"), None);
    assert_eq!(reader.feed(b"e3,"), Some(2));
    assert_eq!(reader.finish().and_then(|number| number.as_i64()), Some(-12500));
}

#[test]
fn integers_are_exact_to_the_last() {
    for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
        let number = read(&value.to_string()).expect("it is a number");
        assert_eq!(number.as_i64(), Some(value));
        assert_eq!(number.to_string(), value.to_string());
    }
    for beyond in ["9223372036854775808", "-9223372036854775809", "1.5", "1e30"] {
        assert_eq!(read(beyond).expect("it is a number").as_i64(), None, "{beyond}");
    }
}

#[test]
fn others_are_shown_as_digits_and_a_power_of_ten() {
    assert_eq!(read("-1.50").expect("it is a number").to_string(), "-15e-1");
}

#[test]
fn no_number_is_too_long() {
    for digits in ["0", "9"] {
        let many = digits.repeat(100_000);
        for written in
            [format!("1{many}"), format!("0.{many}1"), format!("1e{many}1"), format!("1e-{many}1")]
        {
            assert!(read(&written).is_some());
        }
    }
}
