//! The trigger for changes that the library does not make: it writes what [`Notice::payload`](super::Notice::payload)
//! does. The function it calls is in [the library's own schema](crate::records).

use super::DirectoryBuilder;
use crate::sql;

impl<T> DirectoryBuilder<T> {
    /// The SQL of triggers on the table of tenants and that of domains, by which all directories hear of what is changed
    /// there without the library: by hand, by another program, or by your own queries. For a migration of a shared app.
    /// Without them, directories learn of such a change when what they know is [overdue](Self::ttl).
    ///
    /// Changes that the library makes are told without it.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let sql = tenancy.directory::<customers::ClientDomain>().trigger_sql();
    /// assert!(sql.contains(r#"ON "public"."domains" FOR EACH ROW"#));
    /// tenancy.with_public(|conn| diesel::connection::SimpleConnection::batch_execute(conn, &sql))?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn trigger_sql(&self) -> String {
        let function = format!("{}.tell_directories", self.library_schema().quoted());
        let triggers = self.source().told_by().into_iter().map(|(table, columns)| {
            let arguments = columns
                .iter()
                .flat_map(|(kind, column)| [sql::literal(kind), sql::literal(column)])
                .collect::<Vec<_>>()
                .join(", ");
            format!(
                "DROP TRIGGER IF EXISTS tell_directories ON {table};\n\
                 CREATE TRIGGER tell_directories AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW\n    \
                 EXECUTE FUNCTION {function}({arguments});\n\
                 DROP TRIGGER IF EXISTS tell_directories_of_all ON {table};\n\
                 CREATE TRIGGER tell_directories_of_all AFTER TRUNCATE ON {table} FOR EACH STATEMENT\n    \
                 EXECUTE FUNCTION {function}();\n"
            )
        });
        triggers.collect()
    }
}
