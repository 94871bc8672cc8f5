//! Processes of their own, to be killed: this test program, run once more.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use tempfile::TempDir;
use tenant_testing::{PgBouncer, Postgres, Programs};

/// Says what the process is to do.
const TASK: &str = "TENANT_TESTING_HELPER";

/// A process that holds a server until it is told otherwise.
pub(crate) struct Helper {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    /// A process for `task`, set up by `prepare`.
    pub(crate) fn spawn(task: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "helper::a_process_of_its_own", "--nocapture"])
            .env(TASK, task)
            // Whatever this run of tests was given, the helper begins afresh.
            .env_remove("TENANT_TESTING_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        prepare(&mut command);
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// The next thing that the process says.
    pub(crate) fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(
                self.output.read_line(&mut line).unwrap() > 0,
                "the process ended without an answer"
            );
            // The test harness talks on the same channel.
            if let Some((_, answer)) = line.split_once("answer: ") {
                return answer.trim().to_owned();
            }
        }
    }

    /// The server that the process holds.
    pub(crate) fn server(&mut self) -> Holding {
        let url = self.answer();
        let folder = PathBuf::from(self.answer());
        Holding { url, folder }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGKILL for the process and all that it started which did not leave its group.
    pub(crate) fn kill_group(mut self) {
        let group = rustix_pid(self.process.id());
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        self.process.wait().unwrap();
    }

    /// Lets the process go on with the last part of its task, and waits for its end.
    pub(crate) fn finish(mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

pub(crate) fn rustix_pid(id: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

/// A server that a process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
}

impl Holding {
    pub(crate) fn of(postgres: &Postgres) -> Self {
        Self {
            url: postgres.url(),
            folder: postgres.folder().unwrap().to_owned(),
        }
    }

    /// Whether somebody listens at its port.
    pub(crate) fn listens(&self) -> bool {
        let (_, address) = self.url.rsplit_once('@').unwrap();
        let (address, _) = address.split_once('/').unwrap();
        TcpStream::connect(address).is_ok()
    }

    pub(crate) fn is_there(&self) -> bool {
        self.folder.exists() && self.listens()
    }

    pub(crate) fn is_gone(&self) -> bool {
        !self.folder.exists() && !self.listens()
    }

    /// Waits for its end.
    pub(crate) fn assert_goes_away(&self) {
        assert!(
            eventually(|| self.is_gone()),
            "{} is still there",
            self.folder.display()
        );
    }

    /// The process of the server.
    pub(crate) fn process(&self) -> rustix::process::Pid {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        rustix_pid(file.lines().next().unwrap().parse().unwrap())
    }
}

/// Whether something comes true soon; how soon depends on how busy the machine is.
pub(crate) fn eventually(mut comes_true: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(30) {
        if comes_true() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// A folder that the server's account can pass through.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The folders of clusters below a temporary folder.
pub(crate) fn clusters(temporary: &Path) -> Vec<PathBuf> {
    folders_of("cluster", temporary)
}

/// The folders of servers of a kind below a temporary folder.
pub(crate) fn folders_of(kind: &str, temporary: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    entries(temporary)
        .flat_map(|scratch| entries(&scratch).collect::<Vec<_>>())
        .filter(|path| path.is_dir())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(&format!("{kind}-"))
        })
        .collect()
}

fn answer(text: impl std::fmt::Display) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "answer: {text}").unwrap();
    output.flush().unwrap();
}

fn hold(postgres: &Postgres) {
    answer(postgres.url());
    answer(
        postgres
            .folder()
            .map(Path::display)
            .unwrap_or(Path::new("none").display()),
    );
    wait_for_the_word();
}

fn wait_for_the_word() {
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).unwrap();
}

/// With a task, the other process of the tests beside it; without one, a test of that.
#[test]
fn a_process_of_its_own() {
    match env::var(TASK).as_deref() {
        Ok("own") => hold(&Postgres::start().unwrap()),
        Ok("own, then abort") => {
            let _postgres = Postgres::start().inspect(hold).unwrap();
            process::abort();
        }
        Ok("own, then exit") => {
            let _postgres = Postgres::start().inspect(hold).unwrap();
            process::exit(0);
        }
        Ok("own, with a child") => {
            let postgres = Postgres::start().unwrap();
            let mut child = Command::new("sleep")
                .arg("60")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            answer(child.id());
            hold(&postgres);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        Ok("shared") => hold(&Postgres::shared().unwrap()),
        Ok("shared, with a database") => {
            let postgres = Postgres::shared().unwrap();
            let database = postgres.database().unwrap();
            database.connect().unwrap();
            answer(database.url());
            hold(&postgres);
        }
        Ok("pooler") => {
            let database = Postgres::shared().unwrap().database().unwrap();
            let pooler = PgBouncer::before(database.url()).unwrap();
            answer(pooler.url());
            answer(pooler.folder().display());
            wait_for_the_word();
        }
        // It connects to its server when somebody connects to it.
        Ok("pooler of nothing") => match PgBouncer::before("postgres://nobody@127.0.0.1:1/nothing") {
            Ok(pooler) => {
                answer(pooler.url());
                answer(pooler.folder().display());
                wait_for_the_word();
            }
            Err(error) => answer(error.to_string().replace('\n', " / ")),
        },
        Ok("fetch 18") => match Programs::fetch(18, &|line| answer(format!("notice: {line}"))) {
            Ok(programs) => answer(programs.bin_dir().display()),
            // In one line, for the reader at the other end.
            Err(error) => answer(error.to_string().replace('\n', " / ")),
        },
        Ok("start") => match Postgres::start() {
            Ok(postgres) => answer(postgres.url()),
            Err(error) => answer(error.to_string().replace('\n', " / ")),
        },
        Ok(task) => answer(format!("not a task: {task}")),
        Err(_) => {
            let mut helper = Helper::spawn("own", |_| {});
            let holding = helper.server();
            assert!(holding.folder.is_dir());
            assert!(holding.url.starts_with("postgres://"));
            helper.kill();
            return;
        }
    }
    // The harness would go on to talk to whoever has stopped listening.
    process::exit(0);
}
