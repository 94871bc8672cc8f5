//! The birth of a customer, in the background: row, domain and schema in one transaction, all or nothing.

use std::sync::Arc;

use diesel::prelude::*;
use tenant_diesel::{DomainName, Moment};
use tracing::Instrument;

use crate::app::{App, Shared};
use crate::apps::customers::{ClientDomain, NewClient, NewDomain};
use crate::births::Birth;
use crate::names::Subdomain;

/// A customer that can be.
#[derive(Debug)]
pub(super) struct NewCustomer {
    pub(super) name: String,
    pub(super) subdomain: Subdomain,
    pub(super) domain: DomainName,
    pub(super) plan_id: i32,
}

/// Lets a birth begin, and does not wait for it. What is under way is finished when the application is stopped.
pub(super) fn start(app: &Shared, new: NewCustomer) {
    let app = Arc::clone(app);
    let span = tracing::info_span!("birth", tenant = %new.subdomain.schema());
    let inner = span.clone();
    let birth = async move {
        let schema = new.subdomain.schema().clone();
        // Few at a time: each holds a connection that visitors would like to have.
        let turn = Arc::clone(&app.turns_of_births).acquire_owned().await;
        let worker = Arc::clone(&app);
        let born = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            inner.in_scope(|| bear(&worker, new))
        });
        let failure = match born.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) if error.is_taken() => Some(Birth::Taken),
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a birth failed");
                Some(Birth::Failed)
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a birth panicked");
                Some(Birth::Failed)
            }
        };
        app.births.end(&schema, failure);
    };
    tokio::spawn(birth.instrument(span));
}

fn bear(app: &App, new: NewCustomer) -> Result<(), tenant_diesel::Error> {
    let client = NewClient {
        schema_name: new.subdomain.schema().clone(),
        name: new.name,
        plan_id: new.plan_id,
    };
    let born = app.tenancy.with_public(|conn| {
        conn.transaction(|conn| {
            let born = app.tenancy.create_in(conn, client)?;
            let domain = NewDomain {
                domain: new.domain,
                tenant_id: born.id,
                is_primary: true,
                redirect_to_primary: false,
            };
            app.tenancy
                .add_domain_in::<ClientDomain, _>(conn, &born, domain)?;
            Ok::<_, tenant_diesel::Error>(born)
        })
    })?;
    // Somebody may have tried the address already, and that there was nobody is remembered: here, until it is heard.
    app.directory.invalidate(&born.schema_name);
    app.tenancy.run_after_commit(Moment::Created, &born.schema_name)?;
    tracing::info!("born");
    Ok(())
}
