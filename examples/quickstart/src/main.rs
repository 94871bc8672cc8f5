//! Two customers, one database, and no way to mix them up.
//!
//! `cargo run -p quickstart` starts a PostgreSQL of its own; with `DATABASE_URL` set it uses that server.
#![expect(
    clippy::print_stdout,
    reason = "a demonstration talks to the person who runs it"
)]

mod apps;
mod server;

use apps::{customers, todo};
use diesel::prelude::*;
use tenant_diesel::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let server = server::find_or_start()?;
    let tenancy = Tenancy::<customers::Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .connect(server.url())?;

    println!("\n1. A start-up: what is pending is applied to the shared schema, then to every tenant.");
    let report = tenancy.migrate()?;
    println!("   {report}");

    println!("\n2. A birth: a row in `public.clients`, a schema, and the tables in it; all or nothing.");
    let acme = customer(&tenancy, "acme", "Acme Ltd")?;
    let globex = customer(&tenancy, "globex", "Globex Inc")?;

    println!("\n3. A request: the same code for each customer; the connection decides whose rows it meets.");
    add_task(&tenancy, &acme, "call Bob")?;
    add_task(&tenancy, &globex, "order paint")?;
    for client in [&acme, &globex] {
        let titles = tenancy.with_tenant(client, titles)?;
        println!("   {} reads its tasks: {titles:?}", client.name);
    }

    println!("\n4. What if one is asked for the other's data?");
    let found = tenancy.with_tenant(&acme, |conn| {
        todo::tasks::table
            .filter(todo::tasks::title.eq("order paint"))
            .count()
            .get_result::<i64>(conn)
    })?;
    println!(
        "   {} looks for the task of {}: {found} found.",
        acme.name, globex.name
    );
    let nobody = tenancy.with_schema(&SchemaName::new("initech")?, titles);
    println!("   A customer that does not exist: {}.", refusal(nobody));
    let shared = tenancy.with_public(|conn| todo::tasks::table.count().get_result::<i64>(conn));
    println!("   Tasks where no customer was chosen: {}.", refusal(shared));
    println!(
        "   And `fn titles(conn: &mut TenantConnection)` called with a public connection does not compile."
    );

    println!("\n5. The shared schema, once for all: who are the customers?");
    let clients = tenancy.with_public(|conn| {
        customers::clients::table
            .select(customers::clients::name)
            .order(customers::clients::id)
            .load::<String>(conn)
    })?;
    println!("   {clients:?}\n");
    Ok(())
}

/// The customer of this name, created if this is the first run on this server.
fn customer(tenancy: &Tenancy<customers::Client>, schema: &str, name: &str) -> Result<customers::Client> {
    let schema_name = SchemaName::new(schema)?;
    if let Some(client) = tenancy.find_by_schema(&schema_name)? {
        println!(
            "   {} is here already, in schema `{}`.",
            client.name, client.schema_name
        );
        return Ok(client);
    }
    let client = tenancy.create(customers::NewClient {
        schema_name,
        name: name.into(),
        on_trial: true,
    })?;
    println!("   {} got schema `{}`.", client.name, client.schema_name);
    Ok(client)
}

/// Adds a task, unless an earlier run on this server did.
fn add_task(tenancy: &Tenancy<customers::Client>, client: &customers::Client, title: &str) -> Result<()> {
    tenancy.transaction(client, |conn| {
        if !titles(conn)?.iter().any(|known| known == title) {
            diesel::insert_into(todo::tasks::table)
                .values(todo::tasks::title.eq(title))
                .execute(conn)?;
        }
        QueryResult::Ok(())
    })?;
    Ok(())
}

fn titles(conn: &mut TenantConnection) -> QueryResult<Vec<String>> {
    todo::tasks::table
        .select(todo::tasks::title)
        .order(todo::tasks::id)
        .load(conn)
}

fn refusal<R>(result: tenant_diesel::Result<R>) -> String {
    match result {
        Ok(_) => "answered, which must not be".to_owned(),
        Err(error) => format!("refused ({error})"),
    }
}
