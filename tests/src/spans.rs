//! [`spans_of`]: in which spans a thread was.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Runs a closure and tells what its thread did with spans meanwhile: `+ job tenant=acme` where it entered one, `-` where
/// it left one. Spans of other crates than `tenant_*` are not told.
pub fn spans_of<R>(f: impl FnOnce() -> R) -> (Vec<String>, R) {
    let told = Arc::new(Mutex::new(Told::default()));
    let listener = Listener {
        told: Arc::clone(&told),
        next: AtomicU64::new(1),
    };
    let value = tracing::subscriber::with_default(listener, f);
    let told = std::mem::take(&mut told.lock().unwrap().lines);
    (told, value)
}

#[derive(Default)]
struct Told {
    spans: Vec<(u64, String)>,
    lines: Vec<String>,
}

struct Listener {
    told: Arc<Mutex<Told>>,
    next: AtomicU64,
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ok = write!(self.0, " {field}={value:?}");
    }
}

impl Listener {
    fn tell(&self, sign: char, id: &Id) {
        let mut told = self.told.lock().unwrap();
        let span = told.spans.iter().find(|(known, _)| *known == id.into_u64());
        if let Some((_, span)) = span {
            let line = match sign {
                '+' => format!("+ {span}"),
                _ => "-".to_owned(),
            };
            told.lines.push(line);
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("tenant_")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        self.told.lock().unwrap().spans.push((id, text.0));
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        self.tell('+', id);
    }

    fn exit(&self, id: &Id) {
        self.tell('-', id);
    }
}
