//! The blog: a static tenant, with routes, a schema and a table of its own. No customer has its table, and it has none of
//! theirs.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use diesel::prelude::*;
use diesel::sql_types::{Date, Text};
use maud::{Markup, Render, html};
use tenant_http::TenantDb;

use crate::app::Shared;
use crate::apps::blog::posts;
use crate::failure::Failure;
use crate::pages::Page;

diesel::define_sql_function! { fn to_char(date: Date, format: Text) -> Text }

/// As PostgreSQL is to write dates: 12 January 2026.
const DATE: &str = "FMDD FMMonth YYYY";

#[derive(Queryable)]
struct Post {
    slug: String,
    published: String,
    title: String,
    body: String,
}

/// Its routes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/", get(list)).route("/{slug}", get(show))
}

/// `GET /`
async fn list(db: TenantDb) -> Result<Markup, Failure> {
    let posts: Vec<Post> = db
        .run(|conn| {
            posts::table
                .order((posts::published.desc(), posts::slug))
                .select((
                    posts::slug,
                    to_char(posts::published, DATE),
                    posts::title,
                    posts::body,
                ))
                .load(conn)
        })
        .await?;
    let main = html! {
        h1 { "What is new" }
        ul.list {
            @for post in &posts {
                li { span.grow { a href={ "/" (post.slug) } { (post.title) } small { (post.published) } } }
            }
        }
    };
    Ok(page("What is new", main))
}

/// `GET /{slug}`
async fn show(db: TenantDb, Path(slug): Path<String>) -> Result<Markup, Failure> {
    let post: Option<Post> = db
        .run(move |conn| {
            posts::table
                .find(slug)
                .select((
                    posts::slug,
                    to_char(posts::published, DATE),
                    posts::title,
                    posts::body,
                ))
                .first(conn)
                .optional()
        })
        .await?;
    let post = post.ok_or(Failure::NotFound)?;
    let main = html! {
        article.post {
            h1 { (post.title) }
            p.soft { (post.published) }
            @for paragraph in post.body.split("\n\n") { p { (paragraph) } }
            p { a href="/" { "All posts" } }
        }
    };
    Ok(page(&post.title, main))
}

fn page(title: &str, main: Markup) -> Markup {
    Page {
        title,
        site: "The blog",
        main: Some(main),
        ..Page::default()
    }
    .render()
}
