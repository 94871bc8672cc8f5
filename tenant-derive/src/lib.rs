//! The macros of `tenant-diesel`, which re-exports them: applications do not depend on this crate.
//!
//! | macro | on | makes |
//! |---|---|---|
//! | [`#[derive(Tenant)]`](macro@Tenant) | the Diesel model of your tenants | what the library needs to insert, find, page through, update and delete tenants |
//! | [`#[derive(Domain)]`](macro@Domain) | the Diesel model of their domains | what it needs to find a tenant by its host, and to keep one domain a tenant primary |
//! | [`#[shared_app]`](macro@shared_app) | a module with tables | an app whose tables exist in the shared schema, once |
//! | [`#[tenant_app]`](macro@tenant_app) | a module with tables | an app whose tables exist in the schema of each tenant |
//!
//! All mistakes are reported at once, on the tokens that they are in, with the fix.

mod app;
mod app_args;
mod attr;
mod cfg;
mod ctxt;
mod derive_domain;
mod derive_tenant;
mod diesel_attr;
mod domain_model;
mod field;
mod ident;
mod imports;
mod joins;
mod manifest;
mod migrations_dir;
mod model;
mod module;
mod schema_file;
mod table_tokens;
mod taken;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a Diesel model a tenant: implements `tenant_diesel::Tenant` and `tenant_diesel::TenantModel`.
///
/// The model is a struct with named fields that also derives Diesel's `Queryable` and `Selectable`, and
/// its table belongs to a [`#[shared_app]`](macro@shared_app), for a list of tenants exists once.
///
/// ```
/// use diesel::prelude::*;
/// use tenant_diesel::prelude::*;
///
/// #[shared_app(migrations = "tests/fixtures/migrations/customers")]
/// pub mod customers {
///     use super::*;
///
///     diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text, on_trial -> Bool } }
///
///     #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
///     #[diesel(table_name = clients)]
///     #[tenant(auto_create_schema = true, auto_drop_schema = false)]
///     pub struct Client {
///         pub id: i32,
///         pub schema_name: SchemaName,
///         pub name: String,
///         pub on_trial: bool,
///     }
/// }
///
/// use customers::Client;
///
/// fn main() -> Result<(), tenant_diesel::SchemaNameError> {
///     let acme = Client { id: 7, schema_name: "acme".parse()?, name: "Acme".into(), on_trial: true };
///     assert_eq!(acme.key(), 7);
///     assert_eq!(acme.schema_name().as_str(), "acme");
///     assert_eq!(Client::SCHEMA_COLUMN, "schema_name");
///     Ok(())
/// }
/// ```
///
/// # On the struct
///
/// | attribute | says | default |
/// |---|---|---|
/// | `#[tenant(auto_create_schema = bool)]` | whether inserting a tenant also creates its schema | `true` |
/// | `#[tenant(auto_drop_schema = bool)]` | whether deleting a tenant also drops its schema, with all data in it | `false` |
/// | `#[diesel(table_name = path)]` | the table, as for Diesel's derives | the struct's name in snake case and an `s` |
/// | `#[diesel(primary_key(a, b))]` | the columns of the primary key, as for Diesel's derives | `id` |
///
/// # On fields
///
/// | attribute | says |
/// |---|---|
/// | `#[tenant(schema_name)]` | this field holds the name of the tenant's schema. Not needed where it is called `schema_name`. Its type is `SchemaName`, or an alias of it |
/// | `#[tenant(domain)]` | this field holds the tenant's domain, a `DomainName`, where each tenant has just one: the model is then a `DomainColumn` too. For more than one, see [`#[derive(Domain)]`](macro@Domain) |
/// | `#[diesel(column_name = name)]` | the column, as for Diesel's derives: `name`, `r#type`, or a string |
/// | `#[diesel(serialize_as = type)]` | on a field of the key: the type that Diesel is given. The model's `Key` is this type |
///
/// # Keys
///
/// A key can have any type that Diesel can bind and that is `Clone`, `Debug` and `Send`: those that the
/// database makes, and those that the client makes, such as UUIDs. A key of several columns is a tuple
/// in the order of `primary_key(..)`, and rows are found by the names of these columns.
///
/// ```
/// # use diesel::prelude::*;
/// # use tenant_diesel::prelude::*;
/// #[shared_app(migrations = "tests/fixtures/migrations/customers")]
/// pub mod sites {
///     diesel::table! { sites (region, number) { region -> Text, number -> Int4, folder -> Text } }
/// }
///
/// #[derive(Tenant, Queryable, Selectable)]
/// #[diesel(table_name = sites::sites, primary_key(region, number))]
/// struct Site {
///     region: String,
///     number: i32,
///     #[tenant(schema_name)]
///     folder: SchemaName,
/// }
///
/// let site = Site { region: "eu".into(), number: 3, folder: "eu_3".parse()? };
/// assert_eq!(site.key(), ("eu".to_owned(), 3));
/// # Ok::<(), tenant_diesel::SchemaNameError>(())
/// ```
///
/// # Parameters
///
/// A model may have type, lifetime and const parameters. It is then a `TenantModel` for the types that
/// Diesel can read and bind, and where its lifetimes are `'static`.
#[proc_macro_derive(Tenant, attributes(tenant, diesel))]
pub fn derive_tenant(item: TokenStream) -> TokenStream {
    derive_tenant::derive_tenant_inner(item.into()).into()
}

