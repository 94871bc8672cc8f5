//! The list: read, added to, ticked off, and swept.

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use diesel::dsl::not;
use diesel::prelude::*;
use maud::{Markup, Render, html};
use serde::Deserialize;
use tenant_diesel::TenantConnection;
use tenant_http::{Tenant, TenantDb};

use super::visitor::{Member, Visitor};
use crate::apps::accounts::users;
use crate::apps::customers::{Client, Plan, plans};
use crate::apps::todo::tasks;
use crate::failure::Failure;
use crate::pages;

/// The longest title.
const MAX_CHARACTERS: usize = 200;

#[derive(Queryable)]
struct Task {
    id: i64,
    title: String,
    done: bool,
    added_by: String,
}

/// What the page shows.
struct Shown {
    tasks: Vec<Task>,
    plan: Plan,
}

/// The tasks are in the customer's schema, the plan is in the shared one; one connection reads both.
fn read(conn: &mut TenantConnection, plan_id: i32) -> QueryResult<Shown> {
    Ok(Shown {
        tasks: tasks::table
            .inner_join(users::table)
            .order((tasks::done, tasks::id))
            .select((tasks::id, tasks::title, tasks::done, users::name))
            .load(conn)?,
        plan: plans::table.find(plan_id).select(Plan::as_select()).first(conn)?,
    })
}

/// `GET /`
pub(super) async fn show(client: Tenant<Client>, visitor: Visitor, db: TenantDb) -> Result<Markup, Failure> {
    if visitor.user.is_none() {
        return Ok(welcome(&client, &visitor));
    }
    let plan_id = client.plan_id;
    let shown = db.run(move |conn| read(conn, plan_id)).await?;
    Ok(page(&client, &visitor, &shown, "", None))
}

#[derive(Deserialize)]
pub(super) struct Entered {
    title: String,
}

/// What came of adding a task.
enum Added {
    Done,
    Refused(Shown, &'static str),
}

/// `POST /tasks`
pub(super) async fn add(
    client: Tenant<Client>,
    Member(user): Member,
    db: TenantDb,
    Form(Entered { title }): Form<Entered>,
) -> Result<Response, Failure> {
    let (plan_id, user_id) = (client.plan_id, user.id);
    let entered = title.clone();
    let added = db.run(move |conn| {
        let shown = read(conn, plan_id)?;
        let title = entered.trim();
        let refused = match title.chars().count() {
            0 => Some("Write what there is to do."),
            n if n > MAX_CHARACTERS => Some("Use at most 200 characters."),
            _ if i64::from(shown.plan.max_tasks) <= i64::try_from(shown.tasks.len()).unwrap_or(i64::MAX) => {
                Some("The list is as long as your plan allows. Delete something first.")
            }
            _ => None,
        };
        if let Some(message) = refused {
            return QueryResult::Ok(Added::Refused(shown, message));
        }
        diesel::insert_into(tasks::table)
            .values((tasks::title.eq(title), tasks::added_by.eq(user_id)))
            .execute(conn)?;
        Ok(Added::Done)
    });
    match added.await? {
        Added::Done => Ok(Redirect::to("/").into_response()),
        Added::Refused(shown, message) => {
            let visitor = Visitor { user: Some(user) };
            let page = page(&client, &visitor, &shown, &title, Some(message));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `POST /tasks/{id}/tick`
pub(super) async fn tick(_: Member, db: TenantDb, Path(id): Path<i64>) -> Result<Redirect, Failure> {
    let ticked = db.run(move |conn| {
        diesel::update(tasks::table.find(id))
            .set(tasks::done.eq(not(tasks::done)))
            .execute(conn)
    });
    found(ticked.await?)
}

/// `POST /tasks/{id}/delete`
pub(super) async fn delete(_: Member, db: TenantDb, Path(id): Path<i64>) -> Result<Redirect, Failure> {
    found(
        db.run(move |conn| diesel::delete(tasks::table.find(id)).execute(conn))
            .await?,
    )
}

/// Another customer may have a task of this number. This one does not.
fn found(rows: usize) -> Result<Redirect, Failure> {
    if rows == 0 {
        Err(Failure::NotFound)
    } else {
        Ok(Redirect::to("/"))
    }
}

fn welcome(client: &Client, visitor: &Visitor) -> Markup {
    let main = html! {
        section.centre {
            h1 { "The list of " (client.name) }
            p.lead { "Log in to see what there is to do." }
            p {
                a.button href="/login" { "Log in" }
                " or " a href="/register" { "register" }
            }
        }
    };
    super::page(client, visitor, "Welcome", main).render()
}

fn page(client: &Client, visitor: &Visitor, shown: &Shown, entered: &str, wrong: Option<&str>) -> Markup {
    let open = shown.tasks.iter().filter(|task| !task.done).count();
    let main = html! {
        h1 { "To do" }
        p.lead {
            @match open {
                0 => "Nothing is left to do.",
                1 => "One thing is left to do.",
                n => { (n) " things are left to do." }
            }
        }
        section.card {
            form.add method="post" action="/tasks" {
                input type="text" name="title" value=(entered) aria-label="What is there to do?"
                    placeholder="What is there to do?" maxlength=(MAX_CHARACTERS) autocomplete="off"
                    autofocus required aria-invalid=[wrong.map(|_| "true")] aria-describedby="task-error";
                button type="submit" { "Add" }
            }
            p.error id="task-error" { @if let Some(message) = wrong { (message) } }
            ul.list.tasks {
                @for task in &shown.tasks {
                    li.done[task.done] {
                        form.inline method="post" action={ "/tasks/" (task.id) "/tick" } {
                            button.tick type="submit" aria-pressed=(task.done)
                                aria-label={ "Done: " (task.title) } { "✓" }
                        }
                        span.grow { span { (task.title) } small { (task.added_by) } }
                        (pages::button(&format!("/tasks/{}/delete", task.id), "Delete", "quiet"))
                    }
                }
            }
        }
        p.soft.below id="plan" {
            (shown.plan.name) ", " (shown.plan.price) ": "
            (shown.tasks.len()) " of " (shown.plan.max_tasks) " tasks."
        }
    };
    super::page(client, visitor, "To do", main).render()
}
