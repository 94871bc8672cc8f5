//! Sessions and users, in the schema of the customer that the connection is on.
//!
//! A session is a row in that schema. The same cookie shown to another customer's site is looked up in another schema,
//! and is nobody there. No `WHERE` clause does this, and none can forget to.

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use tenant_diesel::TenantConnection;

use crate::apps::accounts::{sessions, users};
use crate::token;

diesel::define_sql_function! { fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text }

/// Somebody who is logged in.
#[derive(Queryable, Selectable, Debug, Clone)]
#[diesel(table_name = users)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// Adds a user. A unique violation says that the name is taken.
pub(crate) fn register(conn: &mut TenantConnection, name: &str, password_hash: &str) -> QueryResult<User> {
    diesel::insert_into(users::table)
        .values((users::name.eq(name), users::password_hash.eq(password_hash)))
        .returning(User::as_returning())
        .get_result(conn)
}

/// The user of this name, and what the password is stored as.
pub(crate) fn find(conn: &mut TenantConnection, name: &str) -> QueryResult<Option<(User, String)>> {
    users::table
        .filter(lower(users::name).eq(lower(name)))
        .select((User::as_select(), users::password_hash))
        .first(conn)
        .optional()
}

/// Begins a session, and clears away those that are over. The token goes to the browser, and its hash is kept.
pub(crate) fn begin(conn: &mut TenantConnection, user: &User, token: &str) -> QueryResult<()> {
    diesel::delete(sessions::table.filter(sessions::expires_at.le(now.into_sql::<Timestamptz>())))
        .execute(conn)?;
    diesel::insert_into(sessions::table)
        .values((
            sessions::token_hash.eq(token::hash(token)),
            sessions::user_id.eq(user.id),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whose session this is, if it is one here and not over.
pub(crate) fn user_of(conn: &mut TenantConnection, token: &str) -> QueryResult<Option<User>> {
    sessions::table
        .inner_join(users::table)
        .filter(sessions::token_hash.eq(token::hash(token)))
        .filter(sessions::expires_at.gt(now.into_sql::<Timestamptz>()))
        .select(User::as_select())
        .first(conn)
        .optional()
}

/// Ends a session.
pub(crate) fn end(conn: &mut TenantConnection, token: &str) -> QueryResult<()> {
    diesel::delete(sessions::table.find(token::hash(token))).execute(conn)?;
    Ok(())
}
