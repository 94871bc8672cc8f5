//! [`Adoption`]: an existing schema, or the tables of a single-tenant application, become a tenant.

use super::own_locks::{Locked, OwnLock};
use super::patience::Attempted;
use super::{isolation, names, states};
use crate::connection::PublicConnection;
use crate::migrate::{ledger, lock};
use crate::model::{NewTenant, TenantModel};
use crate::{Error, Moment, SchemaKind, Tenancy, sql};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use tenant_core::{AppScope, SchemaName};

/// What becomes a tenant: see [`Tenancy::adopt`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Adoption {
    source: Source,
    baseline: Option<Baseline>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Schema,
    SharedTables,
}

#[derive(Clone, Debug)]
struct Baseline {
    version: String,
    reason: String,
}

impl Adoption {
    /// The schema of the new tenant's name exists already, with its tables.
    pub fn existing_schema() -> Self {
        Self {
            source: Source::Schema,
            baseline: None,
        }
    }

    /// The tables of the tenant apps are in the shared schema, as those of an application that had one tenant. They
    /// are moved into a new schema, with their partitions, indexes, constraints and sequences; foreign keys in both directions
    /// follow. So are the rows of the ledger that tell of the tenant apps' migrations. What no app has a `table!` of stays
    /// (views, functions, other tables): move it in a handler of [`Moment::Adopted`], or before.
    ///
    /// Tables of apps that are both shared and tenant apps stay: the new schema gets its own at the next `migrate`.
    pub fn shared_tables() -> Self {
        Self {
            source: Source::SharedTables,
            baseline: None,
        }
    }

    /// Where there is no ledger: the tables are as the migrations of the tenant apps made them, up to this version
    /// and with it. The reason is kept as the comment of the ledger.
    pub fn baseline(mut self, version: impl Into<String>, reason: impl Into<String>) -> Self {
        self.baseline = Some(Baseline {
            version: version.into(),
            reason: reason.into(),
        });
        self
    }
}

/// Why something cannot become a tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotAdopt {
    /// Nothing tells which migrations were applied.
    #[error(
        "there is no ledger of the tenant apps' migrations: say up to which version its tables are, with `baseline`"
    )]
    NoLedger,
    /// A baseline was given where a ledger says more.
    #[error("there is a ledger of the tenant apps' migrations: leave out `baseline`")]
    HasLedger,
    /// The baseline is no migration of the tenant apps.
    #[error("the tenant apps have no migration {0}")]
    UnknownVersion(String),
    /// The tables are not there which all these migrations would have made.
    #[error("these tables of the tenant apps are missing: {}", .0.join(", "))]
    TablesMissing(Vec<String>),
}

impl<T: TenantModel> Tenancy<T> {
    /// Makes a tenant of what exists: its row is inserted, and the schema of that name becomes its own, with all data in
    /// it, or is made of tables in the shared schema. All or nothing.
    ///
    /// The ledger is taken as it is: what is pending then is applied by the next
    /// [`migrate`](Tenancy::migrate) or [`migrate_tenant`](Tenancy::migrate_tenant).
    ///
    /// Handlers hear of [`Moment::Adopting`] and [`Moment::Adopted`].
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::Adoption;
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # tenancy.with_public(|conn| diesel::connection::SimpleConnection::batch_execute(conn,
    /// #     "CREATE TABLE tasks (id BIGSERIAL PRIMARY KEY, title TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT false)"))?;
    /// let how = Adoption::shared_tables().baseline("20260101000000", "was a single-tenant application");
    /// let acme = tenancy.adopt(new_client("acme")?, &how)?;
    /// let tasks = tenancy.with_tenant(&acme, |conn| todo::tasks::table.count().get_result::<i64>(conn))?;
    /// # assert_eq!(tasks, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::CannotAdopt`]; [`Error::SchemaMissing`] where there is no such schema, [`Error::SchemaExists`]
    /// where one was to be made; else as [`Tenancy::create`]. In each case nothing was changed, but for
    /// [`Error::AfterCommit`].
    pub fn adopt<N: NewTenant<T>>(&self, new: N, adoption: &Adoption) -> Result<T, Error> {
        let adopted = self
            .with_public(|conn| isolation::read_committed(conn, |conn| self.adopt_in(conn, new, adoption)));
        let tenant = self.explained(adopted)?;
        let schema = tenant.schema_name();
        self.pool().shelf().verify_all();
        self.tell_directories(schema);
        self.heed_custom_types(Some(schema));
        self.run_after_commit(Moment::Adopted, schema)?;
        Ok(tenant)
    }

