//! [`Browser`]: Chromium without a window, driven through its driver. Both end with the test, however it ends.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
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
    // The driver is dropped before the turn.
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
        let session = WebDriver::new(format!("http://{}", driver.address), capabilities)
            .await
            .unwrap();
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

    /// Waits until an element shows a text. The page may be replaced by another meanwhile.
    pub(crate) async fn shows(&self, css: &str, text: &str) {
        let wanted = self
            .query(By::Css(css))
            .ignore_errors(true)
            .with_text(text.to_owned());
        if let Err(error) = wanted.first().await {
            let shown = self.texts(css).await;
            panic!("{error}\n{css} shall show {text:?}, and shows {shown:?}");
        }
    }

    /// The texts of all elements of the page that is there now.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        // In one step, so that the page cannot be replaced in between.
        let script = "return [...document.querySelectorAll(arguments[0])].map(found => found.innerText)";
        let texts = self.execute(script, vec![css.into()]).await.unwrap();
        texts.convert().unwrap()
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
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser. To end it from here would block the runtime, which is needed for that.
        let _left = self.session.clone().leak();
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
    address: SocketAddr,
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
# A browser whose driver was killed notices a moment later, and may write until then.
for attempt in 1 2 3 4 5 6 7 8 9; do
    rm -rf "$folder" 2>/dev/null
    sleep 0.1
    [ -e "$folder" ] || exit
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
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// Asks it to end its browser, and then itself.
    fn ask_to_end(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let _answer = stream.read(&mut [0; 512])?;
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // If it does not, the shell kills it.
        let _asked = self.ask_to_end();
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
