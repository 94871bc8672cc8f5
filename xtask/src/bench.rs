//! `cargo xtask bench`: what the library costs, beside the same work by hand. `benches/README.md` says how.

use crate::Result;
use crate::shell::{self, cargo};

/// The arguments are for the benchmark.
pub(crate) fn run(arguments: &[String]) -> Result {
    let mut bench = cargo(["run", "--release", "--package", "tenant-bench", "--"]);
    shell::run(bench.args(arguments))
}
