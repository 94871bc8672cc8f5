//! [`Events`]: the handlers of an application. They are set before anything runs, so that no lock is needed to run
//! them, and a panic in one leaves nothing behind.

use super::{BoxError, Event, Moment};
use crate::Error;
use std::fmt;
use tenant_core::SchemaName;

type Handler = Box<dyn Fn(&mut Event<'_>) -> Result<(), BoxError> + Send + Sync>;

/// The handlers, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Events {
    before_commit: Listed,
    after_commit: Listed,
}

#[derive(Default)]
struct Listed {
    handlers: Vec<(Moment, Handler)>,
    /// One bit for each moment that somebody listens to.
    moments: u32,
}

impl Listed {
    fn push(&mut self, moment: Moment, handler: Handler) {
        self.moments |= moment.bit();
        self.handlers.push((moment, handler));
    }

    fn of(&self, moment: Moment) -> impl Iterator<Item = &Handler> {
        let of_it = self.handlers.iter().filter(move |(of, _)| *of == moment);
        of_it.map(|(_, handler)| handler)
    }
}

impl Events {
    pub(crate) fn on(
        &mut self,
        moment: Moment,
        handler: impl Fn(&mut Event<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) {
        self.before_commit.push(moment, Box::new(handler));
    }

    pub(crate) fn after_commit(
        &mut self,
        moment: Moment,
        handler: impl Fn(&mut Event<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) {
        self.after_commit.push(moment, Box::new(handler));
    }

    /// The first handler that waits for a commit at a moment that has none.
    pub(crate) fn in_vain(&self) -> Option<Moment> {
        let mut moments = self.after_commit.handlers.iter().map(|(moment, _)| *moment);
        moments.find(|moment| !moment.is_committed())
    }

    /// Whether a handler is to be run at this moment: costs a branch, where firing costs an event.
    pub(crate) fn listens(&self, moment: Moment) -> bool {
        self.before_commit.moments & moment.bit() != 0
    }

    /// Runs the handlers of a moment, in order, until one fails: that is [`Error::Handler`], and the caller stops
    /// or undoes what it does.
    pub(crate) fn fire(&self, mut event: Event<'_>) -> Result<(), Error> {
        let moment = event.moment();
        if !self.listens(moment) {
            return Ok(());
        }
        for handler in self.before_commit.of(moment) {
            handler(&mut event).map_err(|source| Error::Handler {
                moment,
                schema: event.schema().clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// A scope of a tenant was entered: a branch where nobody listens.
    pub(crate) fn activated(&self, schema: &SchemaName) -> Result<(), Error> {
        if self.listens(Moment::Activated) {
            self.fire(Event::new(Moment::Activated, schema))?;
        }
        Ok(())
    }

    /// Runs the handlers that wait for the commit, in order and all of them, whichever fails.
    pub(crate) fn fire_committed(&self, mut event: Event<'_>) -> Result<(), Error> {
        let moment = event.moment();
        if self.after_commit.moments & moment.bit() == 0 {
            return Ok(());
        }
        let schema = event.schema();
        let mut failures = self
            .after_commit
            .of(moment)
            .filter_map(|handler| handler(&mut event).err());
        match failures.next() {
            None => Ok(()),
            Some(source) => Err(Error::AfterCommit {
                moment,
                schema: schema.clone(),
                source,
                others: failures.collect(),
            }),
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moments = |listed: &Listed| {
            listed
                .handlers
                .iter()
                .map(|(moment, _)| *moment)
                .collect::<Vec<_>>()
        };
        f.debug_struct("Events")
            .field("on", &moments(&self.before_commit))
            .field("after_commit", &moments(&self.after_commit))
            .finish()
    }
}
