//! The schema's name in the query itself, on a connection of one's own: nothing is switched, so there is no round trip
//! beside the query's. A name that is known only at run time takes Diesel's raw SQL, which is never prepared, and a text
//! that the application puts together; `table!` knows only names that are known when it compiles.

use crate::Result;
use crate::apps::customers::Client;
use crate::site::Route;
use crate::variants::{Variant, Worker};
use crate::work::Work;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

struct Qualified {
    url: String,
}

struct Dedicated(PgConnection);

#[derive(QueryableByName)]
#[expect(dead_code, reason = "the rows are read, not used")]
struct Customer {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    category_id: i64,
}

pub(super) fn open(route: &Route<'_>) -> Result<Box<dyn Variant>> {
    let url = route.url.to_owned();
    Ok(Box::new(Qualified { url }))
}

impl Variant for Qualified {
    fn worker(&self) -> Result<Box<dyn Worker>> {
        Ok(Box::new(Dedicated(PgConnection::establish(&self.url)?)))
    }
}

impl Worker for Dedicated {
    fn request(&mut self, tenant: &Client, work: Work, key: i64) -> Result {
        if work != Work::Read {
            return Err("only the point read is written with qualified names".into());
        }
        let query = format!(
            "SELECT id, name, category_id FROM {}.customers WHERE id = $1 LIMIT 1",
            tenant.schema_name.quoted()
        );
        let query = diesel::sql_query(query).bind::<BigInt, _>(key);
        query.get_result::<Customer>(&mut self.0)?;
        Ok(())
    }
}
