//! Nobody starves: many threads, few connections, and most of the work for few tenants.

use super::*;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const THREADS: usize = 64;
const READS: usize = 40;

/// How long a checkout waited, and how many others came in meanwhile.
struct Wait {
    time: Duration,
    others: usize,
}

#[test]
fn sixty_four_threads_on_four_connections_all_get_their_turn() {
    let fixture = affine(4);
    let names = names("t", 16);
    let tenants = fixture.tagged(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    let (tenancy, tenants) = (&fixture.tenancy, &tenants);
    let (together, served) = (&Barrier::new(THREADS), &AtomicUsize::new(0));
    let waits: Vec<Wait> = std::thread::scope(|threads| {
        let each = (0..THREADS).map(|i| {
            threads.spawn(move || {
                let mut random = fastrand::Rng::with_seed(i as u64);
                together.wait();
                let read = |_| {
                    // Half of all reads are for one tenant, a quarter for the next.
                    let skewed = (random.u32(..).trailing_zeros() as usize).min(tenants.len() - 1);
                    let tenant = &tenants[skewed];
                    let (start, before) = (Instant::now(), served.load(Ordering::SeqCst));
                    let mut conn = tenancy.get(tenant).unwrap();
                    let wait = Wait {
                        time: start.elapsed(),
                        others: served.fetch_add(1, Ordering::SeqCst) - before,
                    };
                    assert_eq!(titles(&mut conn).unwrap(), [tenant.name.as_str()]);
                    wait
                };
                (0..READS).map(read).collect::<Vec<_>>()
            })
        });
        let each: Vec<_> = each.collect();
        each.into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let mean = waits.iter().map(|wait| wait.time).sum::<Duration>() / u32::try_from(waits.len()).unwrap();
    let longest = waits.iter().map(|wait| wait.time).max().unwrap();
    let overtaken = waits.iter().map(|wait| wait.others).max().unwrap();
    report(&format!(
        "{THREADS} threads on 4 connections: a wait of {mean:?} in the mean, {longest:?} at the longest, which is {:.1} times \
         as much; at most {overtaken} others came in meanwhile",
        longest.as_secs_f64() / mean.as_secs_f64()
    ));
    let metrics = tenancy.pool().metrics();
    assert_eq!(metrics.timeouts, 0);
    assert!(
        metrics.waits > 0 && metrics.longest_wait > Duration::ZERO,
        "{metrics:?}"
    );
    // That they are let in strictly in turn is tried in `pool/gate.rs`. Here two cores run 64 threads, and one that was let in
    // may have to wait for a core while others come and go. Without the gate it is about half of all.
    assert!(
        overtaken < THREADS * READS / 3,
        "{overtaken} others were served first"
    );
}

#[expect(
    clippy::print_stderr,
    reason = "the number is what the test is for, as much as its bound"
)]
fn report(line: &str) {
    eprintln!("{line}");
}
