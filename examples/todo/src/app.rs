//! [`App`]: the application, put together: tenancy, directory, routing, and the routes of each kind of site.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use tenant_diesel::{Moment, SchemaName, StaticTenant, Tenancy, TenantDirectory, r2d2};
use tenant_http::{HttpRouting, TenantLayer, TenantRouter};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use crate::apps::{accounts, blog as blog_app, customers, todo};
use crate::births::Births;
use crate::config::Config;
use crate::{admin, blog, customer, headers, origin, pages, public};

/// How many customers are created at once.
const BIRTHS_AT_ONCE: usize = 2;
/// How long requests may take to end when the application is stopped.
const GRACE: Duration = Duration::from_secs(10);

/// What all handlers share.
pub(crate) type Shared = Arc<App>;

/// The application: connected, migrated, ready to serve.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) tenancy: Tenancy<customers::Client>,
    pub(crate) directory: TenantDirectory<customers::Client>,
    pub(crate) births: Arc<Births>,
    pub(crate) turns_of_births: Arc<Semaphore>,
}

impl App {
    /// Connects to the database, and applies what is pending to the shared schema, the blog and every customer. Blocks, so
    /// call it before there is a runtime.
    ///
    /// # Errors
    ///
    /// The database cannot be reached, or a migration failed.
    pub fn start(config: Config, database_url: &str) -> Result<Arc<Self>, Box<dyn Error + Send + Sync>> {
        let births = Arc::new(Births::default());
        let blog = StaticTenant::new(SchemaName::new("blog")?)
            .domain(tenant_diesel::Hostname::parse(&format!("blog.{}", config.base))?)
            .app::<blog_app::App>();
        let mut builder = Tenancy::<customers::Client>::builder()
            .r2d2(r2d2::Pool::builder().max_size(config.connections))
            .app::<customers::App>()
            .app::<accounts::App>()
            .app::<todo::App>()
            .static_app::<blog_app::App>()
            .static_tenant(blog);
        for moment in [
            Moment::Creating,
            Moment::MigratingSchema,
            Moment::ApplyingMigration,
            Moment::Created,
        ] {
            let births = Arc::clone(&births);
            builder = builder.on(moment, move |event| {
                births.hear(event);
                Ok(())
            });
        }
        let tenancy = builder.connect(database_url)?;
        let report = tenancy.migrate()?;
        tracing::info!("{report}");
        let directory = tenancy.directory::<customers::ClientDomain>().build()?;
        Ok(Arc::new(Self {
            config,
            tenancy,
            directory,
            births,
            turns_of_births: Arc::new(Semaphore::new(BIRTHS_AT_ONCE)),
        }))
    }

    /// All routes. Which of them a request meets, its host decides.
    ///
    /// # Errors
    ///
    /// The routing contradicts itself.
    pub fn router(self: &Arc<Self>) -> Result<Router, Box<dyn Error + Send + Sync>> {
        let routing = HttpRouting::builder(self.tenancy.registry())
            .public_at(self.config.base.clone())
            .by_host()
            .build()?;
        // Inside the tenant's span, so that what is refused is logged with tenant and host.
        let site = |routes: Router<Shared>| routes.layer(from_fn(origin::check)).with_state(Arc::clone(self));
        let sites = TenantRouter::new()
            .public(site(public::routes().merge(admin::routes())))
            .tenant(site(customer::routes()))
            .static_tenant("blog", site(blog::routes()))
            .layer(TenantLayer::new(&self.tenancy, self.directory.clone(), routing));
        // What is the same at every host, and must work where no tenant is served, is not routed to one.
        Ok(Router::new()
            .route("/healthz", get(async || "ok\n"))
            .merge(pages::assets())
            .fallback_service(sites)
            .layer(from_fn(pages::dress))
            .layer(from_fn(headers::add)))
    }

    /// Serves until `stop` is ready; then lets requests end, for a while.
    ///
    /// # Errors
    ///
    /// The routing contradicts itself, or the socket failed.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (stopping, stopped) = oneshot::channel();
        let stop = async move {
            stop.await;
            tracing::info!("stopping");
            // Nobody waits for it if serving has ended by itself.
            let _ended = stopping.send(());
        };
        let serving = axum::serve(listener, self.router()?).with_graceful_shutdown(stop);
        let patience = async {
            match stopped.await {
                Ok(()) => tokio::time::sleep(GRACE).await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = serving => Ok(served?),
            () = patience => {
                tracing::warn!("some requests did not end, and were cut off");
                Ok(())
            }
        }
    }
}
