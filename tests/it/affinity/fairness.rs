//! Nobody starves: many threads, few connections, and most of the work for few tenants.

use super::*;
use std::sync::Barrier;
use std::time::Instant;

#[test]
fn sixty_four_threads_on_four_connections_all_get_their_share() {
    const THREADS: usize = 64;
    const READS: usize = 40;
    let fixture = affine(4);
    let names = names("t", 16);
    let tenants = fixture.tagged(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    let (tenancy, tenants) = (&fixture.tenancy, &tenants);
    let together = Barrier::new(THREADS);
    let waits: Vec<Vec<Duration>> = std::thread::scope(|threads| {
        let each = (0..THREADS).map(|i| {
            let together = &together;
            threads.spawn(move || {
                let mut random = fastrand::Rng::with_seed(i as u64);
                together.wait();
                let read = |_| {
                    // Half of all reads are for one tenant, a quarter for the next.
                    let skewed = (random.u32(..).trailing_zeros() as usize).min(tenants.len() - 1);
                    let tenant = &tenants[skewed];
                    let start = Instant::now();
                    let mut conn = tenancy.get(tenant).unwrap();
                    let waited = start.elapsed();
                    assert_eq!(titles(&mut conn).unwrap(), [tenant.name.as_str()]);
                    waited
                };
                (0..READS).map(read).collect()
            })
        });
        let each: Vec<_> = each.collect();
        each.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let all: Vec<Duration> = waits.iter().flatten().copied().collect();
    let mean = all.iter().sum::<Duration>() / u32::try_from(all.len()).unwrap();
    let longest = all.iter().max().copied().unwrap();
    report(&format!(
        "{THREADS} threads, 4 connections: mean wait {mean:?}, longest {longest:?}, {:.1} times the mean",
        longest.as_secs_f64() / mean.as_secs_f64()
    ));
    let metrics = tenancy.pool().metrics();
    assert_eq!(metrics.timeouts, 0);
    assert!(metrics.waits > 0 && metrics.longest_wait >= mean, "{metrics:?}");
    // First come, first served: whoever waits, waits for at most the sixty others before it. Against r2d2's own
    // queue, where a thread that gives a connection back takes it again, the longest wait is hundreds of times the mean.
    let queue = THREADS as f64 / 4.0;
    assert!(
        longest.as_secs_f64() < queue * mean.as_secs_f64(),
        "{longest:?} against {mean:?}"
    );
}

#[expect(
    clippy::print_stderr,
    reason = "the number is what the test is for, as much as its bound"
)]
fn report(line: &str) {
    eprintln!("{line}");
}
