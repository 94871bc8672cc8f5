//! [`Executor`]: who runs the schemas of a wave, and on how many threads.

use super::work::Work;
use std::num::NonZeroUsize;
use std::thread;

/// Runs the schemas of a wave. [`Sequential`] and [`Parallel`] are there; write your own to use threads that you have.
///
/// An executor calls [`Work::run_next`] until it says that nothing is left, on as many threads as it likes, and
/// returns when all of them are done. Each call takes one connection from the pool for its time; a call that finds none
/// free while others are at work says that nothing is left.
///
/// ```
/// use tenant_diesel::{Executor, Work};
///
/// #[derive(Debug)]
/// struct TwoThreads;
///
/// impl Executor for TwoThreads {
///     fn execute(&self, work: &Work<'_>) {
///         std::thread::scope(|scope| {
///             scope.spawn(|| while work.run_next() {});
///             while work.run_next() {}
///         });
///     }
/// }
/// ```
pub trait Executor: Send + Sync {
    /// Runs all of it.
    fn execute(&self, work: &Work<'_>);
}

/// One schema after the other, on the thread that called.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

impl Executor for Sequential {
    fn execute(&self, work: &Work<'_>) {
        while work.run_next() {}
    }
}

/// Several schemas at once, each on a thread and a connection of its own. Never more than the pool has connections.
#[derive(Clone, Copy, Debug)]
pub struct Parallel {
    threads: NonZeroUsize,
}

impl Parallel {
    /// So many threads. Zero counts as one.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self {
            threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

impl Default for Parallel {
    /// As many threads as the machine has cores: the work is the server's, which mostly has more.
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

impl Executor for Parallel {
    fn execute(&self, work: &Work<'_>) {
        let threads = self.threads.get().min(work.connections()).min(work.left());
        thread::scope(|scope| {
            for _ in 1..threads {
                // A thread that cannot be had is one less.
                let _fewer = thread::Builder::new().spawn_scoped(scope, || while work.run_next() {});
            }
            while work.run_next() {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_threads_are_one() {
        assert_eq!(Parallel::new(0).threads.get(), 1);
        assert!(Parallel::default().threads.get() >= 1);
    }
}