    fn adopt_in<N: NewTenant<T>>(
        &self,
        conn: &mut PublicConnection,
        new: N,
        adoption: &Adoption,
    ) -> Result<T, Error> {
        OwnLock::refuse(
            self.records(),
            Locked::Births,
            "adopt a tenant",
            self.public_schema(),
        )?;
        lock::births(conn.raw()).map_err(Error::attempt("wait for births", self.public_schema()))?;
        let _births = OwnLock::hold(self.records(), Locked::Births);
        let tenant = new
            .insert(conn)
            .map_err(Error::attempt("insert the tenant", self.public_schema()))?;
        let schema = tenant.schema_name();
        self.lock_free_name(conn, schema, true, adoption.source == Source::SharedTables)?;
        let _own = OwnLock::hold(self.records(), Locked::Schema(schema));
        self.tell(Moment::Adopting, schema)?;
        let what = Attempted {
            action: "adopt the schema",
            schema,
        };
        self.births().waits.patiently(conn, what, |conn| {
            match adoption.source {
                Source::Schema => self.take_schema(conn, schema, adoption.baseline.as_ref())?,
                Source::SharedTables => self.move_tables(conn, schema, adoption.baseline.as_ref())?,
            }
            self.has_all_tables(conn, schema)?;
            let (records, pg) = (self.records(), conn.raw());
            records
                .ensure(pg)
                .and_then(|()| records.remove(pg, schema))
                .and_then(|()| records.note(pg, schema, SchemaKind::Tenant))
                .map_err(Error::attempt("note the state of the schema", schema))
        })?;
        self.tell_on(conn, Moment::Adopted, schema, None)?;
        Ok(tenant)
    }

    fn take_schema(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        baseline: Option<&Baseline>,
    ) -> Result<(), Error> {
        let pg = conn.raw();
        let failed = || Error::attempt("look at the schema", schema);
        if !names::schema_exists(pg, schema).map_err(failed())? {
            return Err(Error::SchemaMissing {
                schema: schema.clone(),
            });
        }
        let has_ledger = states::has_ledger(pg, schema).map_err(failed())?;
        match baseline {
            None if has_ledger => Ok(()),
            None => Err(cannot(schema, CannotAdopt::NoLedger)),
            Some(_) if has_ledger => Err(cannot(schema, CannotAdopt::HasLedger)),
            Some(baseline) => self.set_baseline(conn, schema, baseline),
        }
    }

    fn move_tables(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        baseline: Option<&Baseline>,
    ) -> Result<(), Error> {
        let public = self.public_schema();
        let tables = self.tables_of_tenants_only();
        self.has_tables(conn, schema, public, &tables)?;
        let pg = conn.raw();
        let parts = parts(pg, public, &tables).map_err(Error::attempt("look for partitions", schema))?;
        let parts = parts.iter().map(|part| part.name.as_str());
        let mut statements = vec![format!("CREATE SCHEMA {}", schema.quoted())];
        statements.extend(tables.iter().copied().chain(parts).map(|table| {
            format!(
                "ALTER TABLE {}.{} SET SCHEMA {}",
                public.quoted(),
                sql::identifier(table),
                schema.quoted()
            )
        }));
        pg.batch_execute(&statements.join("; "))
            .map_err(Error::attempt("move the tables of the tenant apps", schema))?;
        let moved = self.move_ledger(conn, schema)?;
        match baseline {
            None if moved > 0 => Ok(()),
            None => Err(cannot(schema, CannotAdopt::NoLedger)),
            Some(_) if moved > 0 => Err(cannot(schema, CannotAdopt::HasLedger)),
            Some(baseline) => self.set_baseline(conn, schema, baseline),
        }
    }

