//! [`Row`]: one line of the table, one object of the JSON.

use crate::cases::Case;
use crate::draw::Draw;
use serde::Serialize;

/// What was found out about a variant in a case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) variant: &'static str,
    #[serde(flatten)]
    pub(crate) times: Times,
    /// The median over that of the floor; in the case of memory, bytes over those of an application with one tenant.
    pub(crate) ratio_to_floor: f64,
    /// At the wire, for each request or whatever the case is about.
    pub(crate) round_trips: f64,
    /// At the wire, for each request or whatever the case is about.
    pub(crate) statements: f64,
    /// What the server's processes held, or by how much a client's process grew, where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    /// How many tenants requests were drawn from, where they were drawn; or a start-up found, or what else is about all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenants: Option<usize>,
    /// What the row is about.
    #[serde(skip)]
    pub(crate) of: Case,
}

/// The time of a request, or of whatever else the case is about, in microseconds, over all rounds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Times {
    #[serde(rename = "median_us")]
    pub(crate) median: f64,
    #[serde(rename = "min_us")]
    pub(crate) min: f64,
    #[serde(rename = "max_us")]
    pub(crate) max: f64,
}

impl Times {
    /// Of the times of the rounds.
    pub(crate) fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        let last = times.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            min: at(0),
            max: at(last),
        }
    }
}

impl Row {
    /// A row whose ratio and counts are yet to come.
    pub(crate) fn new(of: Case, variant: &'static str, times: Times) -> Self {
        Self {
            case: of.to_string(),
            variant,
            times,
            ratio_to_floor: 1.0,
            round_trips: 0.0,
            statements: 0.0,
            bytes: None,
            tenants: (of.draw != Draw::Same).then(|| of.draw.tenants()),
            of,
        }
    }

    /// Fills in the ratios of the times in one case to those of one variant.
    pub(crate) fn compare_times(rows: &mut [Self], floor: &str) {
        let floor = rows.iter().find(|row| row.variant == floor);
        if let Some(floor) = floor.map(|row| row.times.median) {
            for row in rows {
                row.ratio_to_floor = row.times.median / floor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::{FLOOR, OURS};

    #[test]
    fn the_median_lies_between_the_middle_ones() {
        let times = Times::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((times.median, times.min, times.max), (2.5, 1.0, 4.0));
        assert_eq!(Times::of(vec![5.0, 1.0, 2.0]).median, 2.0);
    }

    #[test]
    fn ratios_are_those_of_the_medians() {
        let case = Case::all(1000, false)[0];
        let times = |median| Times {
            median,
            ..Times::default()
        };
        let mut rows = [
            Row::new(case, OURS, times(30.0)),
            Row::new(case, FLOOR, times(20.0)),
        ];
        Row::compare_times(&mut rows, FLOOR);
        assert_eq!([rows[0].ratio_to_floor, rows[1].ratio_to_floor], [1.5, 1.0]);
    }

    #[test]
    fn a_row_has_the_promised_keys() {
        let promised = [
            "case",
            "variant",
            "median_us",
            "min_us",
            "max_us",
            "ratio_to_floor",
            "round_trips",
            "statements",
        ];
        for case in Case::all(1000, false) {
            let mut row = Row::new(case, OURS, Times::default());
            row.bytes = (case.number == crate::cases::MEMORY).then_some(1);
            let json = serde_json::to_value(&row).unwrap();
            let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
            let expected = |key: &&str| match *key {
                "bytes" => row.bytes.is_some(),
                "tenants" => case.draw != Draw::Same,
                key => promised.contains(&key),
            };
            assert!(keys.iter().all(expected), "{keys:?}");
            assert!(promised.iter().all(|key| keys.contains(key)), "{keys:?}");
        }
    }
}
