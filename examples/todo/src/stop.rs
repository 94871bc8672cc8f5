//! When to stop: Ctrl-C, or what a service manager sends (SIGTERM).

use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

/// Ends when somebody asks this program to.
pub(crate) async fn asked() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot listen for SIGTERM");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        pressed = ctrl_c() => if let Err(error) = pressed {
            tracing::warn!(%error, "cannot listen for Ctrl-C");
            std::future::pending::<()>().await;
        },
        () = terminated => {}
    }
}
