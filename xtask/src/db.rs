//! `cargo xtask db`: a PostgreSQL to try things on.

use std::io;

use tenant_testing::Postgres;

use crate::Result;
use crate::shell;

pub(crate) fn run() -> Result {
    let postgres = Postgres::start()?;
    shell::say(&postgres.url());
    // Ctrl-C ends this process, and that ends the server too.
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}
