//! [`LintRule`]: what is looked for in migrations, why, and what to write instead.

use std::fmt;

/// What [`lint`](crate::lint()) looks for. Its text is the id that a comment allows it by: `set-search-path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LintRule {
    /// `SET search_path`, and whatever else changes the path of the session.
    SetSearchPath,
    /// A schema's name in what a tenant's migration makes, changes or refers to.
    HardCodedSchema,
    /// `CREATE`, `DROP` or `ALTER SCHEMA` in a tenant app.
    SchemaInTenantApp,
    /// `CREATE EXTENSION` in a tenant app.
    ExtensionInTenantApp,
    /// `CREATE TYPE` or `CREATE DOMAIN` in a tenant app.
    TypeInTenantApp,
    /// A foreign key from a tenant's table to a shared one.
    ForeignKeyToSharedTable,
    /// `DROP TABLE IF EXISTS` in a tenant app.
    DropTableIfExists,
    /// `CREATE FUNCTION .. SET search_path = public` in a tenant app.
    FunctionSearchPath,
    /// `CONCURRENTLY`, `VACUUM` and the like in a file that runs in a transaction.
    NotInTransaction,
    /// `BEGIN`, `COMMIT` or `ROLLBACK` in a file that runs in a transaction.
    TransactionControl,
    /// A comment that allows a rule, but gives no reason or names no rule.
    AllowComment,
}

impl LintRule {
    /// All rules.
    pub const ALL: [Self; 11] = [
        Self::SetSearchPath,
        Self::HardCodedSchema,
        Self::SchemaInTenantApp,
        Self::ExtensionInTenantApp,
        Self::TypeInTenantApp,
        Self::ForeignKeyToSharedTable,
        Self::DropTableIfExists,
        Self::FunctionSearchPath,
        Self::NotInTransaction,
        Self::TransactionControl,
        Self::AllowComment,
    ];

    /// The id, for comments and machines.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::SetSearchPath => "set-search-path",
            Self::HardCodedSchema => "hard-coded-schema",
            Self::SchemaInTenantApp => "schema-in-tenant-app",
            Self::ExtensionInTenantApp => "extension-in-tenant-app",
            Self::TypeInTenantApp => "type-in-tenant-app",
            Self::ForeignKeyToSharedTable => "foreign-key-to-shared-table",
            Self::DropTableIfExists => "drop-table-if-exists",
            Self::FunctionSearchPath => "function-search-path",
            Self::NotInTransaction => "not-in-transaction",
            Self::TransactionControl => "transaction-control",
            Self::AllowComment => "allow-comment",
        }
    }

    /// The rule with this id.
    ///
    /// ```
    /// use tenant_diesel::LintRule;
    ///
    /// assert_eq!(LintRule::from_id("set-search-path"), Some(LintRule::SetSearchPath));
    /// assert_eq!(LintRule::from_id("no-such-rule"), None);
    /// ```
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.id() == id)
    }

    /// Why it is looked for.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::SetSearchPath => {
                "the path of a migration is set by the library; with another, what follows is done in another schema"
            }
            Self::HardCodedSchema => {
                "the file is run for every tenant, and a schema that it names is the same one each time: the second \
                 tenant fails, or all write to one place, and a clone or a renamed schema still points there"
            }
            Self::SchemaInTenantApp => {
                "schemas of tenants are made, renamed and dropped by the library, together with their rows; the file is \
                 run once for every tenant, and a schema exists once in the database"
            }
            Self::ExtensionInTenantApp => {
                "an extension exists once in a database: the first tenant gets it into its own schema, the others find \
                 it taken or see nothing of it, and it goes with the first tenant"
            }
            Self::TypeInTenantApp => {
                "each tenant gets a type with a number of its own, and Diesel remembers one for a connection: \
                 connections must be opened anew between tenants, which is slow"
            }
            Self::ForeignKeyToSharedTable => {
                "each tenant's migration, birth and deletion locks the shared table against writes of everybody, and a \
                 row of it is deleted by asking every tenant's table"
            }
            Self::DropTableIfExists => {
                "if the table is not there, this schema is not what its ledger says, and nobody hears of it; where \
                 `public` is behind the tenant's schema, a shared table of the name is dropped"
            }
            Self::FunctionSearchPath => {
                "the function looks in that schema whichever tenant calls it, and not in the tenant's own"
            }
            Self::NotInTransaction => "PostgreSQL refuses it in a transaction, which this file runs in",
            Self::TransactionControl => {
                "the file runs in a transaction together with its row in the ledger; ending that leaves half of it done \
                 and nothing recorded"
            }
            Self::AllowComment => {
                "nobody can tell later whether the reason still holds, or the rule stays silent"
            }
        }
    }

    /// What to write instead.
    #[must_use]
    pub const fn instead(self) -> &'static str {
        match self {
            Self::SetSearchPath => {
                "leave it out: names without a schema mean the tenant's in a tenant app, and the shared schema's in a \
                 shared app; move what belongs to the other into an app of that kind"
            }
            Self::HardCodedSchema => {
                "leave the schema out, so that the path chooses the tenant's; what exists once belongs in a shared app"
            }
            Self::SchemaInTenantApp => {
                "make schemas for all in a migration of a shared app; those of tenants by `Tenancy::create`, `update` \
                 and `delete`"
            }
            Self::ExtensionInTenantApp => {
                "create it in a shared app, in a schema of its own, and name that by `.extension_schema(..)`"
            }
            Self::TypeInTenantApp => {
                "create it in a shared app, in a schema of its own that `.extension_schema(..)` puts into each path and \
                 `#[diesel(postgres_type(schema = \"..\"))]` names; or use TEXT with a CHECK"
            }
            Self::ForeignKeyToSharedTable => {
                "keep the key in a plain column with an index, and check it in the application; or allow it where the \
                 shared table is small and hardly written"
            }
            Self::DropTableIfExists => "`DROP TABLE`, which fails where something is wrong",
            Self::FunctionSearchPath => {
                "leave it out, or `SET search_path FROM CURRENT`, which keeps the path of the migration"
            }
            Self::NotInTransaction => {
                "put it into a migration of its own whose metadata.toml says `run_in_transaction = false`"
            }
            Self::TransactionControl => {
                "leave it out; or, where the file must not be one transaction, say `run_in_transaction = false` in its \
                 metadata.toml"
            }
            Self::AllowComment => "`-- tenancy: allow(rule-id, rule-id) the reason`",
        }
    }
}

impl fmt::Display for LintRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
