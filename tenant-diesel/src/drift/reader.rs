//! Reads the fingerprints of any number of schemas, so that one which cannot be read takes no other with it.

use super::catalog::{Fingerprinted, fingerprints};
use super::fingerprint::Fingerprint;
use super::report::UnreadSchema;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
use diesel::result::Error::DatabaseError;
use std::collections::HashSet;
use tenant_core::SchemaName;

/// How many schemas are read by one query. Measured with 2,000 schemas of 20 tables, on two cores (case 9 in
/// `benches/README.md`): one by one 29.0 s, by ten 10.9 s, by 50 8.9 s, by 200 8.2 s. From 50 on the time is what the server
/// needs to print definitions, and a query that reads more only holds the locks of its ledgers for longer.
pub(super) const SCHEMAS_PER_QUERY: usize = 50;

/// How often a schema is read that fails alone: what is dropped or altered at that very moment makes PostgreSQL's own
/// functions fail.
const ATTEMPTS: usize = 3;

/// Why a schema has no fingerprint.
pub(super) const NO_RIGHT: &str = "this role may not use the schema";

/// What was found out about some schemas.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) found: Vec<Fingerprinted>,
    pub(super) missing: Vec<SchemaName>,
    pub(super) unread: Vec<UnreadSchema>,
}

/// Reads the schemas, [`SCHEMAS_PER_QUERY`] at a time. Fails only where the connection does.
pub(super) fn read(pg: &mut PgConnection, schemas: &[SchemaName]) -> QueryResult<Read> {
    let mut read = Read::default();
    for chunk in schemas.chunks(SCHEMAS_PER_QUERY) {
        read.read(pg, chunk)?;
    }
    Ok(read)
}

/// The fingerprints of these schemas, so many by one query: for the benchmark, which compares these numbers.
///
/// # Errors
///
/// The failure of a query, or of one schema.
#[doc(hidden)]
pub fn fingerprints_by(
    pg: &mut PgConnection,
    schemas: &[SchemaName],
    per_query: usize,
) -> QueryResult<Vec<Fingerprint>> {
    let mut found = Vec::new();
    for schemas in schemas.chunks(per_query.max(1)) {
        found.extend(
            fingerprints(pg, schemas)?
                .into_iter()
                .filter_map(|row| row.fingerprint),
        );
    }
    Ok(found)
}

impl Read {
    /// Halves the schemas until the one is found that fails.
    fn read(&mut self, pg: &mut PgConnection, schemas: &[SchemaName]) -> QueryResult<()> {
        match fingerprints(pg, schemas) {
            Ok(found) => {
                self.add(schemas, found);
                Ok(())
            }
            Err(error) if is_of_the_connection(&error) => Err(error),
            Err(error) => match schemas {
                [] => Ok(()),
                [schema] => self.read_again(pg, schema, error),
                _ => {
                    let (one, other) = schemas.split_at(schemas.len() / 2);
                    self.read(pg, one)?;
                    self.read(pg, other)
                }
            },
        }
    }

    fn read_again(
        &mut self,
        pg: &mut PgConnection,
        schema: &SchemaName,
        error: diesel::result::Error,
    ) -> QueryResult<()> {
        let mut last = error;
        for _ in 1..ATTEMPTS {
            match fingerprints(pg, std::slice::from_ref(schema)) {
                Ok(found) => {
                    self.add(std::slice::from_ref(schema), found);
                    return Ok(());
                }
                Err(error) if is_of_the_connection(&error) => return Err(error),
                Err(error) => last = error,
            }
        }
        self.unread.push(UnreadSchema {
            schema: schema.clone(),
            reason: last.to_string(),
        });
        Ok(())
    }

    fn add(&mut self, schemas: &[SchemaName], found: Vec<Fingerprinted>) {
        let seen: HashSet<&SchemaName> = found.iter().map(|row| &row.schema).collect();
        let missing = schemas.iter().filter(|schema| !seen.contains(schema));
        self.missing.extend(missing.cloned());
        for row in found {
            if row.fingerprint.is_some() {
                self.found.push(row);
            } else {
                self.unread.push(UnreadSchema {
                    schema: row.schema,
                    reason: NO_RIGHT.to_owned(),
                });
            }
        }
    }
}

/// The objects of a schema, unless it is gone, or is being changed.
pub(super) fn unless_it_vanished<R>(result: QueryResult<Option<R>>) -> QueryResult<Option<R>> {
    match result {
        Err(error) if !is_of_the_connection(&error) => Ok(None),
        other => other,
    }
}

fn is_of_the_connection(error: &diesel::result::Error) -> bool {
    match error {
        DatabaseError(kind, _) => matches!(kind, ClosedConnection | UnableToSendCommand),
        _ => true,
    }
}
