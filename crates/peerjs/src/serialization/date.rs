//! Moments, as `Date.prototype.toISOString` writes them.

const DAY: i64 = 86_400;

/// The moment `seconds` and `nanos` after 1970 as text with milliseconds.
pub(super) fn iso(seconds: i64, nanos: u32) -> String {
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (second / 3_600, second / 60 % 60, second % 60, nanos / 1_000_000);
    let year = if (0..10_000).contains(&year) { format!("{year:04}") } else { format!("{year:+07}") };
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of the Gregorian calendar, by counting in eras of 400 years that begin with a March.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_javascript_does() {
        for (seconds, nanos, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 999_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (-1, 500_000_000, "1969-12-31T23:59:59.500Z"),
            (253_402_300_800, 0, "+010000-01-01T00:00:00.000Z"),
            (-62_198_755_200, 0, "-000001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso(seconds, nanos), expected);
        }
        iso(i64::MAX, u32::MAX);
        iso(i64::MIN, 0);
    }
}
