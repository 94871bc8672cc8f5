//! The program itself: what it prints, and how it stops.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use tenant_testing::Postgres;

use crate::TestResult;

/// Ended with the test, if the test did not end it.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[tokio::test]
async fn the_program_says_where_it_is_and_stops_when_it_is_asked_to() -> TestResult {
    let database = Postgres::shared()?.database()?;
    let child = Command::new(env!("CARGO_BIN_EXE_todo"))
        .env("DATABASE_URL", database.url())
        .env("PORT", "0")
        .env("NO_COLOR", "1")
        .env_remove("ADMIN_PASSWORD")
        .env_remove("TODO_ADDR")
        .env_remove("TODO_HOST")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut program = Program(child);
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let mut said = || {
        lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| !line.is_empty())
            .unwrap()
    };
    let home = said();
    let port: u16 = home
        .trim()
        .strip_prefix("http://localhost:")
        .unwrap()
        .trim_end_matches('/')
        .parse()?;
    let admin = said();
    let password = admin
        .rsplit_once("password ")
        .unwrap()
        .1
        .trim_end_matches(')')
        .to_owned();

    let http = reqwest::Client::builder().no_proxy().build()?;
    let request = |path: &str, host: &str| {
        http.get(format!("http://127.0.0.1:{port}{path}"))
            .header("host", format!("{host}:{port}"))
    };
    assert_eq!(request("/", "localhost").send().await?.status(), 200);
    assert_eq!(request("/", "nobody.localhost").send().await?.status(), 404);
    let admin = request("/admin", "localhost")
        .basic_auth("", Some(&password))
        .send()
        .await?;
    assert_eq!(admin.status(), 200);
    assert_eq!(
        request("/no-such-post", "blog.localhost").send().await?.status(),
        404
    );

    let terminated = Command::new("kill")
        .args(["-TERM", &program.0.id().to_string()])
        .status()?;
    assert!(terminated.success());
    assert!(program.0.wait()?.success(), "it ended by itself, and well");
    let mut log = String::new();
    program.0.stderr.take().unwrap().read_to_string(&mut log)?;
    assert!(log.contains("stopping"), "{log}");
    assert!(
        !log.contains(&password),
        "the password is for people, not for logs: {log}"
    );
    Ok(())
}
