//! A database of its own for each test.
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

#[derive(Debug)]
pub struct Database { name: String }
impl Database {
    pub fn url(&self) -> String { format!("postgres://postgres@127.0.0.1:54999/{}", self.name) }
}
impl Drop for Database {
    fn drop(&mut self) {
        if let Ok(mut c) = PgConnection::establish("postgres://postgres@127.0.0.1:54999/postgres") { let _ = c.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)); }
    }
}
pub fn database() -> Database {
    use std::sync::atomic::*;
    static N: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), N.fetch_add(1, Ordering::Relaxed));
    let mut c = PgConnection::establish("postgres://postgres@127.0.0.1:54999/postgres").unwrap();
    c.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY wal_log")).unwrap();
    Database { name }
}
