//! Real servers.
use std::time::Instant;
use tenant_testing::*;
#[test]
fn timing() {
    for _ in 0..3 {
        let t = Instant::now();
        let p = Postgres::start().unwrap();
        eprintln!("start {:?}", t.elapsed());
        for _ in 0..5 {
            let t = Instant::now();
            let d = p.database().unwrap();
            eprintln!("database {:?}", t.elapsed());
            let t = Instant::now();
            let _c = d.connect().unwrap();
            eprintln!("connect {:?}", t.elapsed());
            let t = Instant::now();
            drop(d);
            eprintln!("drop database {:?}", t.elapsed());
        }
        let t = Instant::now();
        drop(p);
        eprintln!("end {:?}", t.elapsed());
    }
    let t = Instant::now();
    let _p = Postgres::shared().unwrap();
    eprintln!("shared {:?}", t.elapsed());
}
