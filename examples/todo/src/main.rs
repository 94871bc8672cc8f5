//! `cargo run -p todo`, then open <http://localhost:3000>. Ctrl-C ends it, and the PostgreSQL that it started.

mod logs;
mod server;
mod stop;

use std::io::{Write, stdout};

use todo::{App, Config};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result {
    logs::to_standard_error();
    let (config, is_drawn) = Config::from_environment()?;
    // Ends last: what is still running at the end may need it.
    let server = server::find_or_start()?;
    let (address, base, password) = (config.address, config.base.clone(), config.admin_password.clone());
    let app = App::start(config, server.url())?;
    let runtime = Runtime::new()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        let mut out = stdout().lock();
        writeln!(out, "\n  http://{base}:{port}/")?;
        if is_drawn {
            writeln!(
                out,
                "  http://{base}:{port}/admin (any name, password {password})"
            )?;
        }
        writeln!(out)?;
        drop(out);
        app.serve(listener, stop::asked()).await
    });
    // Waits for customers that are being created.
    drop(runtime);
    drop(server);
    served
}
