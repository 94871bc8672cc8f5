//! An application with customers, their domains, a blog, and handlers that do what handlers do.

use axum::Router;
use axum::body::Body;
use axum::extract::OriginalUri;
use axum::http::{Request, Response, Uri};
use axum::routing::get;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use http_body_util::BodyExt;
use std::time::Duration;
use tenant_diesel::prelude::*;
use tenant_diesel::{Hostname, StaticTenant, TenancyBuilder, TenantDirectory};
use tenant_http::routing::{Routing, RoutingBuilder};
use tenant_http::{
    Error, HttpRequest, PublicDb, PublicOnly, Routed, Tenant, TenantDb, TenantLayer, TenantRouter, Urls,
    current_tenant,
};
use tenant_testing::{Database, Postgres};
use tower::ServiceExt;

#[shared_app(migrations = "migrations/customers")]
pub(crate) mod customers {
    use super::*;

    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text } }
    diesel::table! {
        domains (id) {
            id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool, redirect_to_primary -> Bool,
        }
    }
    diesel::joinable!(domains -> clients (tenant_id));
    diesel::allow_tables_to_appear_in_same_query!(clients, domains);

    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = clients)]
    pub(crate) struct Client {
        pub(crate) id: i32,
        pub(crate) schema_name: SchemaName,
        pub(crate) name: String,
    }

    #[derive(Insertable)]
    #[diesel(table_name = clients)]
    pub(crate) struct NewClient {
        pub(crate) schema_name: SchemaName,
        pub(crate) name: String,
    }

    #[derive(Domain, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = domains)]
    #[domain(tenant = Client)]
    pub(crate) struct ClientDomain {
        pub(crate) id: i32,
        pub(crate) domain: DomainName,
        pub(crate) folder: Folder,
        pub(crate) tenant_id: i32,
        pub(crate) is_primary: bool,
        pub(crate) redirect_to_primary: bool,
    }

    #[derive(Insertable)]
    #[diesel(table_name = domains)]
    pub(crate) struct NewDomain {
        pub(crate) domain: DomainName,
        pub(crate) folder: Folder,
        pub(crate) tenant_id: i32,
        pub(crate) is_primary: bool,
        pub(crate) redirect_to_primary: bool,
    }
}
pub(crate) use customers::{Client, ClientDomain, NewClient, NewDomain};

#[tenant_app(migrations = "migrations/todo")]
pub(crate) mod todo {
    diesel::table! { tasks (id) { id -> Int8, title -> Text, done -> Bool } }
}

#[tenant_app(migrations = "migrations/blog")]
pub(crate) mod blog {
    diesel::table! { posts (id) { id -> Int8, title -> Text } }
}

/// The application on a database of its own.
pub(crate) struct Site {
    pub(crate) tenancy: Tenancy<Client>,
    pub(crate) directory: TenantDirectory<Client>,
    pub(crate) app: Router,
    // Last: connections are closed before it is dropped.
    pub(crate) database: Database,
}

pub(crate) type Rules = RoutingBuilder<std::sync::Arc<Client>, HttpRequest>;