/// Makes a Diesel model the domains of tenants: implements `tenant_diesel::Domain` and `tenant_diesel::DomainModel`.
///
/// The model is a struct with named fields that also derives Diesel's `Queryable` and `Selectable`, and its table
/// belongs to a [`#[shared_app]`](macro@shared_app).
///
/// ```
/// use diesel::prelude::*;
/// use tenant_diesel::prelude::*;
///
/// #[shared_app(migrations = "tests/fixtures/migrations/customers")]
/// pub mod customers {
///     use super::*;
///
///     diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }
///     diesel::table! {
///         domains (id) {
///             id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool, redirect_to_primary -> Bool,
///         }
///     }
///
///     #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
///     #[diesel(table_name = clients)]
///     pub struct Client { pub id: i32, pub schema_name: SchemaName }
///
///     #[derive(Domain, Queryable, Selectable, Identifiable, Debug, Clone)]
///     #[diesel(table_name = domains)]
///     #[domain(tenant = Client)]
///     pub struct ClientDomain {
///         pub id: i32,
///         pub domain: DomainName,
///         pub folder: Folder,
///         pub tenant_id: i32,
///         pub is_primary: bool,
///         pub redirect_to_primary: bool,
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let domain = customers::ClientDomain {
///         id: 1,
///         domain: "example.com".parse()?,
///         folder: "acme".parse()?,
///         tenant_id: 7,
///         is_primary: true,
///         redirect_to_primary: false,
///     };
///     assert_eq!(domain.absolute_url("/tasks"), "//example.com/acme/tasks");
///     assert_eq!(domain.tenant_key(), 7);
///     Ok(())
/// }
/// ```
///
/// # On the struct
///
/// | attribute | says | default |
/// |---|---|---|
/// | `#[domain(tenant = path)]` | the model of the tenants | required |
/// | `#[diesel(table_name = path)]` | the table, as for Diesel's derives | the struct's name in snake case and an `s` |
///
/// # On fields
///
/// | attribute | this field holds | not needed where it is called | type |
/// |---|---|---|---|
/// | `#[domain(host)]` | the domain | `domain`, `host` | `DomainName` |
/// | `#[domain(folder)]` | the folder, where tenants share a host. Optional | `folder` | `Folder` |
/// | `#[domain(tenant_key)]` | the tenant's primary key. On several fields where it has several columns, in their order | `tenant_id` | that of the key |
/// | `#[domain(primary)]` | whether it is the tenant's primary domain | `is_primary` | `bool` |
/// | `#[domain(redirect_to_primary)]` | whether who comes here is sent to the primary one. Optional | `redirect_to_primary` | `bool` |
/// | `#[diesel(column_name = name)]` | | | the column, as for Diesel's derives |
#[proc_macro_derive(Domain, attributes(domain, diesel))]
pub fn derive_domain(item: TokenStream) -> TokenStream {
    derive_domain::derive_domain_inner(item.into()).into()
}

/// Makes a module an app whose tables exist in the shared schema, once: qualifies its tables with that
/// schema, marks them, and embeds the app's migrations.
///
/// Qualified tables are why the path of a tenant's connection does not contain the shared schema: a
/// query finds them by name, and a table that is missing in a tenant is an error, not the rows of
/// everybody.
///
/// ```
/// use diesel::prelude::*;
/// use tenant_diesel::{App, AppScope, ScopedTable, Table, shared_app};
///
/// #[shared_app(migrations = "tests/fixtures/migrations/customers")]
/// pub mod customers {
///     diesel::table! { clients (id) { id -> Int4, name -> Text } }
/// }
///
/// let query = customers::clients::table.select(customers::clients::name);
/// let sql = diesel::debug_query::<diesel::pg::Pg, _>(&query).to_string();
/// assert!(sql.starts_with(r#"SELECT "public"."clients"."name" FROM "public"."clients""#));
///
/// // The module now has a `pub struct App`, and each table knows its app.
/// assert_eq!((customers::App::NAME, customers::App::SCOPE), ("customers", AppScope::Shared));
/// assert_eq!(customers::App::migration_versions(), ["20240101000000"]);
/// let clients = Table { schema: Some("public"), name: "clients" };
/// assert_eq!(<customers::clients::table as ScopedTable>::TABLE, clients);
/// ```
///
/// # Arguments
///
/// | argument | says |
/// |---|---|
/// | `migrations = "path"` | the directory of the app's migrations. Required |
/// | `public_schema = "name"` | the shared schema, if it is not `public`: a name that is a Rust identifier and no keyword, for `table!` takes no other |
/// | `schema = "path"` | a file that `diesel print-schema` generated |
/// | `tables(a, b)` | the tables to take from that file |
///
/// Paths are relative to the crate's `Cargo.toml`.
///
/// # Tables in the module
///
/// Every `diesel::table!` in the module belongs to the app, at any depth of modules written in braces,
/// under any path or imported name, in any brackets. Its attributes, its `cfg` and its names are kept. A
/// table that is qualified already stays as it is if that is the shared schema; another schema is a
/// mistake.
///
/// A macro sees only what is written inside the braces. `mod name;` and `include!` in the module are
/// mistakes; a `table!` that another macro expands to, and one in the body of a function, are not seen
/// and do not belong to the app. A module inside that is an app itself keeps its tables.
///
/// # Tables from a generated file
///
/// ```
/// use diesel::prelude::*;
/// use tenant_diesel::tenant_app;
///
/// #[tenant_app(
///     migrations = "tests/fixtures/migrations/todo",
///     schema = "tests/fixtures/schema.rs",
///     tables(tasks, labels)
/// )]
/// pub mod todo {}
///
/// let query = todo::labels::table.inner_join(todo::tasks::table).select(todo::tasks::title);
/// # let _ = query;
/// ```
///
/// The file is read, not compiled, and a change of it builds the crate again. What comes out of it:
///
/// - the tables named. A name can be that of the table (`posts`), or carry the modules around it where
///   several have it (`shop::posts`). All tables are put at the top of the app's module. What they are
///   qualified with in the file (`print-schema --schema shop` writes `shop.posts`) is replaced by the
///   shared schema in a shared app, and stripped otherwise.
/// - the custom types that these tables use, as a module `sql_types`. They stay as they are, schema and
///   all: a type belongs in a shared schema, with its name written out, for Diesel looks up the identity
///   of a type once per connection. One that `print-schema` found in the schema of a single tenant names
///   that tenant's schema, and fails in every other: move it to a shared schema. Each app has types of
///   its own in this way; where two apps share one, write `use crate::other_app::sql_types;` or a module
///   `sql_types` into the second, and the file's types are not taken.
/// - each `joinable!` whose two tables are in the module, and `allow_tables_to_appear_in_same_query!`
///   narrowed to the tables in the module.
///
/// Joins between tables of two apps are yours to write: import the tables, and call `joinable!` and
/// `allow_tables_to_appear_in_same_query!` where both are visible.
///
/// # Migrations
///
/// Embedded as by `diesel_migrations::embed_migrations!`. The directory must hold nothing but files and
/// migrations: directories `<timestamp>_<name>` with an `up.sql`. A missing directory, another entry, and
/// two migrations of one version are mistakes.
///
/// A changed file of a migration builds the crate again. A *new* migration cannot: it is noticed at the
/// next change of a source file, or at once with this in `build.rs`:
///
/// ```
/// println!("cargo:rerun-if-changed=migrations");
/// ```
///
/// # Both scopes
///
/// A module with both attributes, in either order, is one app whose tables exist twice: in the shared
/// schema and in each tenant's. They are not qualified (`public_schema` then has no effect), and a query
/// says which it means by the connection that it runs on. Arguments are given in one of the attributes,
/// or in both alike.
///
/// ```
/// use tenant_diesel::{App, AppScope, shared_app, tenant_app};
///
/// #[shared_app(migrations = "tests/fixtures/migrations/todo")]
/// #[tenant_app]
/// pub mod todo {
///     diesel::table! { tasks (id) { id -> Int8, title -> Text } }
/// }
///
/// assert_eq!(todo::App::SCOPE, AppScope::Both);
/// assert_eq!(todo::App::TABLES[0].schema, None);
/// ```
///
/// # What the module gets
///
/// `pub struct App`, which implements `tenant_diesel::App` (its name is that of the module, without
/// `r#`) and `tenant_diesel::EmbeddedApp`; and for each table an impl of `tenant_diesel::ScopedTable`,
/// under the `cfg` of the table. An app may have no tables.
#[proc_macro_attribute]
pub fn shared_app(args: TokenStream, item: TokenStream) -> TokenStream {
    app::shared_app_inner(args.into(), item.into()).into()
}

/// Makes a module an app whose tables exist in the schema of each tenant: leaves its tables without a
/// schema, so that the path of the connection finds them, marks them, and embeds the app's migrations.
///
/// ```
/// use diesel::prelude::*;
/// use tenant_diesel::{App, AppScope, tenant_app};
///
/// #[tenant_app(migrations = "tests/fixtures/migrations/todo")]
/// pub mod todo {
///     diesel::table! { shop.tasks (id) { id -> Int8, title -> Text, done -> Bool } }
/// }
///
/// // The schema that `print-schema --schema shop` wrote is gone.
/// let query = todo::tasks::table.select(todo::tasks::title);
/// let sql = diesel::debug_query::<diesel::pg::Pg, _>(&query).to_string();
/// assert!(sql.starts_with(r#"SELECT "tasks"."title" FROM "tasks""#));
/// assert_eq!((todo::App::NAME, todo::App::SCOPE), ("todo", AppScope::Tenant));
/// ```
///
/// # Arguments
///
/// | argument | says |
/// |---|---|
/// | `migrations = "path"` | the directory of the app's migrations. Required |
/// | `schema = "path"` | a file that `diesel print-schema` generated |
/// | `tables(a, b)` | the tables to take from that file |
///
/// Paths are relative to the crate's `Cargo.toml`. The rest is as for
/// [`#[shared_app]`](macro@shared_app): which tables are found, what is taken from a generated file, how
/// migrations are embedded, and what both attributes on one module mean.
#[proc_macro_attribute]
pub fn tenant_app(args: TokenStream, item: TokenStream) -> TokenStream {
    app::tenant_app_inner(args.into(), item.into()).into()
}
