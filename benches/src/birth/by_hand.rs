//! The same DDL as the migrations, in one transaction, one message a migration: and nothing else, or what makes a tenant of it.

use super::Birthplace;
use crate::Result;
use crate::apps::LEDGER;
use crate::apps::customers::Client;
use diesel::connection::SimpleConnection;
use diesel::migration::CREATE_MIGRATIONS_TABLE;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::marker::PhantomData;
use tenant_diesel::EmbeddedApp;

struct ByHand<A, const AS_TENANT: bool>(PgConnection, PhantomData<A>);

/// With a ledger and the row of the tenant, or without.
pub(super) fn open<A: EmbeddedApp + 'static, const AS_TENANT: bool>(
    url: &str,
) -> Result<Box<dyn Birthplace>> {
    Ok(Box::new(ByHand::<A, AS_TENANT>(
        PgConnection::establish(url)?,
        PhantomData,
    )))
}

impl<A: EmbeddedApp, const AS_TENANT: bool> Birthplace for ByHand<A, AS_TENANT> {
    fn create(&mut self, tenant: &Client) -> Result {
        let Self(conn, _) = self;
        let Client {
            id,
            schema_name,
            name,
        } = tenant;
        let schema = schema_name.quoted();
        // Constraints at once: what rows were written to cannot be altered while a check of them is to come.
        let mut begin = format!(
            "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; CREATE SCHEMA {schema}; SET LOCAL search_path TO {schema}"
        );
        if AS_TENANT {
            begin += &format!(
                "; INSERT INTO public.clients (id, schema_name, name) VALUES ({id}, '{schema_name}', '{name}'); \
                 {CREATE_MIGRATIONS_TABLE}"
            );
        }
        conn.batch_execute(&begin)?;
        for file in A::FILES {
            match AS_TENANT {
                true => conn.batch_execute(&format!(
                    "{}; INSERT INTO {LEDGER} (version) VALUES ('{}')",
                    file.up, file.version
                ))?,
                false => conn.batch_execute(file.up)?,
            }
        }
        Ok(conn.batch_execute("COMMIT")?)
    }
}
