//! This library, through its public interface: `Tenancy::migrate`.

use crate::Result;
use crate::apps::customers::{self, Client};
use crate::apps::shop;
use crate::site::POOL;
use crate::start_up::StartUp;
use tenant_diesel::{Tenancy, r2d2};

struct Ours(Tenancy<Client>);

pub(super) fn open(url: &str) -> Result<Box<dyn StartUp>> {
    let tenancy = Tenancy::builder()
        .app::<customers::App>()
        .app::<shop::App>()
        .r2d2(r2d2::Pool::builder().max_size(POOL))
        .connect(url)?;
    Ok(Box::new(Ours(tenancy)))
}

impl StartUp for Ours {
    fn start(&mut self) -> Result<usize> {
        Ok(self.0.migrate()?.applied())
    }
}
