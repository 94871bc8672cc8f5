//! [`Browser`]: Chromium without a window, driven through its driver. Both end with the test, however it ends.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use thirtyfour::extensions::query::ElementPollerWithTimeout;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many browsers run at once in one process: each wants a core.
static TURNS: Semaphore = Semaphore::const_new(2);

/// How long an element is waited for. It is there much sooner, unless the machine is busy.
const PATIENCE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(50);

const REMEDY: &str = "these tests need Chromium and its driver; do one of these:
  Debian:  apt-get install chromium chromium-driver
  Fedora:  dnf install chromium chromedriver
  else:    put `chromium` and `chromedriver` of one version on the PATH";

/// A browser with no history and no cookies.
pub(crate) struct Browser {
    // Dropped in this order: the session, the driver, the turn.
    session: WebDriver,
    _driver: Driver,
    _turn: SemaphorePermit<'static>,
}

impl Browser {
    /// Opens one.
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Opens one that asks pages for their dark colours.
    pub(crate) async fn open_in_the_dark() -> Self {
        Self::open_with(&["--blink-settings=preferredColorScheme=0"]).await
    }

    async fn open_with(arguments: &[&str]) -> Self {
        let turn = TURNS.acquire().await.unwrap();
        let driver = Driver::start();
        let mut capabilities = ChromeCapabilities::new();
        let usual = [
            "--headless=new",
            // It ends when the driver does.
            "--remote-debugging-pipe",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--no-proxy-server",
            "--window-size=1100,1000",
            "--hide-scrollbars",
            // Browsers know that `localhost` and all below it are this machine. A domain of a customer's own is not.
            "--host-resolver-rules=MAP *.example.test 127.0.0.1",
        ];
        for argument in usual.iter().chain(arguments) {
            capabilities.add_arg(argument).unwrap();
        }
        if is_root() {
            capabilities.add_arg("--no-sandbox").unwrap();
        }
        capabilities
            .set_binary(&find(&["chromium", "chromium-browser", "google-chrome"]).to_string_lossy())
            .unwrap();
        let session = WebDriver::new(&driver.url, capabilities).await.unwrap();
        session.set_poller(Arc::new(ElementPollerWithTimeout::new(PATIENCE, INTERVAL)));
        Self {
            session,
            _driver: driver,
            _turn: turn,
        }
    }

    /// The element, as soon as it is there.
    pub(crate) async fn element(&self, css: &str) -> WebElement {
        let found = self.query(By::Css(css)).first().await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{error}\n{}", self.source().await.unwrap_or_default()),
        }
    }

    /// The text of an element, as it is shown.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.element(css).await.text().await.unwrap()
    }

    /// The texts of all elements of a page that is there.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.find_all(By::Css(css)).await.unwrap() {
            texts.push(element.text().await.unwrap());
        }
        texts
    }

    /// Clicks on an element, as soon as it is there.
    pub(crate) async fn click(&self, css: &str) {
        self.element(css).await.click().await.unwrap();
    }

    /// Writes into a field what it shall hold.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.element(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Ends it. Where a test does not come to this, dropping it does.
    pub(crate) async fn close(self) {
        self.session.clone().quit().await.unwrap();
    }
}

impl Deref for Browser {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.session
    }
}

/// A driver on a free port, with a folder of its own. A shell watches over it: when its standard input ends, since this is
/// dropped or the process was killed, it ends the driver and removes the folder.
struct Driver {
    shell: Child,
    url: String,
}

const WATCH: &str = r#"
folder=$(mktemp -d) || exit 1
HOME=$folder TMPDIR=$folder "$1" --port=0 &
driver=$!
# Ctrl-C is for the tests: what ends them ends the input too.
trap : INT TERM HUP
cat >/dev/null
kill -KILL $driver 2>/dev/null
wait $driver 2>/dev/null
# The browser notices a moment later, and may still be writing.
for attempt in 1 2 3 4 5 6 7 8 9; do
    rm -rf "$folder" 2>/dev/null && exit
    sleep 0.1
done
"#;

impl Driver {
    fn start() -> Self {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", WATCH, "watch"])
            .arg(find(&["chromedriver"]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        let port: u16 = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ")?
                    .1
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .unwrap_or_else(|| panic!("chromedriver did not start; {REMEDY}"));
        // What else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            shell,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ended = self.shell.wait();
    }
}

/// The first of these programs on the `PATH`.
fn find(names: &[&str]) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut candidates = names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)));
    candidates
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("no `{}` on the PATH: {REMEDY}", names.join("`, `")))
}

/// Chromium refuses to run as root in its sandbox.
fn is_root() -> bool {
    fs::metadata(Path::new("/proc/self")).is_ok_and(|this| this.uid() == 0)
}
