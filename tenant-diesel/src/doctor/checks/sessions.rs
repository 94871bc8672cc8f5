//! Paths, poolers and transactions beside the library.

use crate::PoolerMode;
use crate::doctor::ask::{Found, Visit, Words, find};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::{Complaint, Concerned, Unseen};
use crate::doctor::facts::array;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use std::collections::HashSet;
use tenant_core::SchemaName;

/// Two connections beside the pool tell whether they meet in one session, as when the pool was made.
pub(in crate::doctor) fn wrong_pool_mode(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let mode = v.facts.pool.shelf().options.mode;
    let is_shared = match v.facts.pool.finds_shared_sessions() {
        Ok(is_shared) => is_shared,
        Err(error) => {
            v.unseen.push(Unseen {
                check: Check::WrongPoolMode,
                reason: format!("two connections beside the pool could not be opened: {error}"),
            });
            return Ok(None);
        }
    };
    let words = match (mode, is_shared) {
        (PoolerMode::Session, true) => Words {
            one: "pool takes its connections for sessions, and a pooler in transaction mode hands the same one to several \
                  clients: what is set for one tenant, another meets",
            many: "",
            advice: "say `PoolerMode::Transaction`, or connect straight to PostgreSQL",
            can_be_fixed: false,
        },
        (PoolerMode::Transaction, false) => Words {
            one: "pool is told of a pooler in transaction mode, and its connections are sessions: every scope is a transaction \
                  for nothing",
            many: "",
            advice: "say `PoolerMode::Session`, if no pooler in transaction mode stands in between",
            can_be_fixed: false,
        },
        _ => return Ok(None),
    };
    let pool = Concerned {
        schema: None,
        object: v.facts.pool.name().to_owned(),
        detail: None,
    };
    let found = Found::of(vec![pool], is_shared);
    Ok(found.complaint(Check::WrongPoolMode, words))
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Of any role, or of this database. The library's own connections set their path, whatever they begin with.
pub(in crate::doctor) fn search_path_setting(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let settings: Vec<Setting> = diesel::sql_query(
        "SELECT CASE WHEN s.setrole = 0 THEN 'every role' ELSE 'role ' || pg_catalog.pg_get_userbyid(s.setrole)::text END \
         || CASE WHEN s.setdatabase = 0 THEN '' ELSE ' in this database' END AS place, \
         pg_catalog.substr(c.entry, 13) AS value \
         FROM pg_catalog.pg_db_role_setting s, LATERAL pg_catalog.unnest(s.setconfig) AS c (entry) \
         WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) \
         AND pg_catalog.lower(pg_catalog.left(c.entry, 12)) = 'search_path=' ORDER BY 1",
    )
    .load(v.pg)?;
    let names: Vec<String> = settings
        .iter()
        .flat_map(|setting| names_in(&setting.value))
        .collect();
    let meant: HashSet<String> = diesel::sql_query(format!(
        "SELECT name FROM (SELECT name FROM {} AS t UNION ALL SELECT name COLLATE \"C\" FROM \
         pg_catalog.unnest({}) AS u (name)) AS a WHERE name = ANY ($1)",
        v.facts.tenants(),
        array([v.facts.registry.public().as_str()])
    ))
    .bind::<Array<Text>, _>(&names)
    .load::<Name>(v.pg)?
    .into_iter()
    .map(|row| row.name)
    .collect();
    let concerned = settings.into_iter().filter_map(|Setting { place, value }| {
        let schema = names_in(&value).into_iter().find(|name| meant.contains(name))?;
        Some(Concerned {
            schema: SchemaName::quoted_any(&schema).ok(),
            object: place,
            detail: Some(format!("search_path = {value}")),
        })
    });
    Ok(Found::of(concerned.collect(), false).complaint(
        Check::SearchPathSetting,
        Words {
            one: "`search_path` set in the database names a tenant or the shared schema: whoever connects beside this library \
                  works there without having said so",
            many: "`search_path`s set in the database name tenants or the shared schema: whoever connects beside this library \
                   works there without having said so",
            advice: "`ALTER ROLE .. RESET search_path` or `ALTER DATABASE .. RESET search_path`",
            can_be_fixed: false,
        },
    ))
}

/// The names in the value of a `search_path`, as the server would read them.
fn names_in(value: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut characters = value.chars().peekable();
    let (mut name, mut was_quoted) = (String::new(), false);
    let mut end = |name: &mut String, was_quoted: &mut bool| {
        let text = std::mem::take(name);
        if *was_quoted || !text.trim().is_empty() {
            names.push(if *was_quoted {
                text
            } else {
                text.trim().to_lowercase()
            });
        }
        *was_quoted = false;
    };
    while let Some(character) = characters.next() {
        match character {
            ',' => end(&mut name, &mut was_quoted),
            '"' => {
                was_quoted = true;
                name.clear();
                while let Some(inner) = characters.next() {
                    if inner == '"' && characters.next_if_eq(&'"').is_none() {
                        break;
                    }
                    name.push(inner);
                }
            }
            blank if was_quoted && blank.is_whitespace() => {}
            other => name.push(other),
        }
    }
    end(&mut name, &mut was_quoted);
    names
}

/// An hour: longer than any commit in two phases takes while somebody is at it.
pub(in crate::doctor) fn prepared_transaction(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        "SELECT NULL, p.gid, 'of ' || p.owner::text || ', since ' || pg_catalog.date_trunc('second', p.prepared)::text, false \
         FROM pg_catalog.pg_prepared_xacts p WHERE p.database = pg_catalog.current_database() \
         AND p.prepared < pg_catalog.now() - interval '1 hour'",
    )?;
    Ok(found.complaint(
        Check::PreparedTransaction,
        Words {
            one: "prepared transaction is older than an hour: it keeps its locks until somebody ends it, also from migrations",
            many: "prepared transactions are older than an hour: they keep their locks until somebody ends them, also from \
                   migrations",
            advice: "`COMMIT PREPARED '..'` or `ROLLBACK PREPARED '..'`, once you know which",
            can_be_fixed: false,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenant_core::SearchPath;

    #[test]
    fn a_path_is_read_as_it_is_written() {
        let read = |value: &str| names_in(value).join("|");
        assert_eq!(read(r#""$user", public"#), "$user|public");
        assert_eq!(read(r#"Acme,"Acme" ,  "a,b""c""#), r#"acme|Acme|a,b"c"#);
        assert_eq!(read(""), "");
        let odd = ["x','b", "a, public", "\"", " "].map(|name| SchemaName::quoted_any(name).ok());
        for name in odd.into_iter().flatten() {
            let path = SearchPath::of(&name, &[]).to_string();
            assert_eq!(names_in(&path), [name.as_str(), "pg_temp"]);
        }
    }
}
