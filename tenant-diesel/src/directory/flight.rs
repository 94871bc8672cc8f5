//! [`Flights`]: one question for one key at a time. Who asks the same meanwhile waits for its answer, and for nobody else's.

use super::key::Key;
use crate::Error;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The questions that are under way.
#[derive(Debug)]
pub(super) struct Flights<A>(Mutex<HashMap<Key, Arc<Flight<A>>>>);

/// One question.
#[derive(Debug)]
struct Flight<A> {
    /// How much had changed when it was asked. Who asks later, when more has, does not want its answer.
    generation: u64,
    state: Mutex<State<A>>,
    landed: Condvar,
}

#[derive(Clone, Debug)]
enum State<A> {
    UnderWay,
    Answered(A),
    Failed(Arc<Error>),
    /// Who asked it panicked.
    Lost,
}

/// What somebody is to do who wants an answer.
enum Role<A> {
    Ask(Arc<Flight<A>>),
    Wait(Arc<Flight<A>>),
}

impl<A> Default for Flights<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A: Clone> Flights<A> {
    /// The answer for a key: that of `ask`, or of somebody who asks it already. How much had changed is `generation`.
    pub(super) fn answer(
        &self,
        key: &Key,
        generation: u64,
        ask: impl FnOnce() -> Result<A, Error>,
    ) -> Result<A, Error> {
        loop {
            let flight = match self.join(key, generation) {
                Role::Ask(flight) => {
                    let landing = Landing {
                        flights: self,
                        key,
                        flight,
                    };
                    return landing.with(ask());
                }
                Role::Wait(flight) => flight,
            };
            let mut state = flight.state.lock().unwrap_or_else(PoisonError::into_inner);
            while matches!(*state, State::UnderWay) {
                state = flight.landed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            match &*state {
                State::Answered(answer) => return Ok(answer.clone()),
                State::Failed(source) => {
                    return Err(Error::DirectoryFailed {
                        source: Arc::clone(source),
                    });
                }
                State::UnderWay | State::Lost => {}
            }
        }
    }

    fn join(&self, key: &Key, generation: u64) -> Role<A> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(key)
            && flight.generation == generation
        {
            return Role::Wait(Arc::clone(flight));
        }
        let flight = Arc::new(Flight {
            generation,
            state: Mutex::new(State::UnderWay),
            landed: Condvar::new(),
        });
        flights.insert(key.clone(), Arc::clone(&flight));
        Role::Ask(flight)
    }
}

/// Lets those go on who wait, whatever becomes of the question.
struct Landing<'f, A> {
    flights: &'f Flights<A>,
    key: &'f Key,
    flight: Arc<Flight<A>>,
}

impl<A: Clone> Landing<'_, A> {
    fn with(self, result: Result<A, Error>) -> Result<A, Error> {
        let (state, result) = match result {
            Ok(answer) => (State::Answered(answer.clone()), Ok(answer)),
            Err(error) => {
                let source = Arc::new(error);
                let state = State::Failed(Arc::clone(&source));
                (state, Err(source))
            }
        };
        *self.flight.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        let flight = Arc::clone(&self.flight);
        drop(self);
        result.map_err(|source| {
            // Nobody waits any more who has not been told, or nobody did.
            drop(flight);
            Arc::try_unwrap(source).unwrap_or_else(|source| Error::DirectoryFailed { source })
        })
    }
}

impl<A> Drop for Landing<'_, A> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have been taken over by a later one.
        if flights
            .get(self.key)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            flights.remove(self.key);
        }
        drop(flights);
        let mut state = self.flight.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::UnderWay) {
            *state = State::Lost;
        }
        drop(state);
        self.flight.landed.notify_all();
    }
}
