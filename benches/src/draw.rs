//! [`Draw`]: whose requests come, and in which order. The same seed gives the same requests to each variant.

use crate::apps::KEYS;
use fastrand::Rng;

/// Which tenants requests are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    /// Always the first.
    Same,
    /// Any of so many, all equally often.
    Uniform(usize),
    /// Any of so many, the n-th 1/n as often as the first.
    Zipf(usize),
}

/// A request: the tenant's number, and the key of the rows that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) tenant: usize,
    pub(crate) key: i64,
}

impl Draw {
    /// How many tenants may be drawn.
    pub(crate) fn tenants(self) -> usize {
        match self {
            Self::Same => 1,
            Self::Uniform(tenants) | Self::Zipf(tenants) => tenants,
        }
    }

    /// So many requests.
    pub(crate) fn requests(self, seed: u64, count: usize) -> Vec<Request> {
        let mut rng = Rng::with_seed(seed);
        let weights = match self {
            Self::Zipf(tenants) => cumulative_weights(tenants),
            Self::Same | Self::Uniform(_) => Vec::new(),
        };
        let tenant = |rng: &mut Rng| match self {
            Self::Same => 0,
            Self::Uniform(tenants) => rng.usize(..tenants),
            Self::Zipf(tenants) => {
                let total = weights.last().copied().unwrap_or_default();
                let point = rng.f64() * total;
                weights
                    .partition_point(|weight| *weight <= point)
                    .min(tenants - 1)
            }
        };
        (0..count)
            .map(|_| Request {
                tenant: tenant(&mut rng),
                key: rng.i64(1..=KEYS),
            })
            .collect()
    }

    /// One request for each tenant, in any order.
    pub(crate) fn everybody(self, seed: u64) -> Vec<Request> {
        let mut rng = Rng::with_seed(seed);
        let mut requests: Vec<_> = (0..self.tenants())
            .map(|tenant| Request {
                tenant,
                key: rng.i64(1..=KEYS),
            })
            .collect();
        rng.shuffle(&mut requests);
        requests
    }
}

fn cumulative_weights(tenants: usize) -> Vec<f64> {
    let mut sum = 0.0;
    (1..=tenants)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(draw: Draw) -> Vec<f64> {
        const COUNT: usize = 100_000;
        let mut drawn = vec![0.0; draw.tenants()];
        for request in draw.requests(7, COUNT) {
            assert!((1..=KEYS).contains(&request.key));
            drawn[request.tenant] += 1.0 / COUNT as f64;
        }
        drawn
    }

    #[test]
    fn a_uniform_draw_gives_each_tenant_its_share() {
        for share in shares(Draw::Uniform(10)) {
            assert!((share - 0.1).abs() < 0.01, "{share}");
        }
    }

    #[test]
    fn in_a_zipf_draw_the_second_tenant_comes_half_as_often_as_the_first() {
        let shares = shares(Draw::Zipf(100));
        // The hundredth harmonic number is 5.187.
        assert!((shares[0] - 1.0 / 5.187).abs() < 0.01, "{}", shares[0]);
        assert!((shares[1] - 0.5 / 5.187).abs() < 0.01, "{}", shares[1]);
    }

    #[test]
    fn a_seed_repeats_its_draw() {
        let draw = Draw::Zipf(100);
        assert_eq!(draw.requests(1, 50), draw.requests(1, 50));
        assert_ne!(draw.requests(1, 50), draw.requests(2, 50));
    }

    #[test]
    fn everybody_comes_once() {
        let mut tenants: Vec<_> = Draw::Uniform(50)
            .everybody(1)
            .iter()
            .map(|request| request.tenant)
            .collect();
        tenants.sort_unstable();
        assert_eq!(tenants, (0..50).collect::<Vec<_>>());
    }
}