pub(crate) fn host(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

pub(crate) fn schema(text: &str) -> SchemaName {
    SchemaName::new(text).unwrap()
}

/// The public site is `example.test`, routing is by host and folder, the pool has four connections.
pub(crate) fn site() -> Site {
    Site::with(
        |builder| builder,
        |rules| rules.by_host_and_folder(),
        |layer| layer,
    )
}

pub(crate) fn application() -> TenancyBuilder<Client> {
    let blog = StaticTenant::new(schema("blog"))
        .domain(host("blog.example.test"))
        .alias("news")
        .app::<blog::App>();
    Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .static_app::<blog::App>()
        .static_tenant(blog)
}

impl Site {
    pub(crate) fn with(
        builder: impl FnOnce(TenancyBuilder<Client>) -> TenancyBuilder<Client>,
        rules: impl FnOnce(Rules) -> Rules,
        layer: impl FnOnce(TenantLayer<Client>) -> TenantLayer<Client>,
    ) -> Self {
        let database = Postgres::shared().unwrap().database().unwrap();
        let pool = tenant_diesel::r2d2::Pool::builder()
            .max_size(4)
            .connection_timeout(Duration::from_secs(10));
        let tenancy = builder(application().r2d2(pool)).connect(database.url()).unwrap();
        tenancy.migrate().unwrap();
        let directory = tenancy.directory::<ClientDomain>().build().unwrap();
        let routing = Routing::builder(tenancy.registry()).public_at(host("example.test"));
        let layer = layer(TenantLayer::new(
            &tenancy,
            directory.clone(),
            rules(routing).build().unwrap(),
        ));
        let app = routes().layer(layer).route("/healthz", get(|| async { "well" }));
        Self {
            tenancy,
            directory,
            app,
            database,
        }
    }

    /// A customer at `NAME.example.test`, with one task that is called as it is.
    pub(crate) fn customer(&self, name: &str) -> Client {
        let client = self.without_domain(name);
        self.domain(&client, &format!("{name}.example.test"));
        client
    }

    pub(crate) fn without_domain(&self, name: &str) -> Client {
        let new = NewClient {
            schema_name: schema(name),
            name: name.to_owned(),
        };
        let client = self.tenancy.create(new).unwrap();
        self.tenancy
            .with_tenant(&client, |conn| {
                diesel::insert_into(todo::tasks::table)
                    .values(todo::tasks::title.eq(name))
                    .execute(conn)
            })
            .unwrap();
        client
    }

    /// A domain, `host` or `host/folder`.
    pub(crate) fn domain(&self, client: &Client, address: &str) -> ClientDomain {
        self.new_domain(client, address, false)
    }

    pub(crate) fn redirecting(&self, client: &Client, address: &str) -> ClientDomain {
        self.new_domain(client, address, true)
    }

    fn new_domain(&self, client: &Client, address: &str, redirect_to_primary: bool) -> ClientDomain {
        let (domain, folder) = address.split_once('/').unwrap_or((address, ""));
        let new = NewDomain {
            domain: domain.parse().unwrap(),
            folder: folder.parse().unwrap(),
            tenant_id: client.id,
            is_primary: false,
            redirect_to_primary,
        };
        self.tenancy.add_domain::<ClientDomain, _>(client, new).unwrap()
    }

    /// What is answered at a host.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Answer {
        let request = Request::builder().uri(path).header("host", host);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::read(self.app.clone().oneshot(request).await.unwrap()).await
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn routes() -> TenantRouter {
    let tenant = Router::new()
        .route("/", get(tasks))
        .route("/whole", get(whole))
        .route("/paths", get(paths))
        .route("/missing-row", get(missing_row))
        .route("/failing", get(failing))
        .route("/panic", get(panicking))
        .route("/panic-in-db", get(panicking_in_db))
        .route("/hold", get(hold))
        .route("/slow", get(slow))
        .route("/slow-connection", get(slow_connection))
        .route("/spawn", get(spawn))
        .route("/public-only", get(|_: PublicOnly| async { "public" }))
        .route("/socket", get(crate::sockets::socket));
    let public = Router::new()
        .route("/", get(|_: PublicOnly| async { "public" }))
        .route("/clients", get(clients))
        .route("/tasks", get(tasks))
        .route("/optional", get(optional))
        .route("/current", get(|| async { format!("{:?}", current_tenant()) }));
    let blog = Router::new()
        .route("/", get(posts))
        .route("/optional", get(optional))
        .route("/tasks", get(tasks));
    TenantRouter::new()
        .public(public)
        .tenant(tenant)
        .static_tenant("blog", blog)
}

fn titles(conn: &mut TenantConnection) -> QueryResult<Vec<String>> {
    todo::tasks::table
        .select(todo::tasks::title)
        .order(todo::tasks::id)
        .load(conn)
}

async fn tasks(Tenant(client): Tenant<Client>, db: TenantDb) -> Result<String, Error> {
    Ok(format!("{}: {}", client.name, db.run(titles).await?.join(",")))
}

/// Everything that says which tenant it is: all must agree.
async fn whole(Tenant(client): Tenant<Client>, db: TenantDb, routed: Routed) -> Result<String, Error> {
    let before = current_tenant().map(|tenant| tenant.to_string());
    let (rows, schema, inside) = db
        .transaction(|conn| {
            let rows = titles(conn)?;
            let schema = diesel::select(diesel::dsl::sql::<Nullable<Text>>("current_schema()::text"))
                .get_result::<Option<String>>(conn)?;
            QueryResult::Ok((rows, schema, current_tenant().map(|tenant| tenant.to_string())))
        })
        .await?;
    tokio::task::yield_now().await;
    let after = current_tenant().map(|tenant| tenant.to_string());
    let all = [
        Some(client.name.clone()),
        Some(client.schema_name.to_string()),
        routed.schema().map(ToString::to_string),
        schema,
        before,
        inside,
        after,
        Some(rows.join(",")),
    ];
    Ok(all.map(Option::unwrap_or_default).join(" "))
}

async fn paths(uri: Uri, OriginalUri(original): OriginalUri, urls: Urls) -> String {
    format!(
        "{uri} {original} {} {}",
        urls.path("/profile/"),
        urls.absolute("/profile/").unwrap_or_default()
    )
}

async fn missing_row(db: TenantDb) -> Result<String, Error> {
    let title = db
        .run(|conn| {
            todo::tasks::table
                .filter(todo::tasks::title.eq("nothing"))
                .select(todo::tasks::title)
                .first::<String>(conn)
        })
        .await?;
    Ok(title)
}

async fn failing(db: TenantDb) -> Result<String, Error> {
    db.run(|conn| diesel::sql_query("SELECT * FROM a_secret_table").execute(conn))
        .await?;
    Ok(String::new())
}

async fn panicking() -> String {
    std::panic::resume_unwind(Box::new("a handler, on purpose"))
}

async fn panicking_in_db(db: TenantDb) -> Result<String, Error> {
    db.run(|conn| -> QueryResult<String> {
        titles(conn)?;
        std::panic::resume_unwind(Box::new("a closure, on purpose"))
    })
    .await
    .map_err(Error::from)
}

/// Holds its connection until a lock is free that the test has.
async fn hold(db: TenantDb) -> Result<String, Error> {
    db.run(|conn| {
        diesel::sql_query("SELECT pg_catalog.pg_advisory_xact_lock_shared(4711)").execute(conn)?;
        titles(conn)
    })
    .await
    .map(|titles| titles.join(","))
    .map_err(Error::from)
}

/// Gives up waiting for its own query, which goes on.
async fn slow(Tenant(client): Tenant<Client>, db: TenantDb) -> String {
    let query = db.run(|conn| diesel::sql_query("SELECT pg_catalog.pg_sleep(0.02)").execute(conn));
    match tokio::time::timeout(Duration::from_millis(1), query).await {
        Ok(_) => "in time".to_owned(),
        Err(_) => format!("{} took too long", client.name),
    }
}

/// Keeps its connection for some time.
async fn slow_connection(db: TenantDb) -> Result<String, Error> {
    let titles = db
        .run(|conn| {
            diesel::sql_query("SELECT pg_catalog.pg_sleep(0.005)").execute(conn)?;
            titles(conn)
        })
        .await?;
    Ok(titles.join(","))
}

async fn spawn() -> String {
    let alone = tokio::spawn(async { current_tenant() }).await.unwrap();
    let carried = tokio::spawn(tenant_http::carry(async {
        tokio::task::yield_now().await;
        current_tenant()
    }));
    let carried = carried.await.unwrap().map(|tenant| tenant.to_string());
    format!("{alone:?} {carried:?}")
}

async fn clients(db: PublicDb) -> Result<String, Error> {
    let names = db
        .run(|conn| {
            customers::clients::table
                .select(customers::clients::name)
                .order(customers::clients::id)
                .load::<String>(conn)
        })
        .await?;
    Ok(names.join(","))
}

async fn optional(tenant: Option<Tenant<Client>>) -> String {
    tenant.map_or_else(|| "nobody".to_owned(), |tenant| tenant.name.clone())
}

async fn posts(db: TenantDb) -> Result<String, Error> {
    let posts = db
        .run(|conn| blog::posts::table.select(blog::posts::title).load::<String>(conn))
        .await?;
    Ok(format!("{}: {}", db.schema(), posts.join(",")))
}
