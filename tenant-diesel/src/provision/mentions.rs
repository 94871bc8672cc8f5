//! What names a schema as text: the paths of functions, which are rewritten, and their bodies, which are not.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use std::fmt;
use tenant_core::SchemaName;

/// Something that names a schema as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mention {
    /// The function, with its schema and arguments, or the role.
    pub object: String,
    /// Where in it the name is.
    pub place: MentionPlace,
}

/// Where a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MentionPlace {
    /// In the body of a function: text, which may or may not mean the schema.
    Body,
    /// In the option `SET search_path` of a function of another schema.
    FunctionPath,
    /// In the `search_path` that a role, or the database, is given.
    RolePath,
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            MentionPlace::Body => "in its body",
            MentionPlace::FunctionPath | MentionPlace::RolePath => "in its search_path",
        };
        write!(f, "{} ({place})", self.object)
    }
}

#[derive(QueryableByName)]
struct Function {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    body: String,
    #[diesel(sql_type = Nullable<Text>)]
    path: Option<String>,
}

/// What a text that names a schema holds in lower case. Nothing for a name that may be written in several ways: quotes are
/// doubled, and a server folds other letters than ASCII's as its locale wants it. Those are looked for here.
fn hint(schema: &SchemaName) -> String {
    let name = schema.as_str();
    match name.is_ascii() && !name.contains('"') {
        true => name.to_lowercase(),
        false => String::new(),
    }
}

/// Functions outside the system's schemas whose text, in body or path, may hold a name: `$1`, in lower case, or nothing
/// for all of them.
const FUNCTIONS: &str = "SELECT p.oid::pg_catalog.regprocedure::text AS name, p.prosrc AS body, o.path \
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     LEFT JOIN LATERAL (SELECT pg_catalog.substr(c, 13) AS path FROM pg_catalog.unnest(p.proconfig) AS c \
     WHERE c LIKE 'search_path=%') AS o ON true \
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
     AND (pg_catalog.strpos(pg_catalog.lower(p.prosrc), $1) > 0 OR pg_catalog.strpos(pg_catalog.lower(o.path), $1) > 0 \
     OR $1 = '')";

/// Puts the new name for the old one into the paths of the functions of a schema, which has the new name by now.
pub(super) fn rewrite_paths(pg: &mut PgConnection, old: &SchemaName, new: &SchemaName) -> QueryResult<()> {
    let functions: Vec<Function> = diesel::sql_query(format!("{FUNCTIONS} AND n.nspname = $2"))
        .bind::<Text, _>("")
        .bind::<Text, _>(new.as_str())
        .load(pg)?;
    for function in functions {
        let names = function.path.as_deref().map(identifiers).unwrap_or_default();
        if !names.iter().any(|name| name == old.as_str()) {
            continue;
        }
        let path: Vec<String> = names
            .into_iter()
            .map(|name| match name == old.as_str() {
                true => new.quoted(),
                // A path may hold an empty name, which no identifier is.
                false if name.is_empty() => "''".to_owned(),
                false => crate::sql::identifier(&name),
            })
            .collect();
        // The name of the function is qualified as the path of this connection needs it.
        let statement = format!(
            "ALTER ROUTINE {} SET search_path = {}",
            function.name,
            path.join(", ")
        );
        diesel::sql_query(statement).execute(pg)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Text)]
    path: String,
}

/// What still names a schema.
pub(super) fn of(pg: &mut PgConnection, old: &SchemaName) -> QueryResult<Vec<Mention>> {
    let functions: Vec<Function> = diesel::sql_query(format!("{FUNCTIONS} ORDER BY name"))
        .bind::<Text, _>(hint(old))
        .load(pg)?;
    let mut mentions = Vec::new();
    for Function { name, body, path } in functions {
        let object = || format!("function {name}");
        // A name with quotes is in quotes, which are doubled.
        if names(&body, old) || (old.as_str().contains('"') && body.contains(&old.quoted())) {
            mentions.push(Mention {
                object: object(),
                place: MentionPlace::Body,
            });
        }
        if path.is_some_and(|path| identifiers(&path).iter().any(|name| name == old.as_str())) {
            mentions.push(Mention {
                object: object(),
                place: MentionPlace::FunctionPath,
            });
        }
    }
    let settings: Vec<Setting> = diesel::sql_query(
        "SELECT coalesce('role ' || r.rolname::text, 'database ' || d.datname::text, 'every role') AS object, \
         pg_catalog.substr(c, 13) AS path FROM pg_catalog.pg_db_role_setting s \
         CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase \
         WHERE c LIKE 'search_path=%' \
         AND (s.setdatabase = 0 OR d.datname = pg_catalog.current_database()) ORDER BY 1",
    )
    .load(pg)?;
    let settings = settings
        .into_iter()
        .filter(|setting| identifiers(&setting.path).iter().any(|name| name == old.as_str()));
    mentions.extend(settings.map(|setting| Mention {
        object: setting.object,
        place: MentionPlace::RolePath,
    }));
    Ok(mentions)
}

/// Whether a text holds a name as a word of its own, in whatever case.
fn names(text: &str, name: &SchemaName) -> bool {
    let (text, name) = (text.to_lowercase(), name.as_str().to_lowercase());
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(&name).any(|(at, found)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The names in a list of identifiers, as PostgreSQL keeps a path: those that need it in quotes.
fn identifiers(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut chars = list.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
        let Some(first) = chars.next() else { return names };
        let mut name = String::new();
        if first == '"' {
            while let Some(c) = chars.next() {
                if c != '"' {
                    name.push(c);
                } else if chars.next_if_eq(&'"').is_some() {
                    name.push('"');
                } else {
                    break;
                }
            }
        } else {
            name.extend(first.to_lowercase());
            while let Some(c) = chars.next_if(|c| *c != ',' && !c.is_whitespace()) {
                name.extend(c.to_lowercase());
            }
        }
        names.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_postgresql_keeps_it() {
        assert_eq!(
            identifiers(r#"acme, "Odd, ""name""", pg_temp"#),
            ["acme", r#"Odd, "name""#, "pg_temp"]
        );
        assert_eq!(identifiers(r#""""#), [""]);
        assert!(identifiers("").is_empty());
    }

    #[test]
    fn a_name_is_a_word_of_its_own() {
        let acme = SchemaName::quoted_any("acme").unwrap();
        for text in ["SELECT * FROM acme.tasks", "x := 'ACME'", "\"acme\".t"] {
            assert!(names(text, &acme), "{text}");
        }
        for text in ["SELECT acme_id FROM t", "myacme.t", "acme2", "acmé"] {
            assert!(!names(text, &acme), "{text}");
        }
    }
}
