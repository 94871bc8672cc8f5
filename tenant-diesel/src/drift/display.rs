//! The report as people read it at night: who differs, and in what.

use super::report::{DriftGroup, DriftReport, ObjectDifference, VersionDrift};
use std::fmt;
use tenant_core::SchemaName;

/// How many names and differences are shown of each list. The fields hold all.
const SHOWN: usize = 20;

/// How much of a definition is shown, from a little before the place where two of them part.
const WIDTH: usize = 120;

/// How much is shown of what they have in common before that place.
const CONTEXT: usize = 30;

impl fmt::Display for DriftReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schemas = counted(self.schemas(), "tenant");
        if self.has_drift() {
            let mut groups = self
                .versions
                .iter()
                .flat_map(|version| version.drifted.iter().map(move |group| (version, group)));
            groups.try_for_each(|(version, group)| {
                group.write(f, version)?;
                writeln!(f)
            })?;
            let differing: usize = self.versions.iter().map(VersionDrift::differing).sum();
            write!(f, "{differing} of {schemas} differ")?;
        } else {
            write!(f, "{schemas}, no drift")?;
        }
        if self.versions.len() > 1 {
            write!(f, ", {} sets of versions", self.versions.len())?;
        }
        if !self.missing.is_empty() {
            write!(
                f,
                "\n{} without a schema: {}",
                self.missing.len(),
                names(&self.missing)
            )?;
        }
        for unread in &self.unread {
            write!(f, "\n{} could not be read: {}", unread.schema, unread.reason)?;
        }
        Ok(())
    }
}

impl DriftGroup {
    fn write(&self, f: &mut fmt::Formatter<'_>, version: &VersionDrift) -> fmt::Result {
        let (count, all) = (self.schemas.len(), version.schemas);
        let verb = if count == 1 { "differs" } else { "differ" };
        match &version.version {
            Some(version) => write!(f, "{count} of {} at {version}", counted(all, "tenant"))?,
            None => write!(f, "{count} of {} with no migrations", counted(all, "tenant"))?,
        }
        write!(f, " {verb} from {}: {}", version.example, names(&self.schemas))?;
        if self.differences.is_empty() {
            write!(f, "\n  changed while being read: ask again")?;
        }
        for difference in self.differences.iter().take(SHOWN) {
            write!(f, "\n  {difference}")?;
        }
        match self.differences.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl fmt::Display for ObjectDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.kind, self.name)?;
        match (&self.expected, &self.found) {
            (Some(expected), None) => write!(f, "missing{}", Definition(expected)),
            (None, Some(found)) => write!(f, "not expected{}", Definition(found)),
            (Some(expected), Some(found)) => {
                let (expected, found) = (one_line(expected), one_line(found));
                let from = parting(&expected, &found).saturating_sub(CONTEXT);
                let (expected, found) = (excerpt(&expected, from), excerpt(&found, from));
                write!(f, "\n    expected {expected}\n    found    {found}")
            }
            (None, None) => f.write_str("no difference"),
        }
    }
}

/// A definition behind a word, if there is one.
struct Definition<'a>(&'a str);

impl fmt::Display for Definition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match one_line(self.0) {
            line if line.is_empty() => Ok(()),
            line => write!(f, ", {}", excerpt(&line, 0)),
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many characters two texts have in common before they part.
fn parting(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count()
}

/// A part of a text, from a character on.
fn excerpt(text: &str, from: usize) -> String {
    let mut rest = text.chars().skip(from);
    let mut shown: String = if from > 0 { "…" } else { "" }.to_owned();
    shown.extend(rest.by_ref().take(WIDTH));
    if rest.next().is_some() {
        shown.push('…');
    }
    shown
}

fn names(schemas: &[SchemaName]) -> String {
    let shown: Vec<&str> = schemas.iter().take(SHOWN).map(SchemaName::as_str).collect();
    let shown = shown.join(", ");
    match schemas.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::Fingerprint;

    fn difference(expected: Option<&str>, found: Option<&str>) -> ObjectDifference {
        ObjectDifference {
            kind: "index".to_owned(),
            name: "orders_idx".to_owned(),
            expected: expected.map(str::to_owned),
            found: found.map(str::to_owned),
        }
    }

    #[test]
    fn a_difference_says_what_is_expected_and_what_is_there() {
        assert_eq!(
            difference(Some("ON orders (id)"), None).to_string(),
            "index orders_idx: missing, ON orders (id)"
        );
        assert_eq!(
            difference(None, Some("")).to_string(),
            "index orders_idx: not expected"
        );
        assert_eq!(
            difference(Some("a\n  b"), Some("a c")).to_string(),
            "index orders_idx: \n    expected a b\n    found    a c"
        );
    }

    #[test]
    fn of_a_long_definition_the_place_is_shown_where_it_differs() {
        let body = |word: &str| format!("{} {word} {}", "é".repeat(500), "y".repeat(500));
        let text = difference(Some(&body("one")), Some(&body("two"))).to_string();
        assert!(text.contains("é one y") && text.contains("é two y"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 200));
    }

    #[test]
    fn a_report_names_who_differs_and_in_what() {
        let name = |name: &str| SchemaName::new(name).unwrap();
        let fingerprint = |byte| Fingerprint::new(&[byte; 32]).unwrap();
        let mut report = DriftReport::default();
        assert_eq!(report.to_string(), "0 tenants, no drift");
        report.versions.push(VersionDrift {
            version: Some("20240109".to_owned()),
            applied: 9,
            schemas: 2000,
            expected: fingerprint(1),
            example: name("acme"),
            drifted: vec![DriftGroup {
                fingerprint: fingerprint(2),
                schemas: vec![name("a"), name("b"), name("c")],
                differences: vec![difference(Some("ON orders (id)"), None)],
            }],
        });
        report.missing.push(name("gone"));
        assert_eq!(
            report.to_string(),
            "3 of 2000 tenants at 20240109 differ from acme: a, b, c\n  \
             index orders_idx: missing, ON orders (id)\n\
             3 of 2000 tenants differ\n1 without a schema: gone"
        );
        assert!(report.has_drift());
        assert_eq!(
            report.group_of(&name("b")).map(|group| group.schemas.len()),
            Some(3)
        );
        assert!(report.group_of(&name("acme")).is_none());
    }
}
