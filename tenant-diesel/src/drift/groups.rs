//! Schemas by what they should have in common, their versions, and by what they have, their fingerprints.

use super::catalog::{Fingerprinted, LedgerDigest, Object};
use super::fingerprint::Fingerprint;
use super::reader::Read;
use super::report::{DriftGroup, DriftReport, ObjectDifference, UnreadSchema, VersionDrift};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::HashMap;
use tenant_core::SchemaName;

/// The schemas that were read so far: of each little more than its name is kept.
#[derive(Debug, Default)]
pub(super) struct Groups {
    versions: HashMap<Option<LedgerDigest>, HashMap<Fingerprint, Vec<SchemaName>>>,
    missing: Vec<SchemaName>,
    unread: Vec<UnreadSchema>,
}

impl Groups {
    pub(super) fn add(&mut self, read: Read) {
        for Fingerprinted {
            schema,
            fingerprint,
            ledger,
            ..
        } in read.found
        {
            if let Some(fingerprint) = fingerprint {
                let of_version = self.versions.entry(ledger).or_default();
                of_version.entry(fingerprint).or_default().push(schema);
            }
        }
        self.missing.extend(read.missing);
        self.unread.extend(read.unread);
    }

    /// Decides who differs from whom; in what is not known yet.
    pub(super) fn into_report(self, reference: Option<&Fingerprinted>) -> DriftReport {
        let mut versions: Vec<VersionDrift> = self
            .versions
            .into_iter()
            .filter_map(|(ledger, groups)| {
                let reference = reference.filter(|reference| reference.ledger == ledger);
                version(ledger, groups, reference)
            })
            .collect();
        versions.sort_by(|one, other| {
            (Reverse(one.schemas), &one.example).cmp(&(Reverse(other.schemas), &other.example))
        });
        let (mut missing, mut unread) = (self.missing, self.unread);
        missing.sort();
        unread.sort_by(|one, other| one.schema.cmp(&other.schema));
        DriftReport {
            versions,
            missing,
            unread,
        }
    }
}

fn version(
    ledger: Option<LedgerDigest>,
    groups: HashMap<Fingerprint, Vec<SchemaName>>,
    reference: Option<&Fingerprinted>,
) -> Option<VersionDrift> {
    let schemas = groups.values().map(Vec::len).sum();
    let mut groups: Vec<(Fingerprint, Vec<SchemaName>)> = groups.into_iter().collect();
    for (_, schemas) in &mut groups {
        schemas.sort();
    }
    groups.sort_by(|(_, one), (_, other)| (Reverse(one.len()), one).cmp(&(Reverse(other.len()), other)));
    let (expected, example) = match reference.and_then(|reference| Some((reference.fingerprint?, reference)))
    {
        Some((fingerprint, reference)) => (fingerprint, reference.schema.clone()),
        None => {
            let (fingerprint, schemas) = groups.first()?;
            (*fingerprint, schemas.first()?.clone())
        }
    };
    let drifted = groups
        .into_iter()
        .filter(|(fingerprint, _)| *fingerprint != expected)
        .map(|(fingerprint, schemas)| DriftGroup {
            fingerprint,
            schemas,
            differences: Vec::new(),
        })
        .collect();
    Some(VersionDrift {
        applied: ledger.as_ref().map_or(0, |ledger| ledger.applied),
        version: ledger.and_then(|ledger| ledger.last),
        schemas,
        expected,
        example,
        drifted,
    })
}

/// Compares two schemas object by object.
pub(super) fn differences(expected: Vec<Object>, found: Vec<Object>) -> Vec<ObjectDifference> {
    let mut expected = by_name(expected);
    let mut differences: Vec<ObjectDifference> = Vec::new();
    for ((kind, name), found) in by_name(found) {
        let expected = expected.remove(&(kind.clone(), name.clone()));
        if expected.as_ref() != Some(&found) {
            differences.push(ObjectDifference {
                kind,
                name,
                expected,
                found: Some(found),
            });
        }
    }
    differences.extend(
        expected
            .into_iter()
            .map(|((kind, name), expected)| ObjectDifference {
                kind,
                name,
                expected: Some(expected),
                found: None,
            }),
    );
    differences.sort_by(|one, other| (&one.kind, &one.name).cmp(&(&other.kind, &other.name)));
    differences
}

fn by_name(objects: Vec<Object>) -> BTreeMap<(String, String), String> {
    let entry = |object: Object| ((object.kind, object.name), object.definition);
    objects.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> SchemaName {
        SchemaName::new(name).unwrap()
    }

    fn row(schema: &str, version: &str, fingerprint: u8) -> Fingerprinted {
        Fingerprinted {
            schema: name(schema),
            fingerprint: Fingerprint::new(&[fingerprint; 32]),
            objects: 1,
            ledger: Some(LedgerDigest {
                digest: version.to_owned(),
                applied: 1,
                last: Some(version.to_owned()),
            }),
        }
    }

    fn report(rows: &[(&str, &str, u8)], reference: Option<(&str, &str, u8)>) -> DriftReport {
        let mut groups = Groups::default();
        for (schema, version, fingerprint) in rows {
            groups.add(Read {
                found: vec![row(schema, version, *fingerprint)],
                ..Read::default()
            });
        }
        let reference = reference.map(|(schema, version, fingerprint)| row(schema, version, fingerprint));
        groups.into_report(reference.as_ref())
    }

    #[test]
    fn what_most_have_is_what_the_others_should_have() {
        let report = report(
            &[
                ("d", "1", 7),
                ("c", "1", 8),
                ("b", "1", 8),
                ("a", "1", 9),
                ("e", "2", 7),
            ],
            None,
        );
        let first = &report.versions[0];
        assert_eq!((first.schemas, &first.example), (4, &name("b")));
        let drifted: Vec<_> = first.drifted.iter().map(|group| &group.schemas[0]).collect();
        assert_eq!(drifted, [&name("a"), &name("d")]);
        assert_eq!(report.versions[1].drifted, [], "of another version");
    }

    #[test]
    fn a_chosen_schema_decides_for_its_version() {
        let rows = [("a", "1", 8), ("b", "1", 8), ("c", "1", 7), ("d", "2", 8)];
        let report = report(&rows, Some(("template", "1", 7)));
        let first = &report.versions[0];
        assert_eq!((&first.example, first.differing()), (&name("template"), 2));
        assert_eq!(report.versions[1].example, name("d"));
    }

    #[test]
    fn objects_are_missing_or_not_expected_or_different() {
        let objects = |list: &[(&str, &str)]| {
            let object = |(name, definition): &(&str, &str)| Object {
                kind: "index".to_owned(),
                name: (*name).to_owned(),
                definition: (*definition).to_owned(),
            };
            list.iter().map(object).collect::<Vec<_>>()
        };
        let expected = objects(&[("same", "x"), ("gone", "x"), ("other", "x")]);
        let found = objects(&[("other", "y"), ("same", "x"), ("new", "x")]);
        let told: Vec<_> = differences(expected, found)
            .into_iter()
            .map(|d| (d.name, d.expected.is_some(), d.found.is_some()))
            .collect();
        let told: Vec<_> = told.iter().map(|(name, e, f)| (name.as_str(), *e, *f)).collect();
        assert_eq!(
            told,
            [("gone", true, false), ("new", false, true), ("other", true, true)]
        );
    }
}