    /// Moves the rows of the tenant apps' migrations to the ledger of the schema. How many there were.
    ///
    /// A version that a shared app has too says nothing of the tenant apps: it is copied if others were moved.
    fn move_ledger(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<usize, Error> {
        let public = self.public_schema();
        let shared = self.versions(AppScope::is_shared);
        let of_tenants = self.versions(|scope| !scope.is_shared());
        let (both, own): (Vec<_>, Vec<_>) = of_tenants
            .into_iter()
            .partition(|version| shared.contains(version));
        let pg = conn.raw();
        let moved = ledger::create(pg, schema).and_then(|()| {
            if !states::has_ledger(pg, public)? {
                return Ok(0);
            }
            let (from, to) = (ledger::table(public), ledger::table(schema));
            let moved = diesel::sql_query(format!(
                "WITH moved AS (DELETE FROM {from} WHERE version = ANY ($1) RETURNING version, run_on) \
                 INSERT INTO {to} (version, run_on) SELECT version, run_on FROM moved"
            ))
            .bind::<Array<Text>, _>(own)
            .execute(pg)?;
            if moved > 0 {
                diesel::sql_query(format!(
                    "INSERT INTO {to} (version, run_on) SELECT version, run_on FROM {from} WHERE version = ANY ($1)"
                ))
                .bind::<Array<Text>, _>(both)
                .execute(pg)?;
            }
            Ok(moved)
        });
        moved.map_err(Error::attempt("move the ledger of the tenant apps", schema))
    }

    fn set_baseline(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        baseline: &Baseline,
    ) -> Result<(), Error> {
        // What a schema of its own needs of apps that are in both is not there where tables were moved.
        let versions = self.versions(|scope| scope.is_tenant());
        if !versions.contains(&baseline.version) {
            return Err(cannot(
                schema,
                CannotAdopt::UnknownVersion(baseline.version.clone()),
            ));
        }
        let pg = conn.raw();
        let comment = format!("baseline {}: {}", baseline.version, baseline.reason);
        let comment = sql::constant(&comment);
        let table = ledger::table(schema);
        let noted = ledger::create(pg, schema).and_then(|()| {
            for version in versions.iter().filter(|version| **version <= baseline.version) {
                pg.batch_execute(&ledger::insert_sql(schema, version))?;
            }
            pg.batch_execute(&format!("COMMENT ON TABLE {table} IS {comment}"))
        });
        noted.map_err(Error::attempt("note the baseline", schema))
    }

    /// Refuses a schema whose ledger holds every migration, and which lacks a table.
    fn has_all_tables(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<(), Error> {
        let applied = ledger::versions(conn.raw(), schema)
            .map_err(Error::attempt("read the ledger of the schema", schema))?;
        let versions = self.versions(|scope| scope.is_tenant());
        if !versions.iter().all(|version| applied.contains(version)) {
            return Ok(());
        }
        let apps = self.registry().apps().iter();
        let tables: Vec<&str> = apps
            .filter(|app| app.scope.is_tenant())
            .flat_map(|app| app.tables.iter().map(|table| table.name))
            .collect();
        self.has_tables(conn, schema, schema, &tables)
    }

    fn has_tables(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        place: &SchemaName,
        tables: &[&str],
    ) -> Result<(), Error> {
        let mut missing = Vec::new();
        for table in tables {
            let name = format!("{}.{}", place.quoted(), sql::identifier(table));
            let exists = names::table_exists(conn.raw(), &name)
                .map_err(Error::attempt("look for the tables of the tenant apps", schema))?;
            if !exists {
                missing.push(format!("{place}.{table}"));
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(cannot(schema, CannotAdopt::TablesMissing(missing)))
        }
    }

    fn tables_of_tenants_only(&self) -> Vec<&'static str> {
        let apps = self.registry().apps().iter();
        apps.filter(|app| app.scope == AppScope::Tenant)
            .flat_map(|app| app.tables.iter().map(|table| table.name))
            .collect()
    }

    fn versions(&self, of: impl Fn(AppScope) -> bool) -> Vec<String> {
        let apps = self.registry().apps().iter();
        let mut versions: Vec<String> = apps
            .filter(|app| of(app.scope))
            .flat_map(|app| app.migration_versions.iter().cloned())
            .collect();
        versions.sort();
        versions
    }
}

#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The partitions of these tables, and what inherits from them, at any depth, in the same schema: they hold rows of the
/// tables, and do not follow them by themselves.
fn parts(pg: &mut PgConnection, public: &SchemaName, tables: &[&str]) -> QueryResult<Vec<Part>> {
    diesel::sql_query(
        "WITH RECURSIVE part AS (SELECT c.oid, c.relname, c.relnamespace FROM pg_catalog.pg_class c \
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p') \
         UNION SELECT c.oid, c.relname, c.relnamespace FROM part \
           JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid \
           JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relnamespace = part.relnamespace) \
         SELECT relname::text AS name FROM part WHERE relname <> ALL ($2) ORDER BY 1",
    )
    .bind::<Text, _>(public.as_str())
    .bind::<Array<Text>, _>(tables)
    .load(pg)
}

fn cannot(schema: &SchemaName, why: CannotAdopt) -> Error {
    Error::CannotAdopt {
        schema: schema.clone(),
        why,
    }
}
