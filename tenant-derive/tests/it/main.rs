//! What the macros make, against real structs and tables, without a database: queries are rendered, not run.
//!
//! | module | is about |
//! |---|---|
//! | `sample` | the program of the design, as a user writes it |
//! | `models` | `#[derive(Tenant)]`: fields, keys, columns, generics |
//! | `domains` | `#[derive(Domain)]`, `#[tenant(domain)]` |
//! | `apps` | `#[shared_app]`, `#[tenant_app]`, both: names, scopes, qualifiers, markers |
//! | `generated_files` | `schema = "..", tables(..)` |

mod apps;
mod domains;
mod generated_files;
mod models;
mod sample;

/// A query as PostgreSQL gets it.
fn sql<Q>(query: &Q) -> String
where
    Q: diesel::query_builder::QueryFragment<diesel::pg::Pg>,
{
    let rendered = diesel::debug_query::<diesel::pg::Pg, _>(query).to_string();
    let (sql, _) = rendered
        .split_once(" -- binds")
        .unwrap_or((rendered.as_str(), ""));
    sql.to_owned()
}
