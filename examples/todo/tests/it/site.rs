//! [`Site`]: the application on a port of its own, with a database of its own, until it is dropped.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use diesel::pg::PgConnection;
use tenant_testing::{Database, Postgres};
use todo::{App, Config};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The password of the admin page.
pub(crate) const PASSWORD: &str = "let me in";

/// The application, in a thread of this process.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    database: Database,
}

impl Site {
    /// Starts it on a port that is free.
    pub(crate) fn start() -> Self {
        Self::start_on(std::net::TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Starts it on the port that the README names, if that is free.
    #[cfg(feature = "browser")]
    pub(crate) fn start_as_in_the_readme() -> Self {
        std::net::TcpListener::bind("127.0.0.1:3000").map_or_else(|_| Self::start(), Self::start_on)
    }

    fn start_on(listener: std::net::TcpListener) -> Self {
        // What it logs, for those who ask: `RUST_LOG=info cargo test -p todo -- --nocapture`.
        let wanted = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into());
        let _begun = tracing_subscriber::fmt()
            .with_env_filter(wanted.from_env_lossy())
            .try_init();
        let database = Postgres::shared().unwrap().database().unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config::local(address, PASSWORD.to_owned()).unwrap();
        config.connections = 4;
        let app = App::start(config, database.url()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let stopped = async {
                    // Also if the test has panicked.
                    let _stopped = stopped.await;
                };
                app.serve(listener, stopped).await.unwrap();
            });
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
            database,
        }
    }

    /// Host and port, as they stand in a URL.
    pub(crate) fn host(&self, host: &str) -> String {
        format!("{host}:{}", self.address.port())
    }

    /// The URL of a path at a host.
    #[cfg(feature = "browser")]
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{}{path}", self.host(host))
    }

    /// The admin page, with the password in the URL.
    #[cfg(feature = "browser")]
    pub(crate) fn admin_url(&self) -> String {
        format!(
            "http://admin:{}@{}/admin",
            PASSWORD.replace(' ', "%20"),
            self.host("localhost")
        )
    }

    /// A connection to the database, as its superuser.
    pub(crate) fn connect(&self) -> PgConnection {
        self.database.connect().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the server panicked");
        }
    }
}
