//! [`Listener`]: a thread that hears of changes that other processes make, on a connection of its own.

use super::{Hears, Notice};
use crate::Error;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

/// How often it is looked whether something has arrived. Nothing is sent for that.
const POLL: Duration = Duration::from_millis(100);

/// How long it is waited before the first attempt to connect again, and before one of many. Each waits twice as long as the
/// one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The kernel asks a server that is silent for ten seconds whether it is there, and gives it up after fifteen more.
const KEEP_ALIVE: &str = "keepalives=1 keepalives_idle=10 keepalives_interval=5 keepalives_count=3";

/// Who is told, and told whether anything can be heard.
pub(super) trait Listens: Hears {
    fn is_listening(&self, is: bool);
}

/// The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    /// Nothing is ever sent: that it is gone is what is waited for.
    _ends_when_dropped: Sender<()>,
}

impl Listener {
    pub(super) fn start<L: Listens + 'static>(
        database_url: String,
        schema: SchemaName,
        hears: Weak<L>,
    ) -> Result<Self, Error> {
        let (sender, end) = channel();
        std::thread::Builder::new()
            .name("tenant directory".to_owned())
            .spawn(move || listen_until_the_end(&kept_alive(&database_url), &schema, &hears, &end))
            .map_err(|source| Error::DirectoryThread { source })?;
        Ok(Self {
            _ends_when_dropped: sender,
        })
    }
}

/// The directory is gone.
struct End;

fn listen_until_the_end<L: Listens>(url: &str, schema: &SchemaName, hears: &Weak<L>, end: &Receiver<()>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let start = Instant::now();
        let reason = match listen(url, schema, hears, end) {
            Ok(End) => return,
            Err(reason) => reason,
        };
        let Some(hears) = hears.upgrade() else { return };
        hears.is_listening(false);
        drop(hears);
        // The URL holds a password: what is logged is the server's word.
        tracing::warn!(
            reason,
            "a directory does not hear of changes now, and connects again; until then it believes what it knows for its time"
        );
        if start.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        if wait(end, pause).is_err() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens on one connection, as long as it lives.
fn listen<L: Listens>(
    url: &str,
    schema: &SchemaName,
    hears: &Weak<L>,
    end: &Receiver<()>,
) -> Result<End, String> {
    let mut pg = PgConnection::establish(url).map_err(|error| error.to_string())?;
    pg.batch_execute(&format!("LISTEN {}", schema.quoted()))
        .map_err(|error| error.to_string())?;
    let Some(first) = hears.upgrade() else {
        return Ok(End);
    };
    // What changed before is not told.
    first.hear(&[Notice::All]);
    first.is_listening(true);
    drop(first);
    loop {
        let mut notices = Vec::new();
        for notification in pg.notifications_iter() {
            let notification = notification.map_err(|error| error.to_string())?;
            let notice = Notice::read(&notification.payload);
            if !notices.contains(&notice) {
                notices.push(notice);
            }
        }
        if !notices.is_empty() {
            let Some(hears) = hears.upgrade() else {
                return Ok(End);
            };
            hears.hear(&notices);
        }
        if wait(end, POLL).is_err() {
            return Ok(End);
        }
    }
}

/// Waits, but not longer than the directory is there.
fn wait(end: &Receiver<()>, pause: Duration) -> Result<(), End> {
    match end.recv_timeout(pause) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(End),
    }
}

/// The URL with options that notice a server which has gone without a word, unless it has its own.
fn kept_alive(url: &str) -> String {
    if url.contains("keepalives") {
        return url.to_owned();
    }
    let is_uri = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !is_uri {
        return format!("{url} {KEEP_ALIVE}");
    }
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{}", KEEP_ALIVE.replace(' ', "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_added_to_urls_of_both_kinds_and_to_none_that_has_them() {
        for (url, start) in [
            (
                "postgres://u@h/db",
                "postgres://u@h/db?keepalives=1&keepalives_idle=10&",
            ),
            (
                "postgresql://h/db?sslmode=require",
                "postgresql://h/db?sslmode=require&keepalives=1&",
            ),
            (
                "host=h dbname=db",
                "host=h dbname=db keepalives=1 keepalives_idle=10 ",
            ),
        ] {
            assert!(kept_alive(url).starts_with(start), "{url}");
        }
        let own = "postgres://h/db?keepalives=0";
        assert_eq!(kept_alive(own), own);
    }
}
