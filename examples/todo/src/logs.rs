//! Log lines on the standard error. Those of a request carry `tenant` and `host`: the library's span around it has them.

use tracing_subscriber::EnvFilter;

/// What is logged if `RUST_LOG` does not say.
const DEFAULT: &str = "info";

/// Begins to log.
pub(crate) fn to_standard_error() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
