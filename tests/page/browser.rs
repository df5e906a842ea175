//! A headless Chromium, driven through a pipe: what a person would see of a page.

use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the browser may take for anything: a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// One browser with one page.
pub struct Browser {
    process: Child,
    input: RefCell<ChildStdin>,
    messages: Receiver<Value>,
    last_id: Cell<u64>,
    session: RefCell<String>,
    events: RefCell<Vec<Value>>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one with a page of this width; `None` when there is no Chromium on this machine.
    pub fn start(width: u32) -> Option<Self> {
        let program = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
            let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
            found.is_ok_and(|output| output.status.success())
        })?;
        let profile = tempfile::tempdir().expect("a folder for the profile");
        // The browser reads commands from descriptor 3 and answers on 4.
        let script = format!(
            "exec {program} --headless=new --no-sandbox --disable-gpu --remote-debugging-pipe \
             --user-data-dir='{}' about:blank 3<&0 4>&1 1>&2",
            profile.path().display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the browser starts");
        let input = process.stdin.take().expect("piped");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let parsed = serde_json::from_slice(&message).expect("the browser writes JSON");
                if sender.send(parsed).is_err() {
                    return;
                }
            }
        });
        let browser = Self {
            process,
            input: RefCell::new(input),
            messages,
            last_id: Cell::new(0),
            session: RefCell::default(),
            events: RefCell::default(),
            _profile: profile,
        };
        browser.open(width);
        Some(browser)
    }

    fn open(&self, width: u32) {
        let target = self.ask("Target.createTarget", json!({"url": "about:blank"}));
        let attached = self.ask("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        *self.session.borrow_mut() = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), json!({}));
        }
        self.speak("en-US");
        let screen = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        self.ask("Emulation.setDeviceMetricsOverride", screen);
    }

    /// Pages that are visited from now on find a browser of this language.
    pub fn speak(&self, language: &str) {
        let version = self.ask("Browser.getVersion", json!({}));
        let agent = json!({"userAgent": version["userAgent"], "acceptLanguage": language});
        self.ask("Emulation.setUserAgentOverride", agent);
    }

    /// Light or dark, as the system would say.
    pub fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.ask("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Goes to an address, and waits until its document is there.
    pub fn visit(&self, url: &str) {
        self.ask("Page.navigate", json!({"url": url}));
        self.until(&format!("location.href.startsWith('{url}') && document.readyState === 'complete'"));
    }

    /// The value of a JavaScript expression in the page.
    pub fn value(&self, expression: &str) -> Value {
        let question = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.ask("Runtime.evaluate", question);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn until(&self, expression: &str) {
        let began = Instant::now();
        while self.value(expression) != json!(true) {
            assert!(began.elapsed() < PATIENCE, "{expression} did not become true; the page says:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything a reader of the page reads.
    pub fn text(&self) -> String {
        self.value("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Addresses that were asked for.
    pub fn requests(&self) -> Vec<String> {
        let sent = |event: &Value| Some(event["params"]["request"]["url"].as_str()?.to_owned());
        self.events("Network.requestWillBeSent").iter().filter_map(sent).collect()
    }

    /// What went wrong in the page: exceptions, errors of the console, what the policy forbade.
    pub fn complaints(&self) -> Vec<Value> {
        let mut complaints = self.events("Runtime.exceptionThrown");
        let logged = self.events("Log.entryAdded");
        complaints.extend(logged.into_iter().filter(|event| event["params"]["entry"]["level"] == json!("error")));
        let called = self.events("Runtime.consoleAPICalled");
        complaints.extend(called.into_iter().filter(|event| event["params"]["type"] == json!("error")));
        complaints
    }

    fn events(&self, method: &str) -> Vec<Value> {
        self.value("1");
        self.events.borrow().iter().filter(|event| event["method"] == json!(method)).cloned().collect()
    }

    fn ask(&self, method: &str, parameters: Value) -> Value {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        let mut question = json!({"id": id, "method": method, "params": parameters});
        if !self.session.borrow().is_empty() {
            question["sessionId"] = json!(*self.session.borrow());
        }
        let mut bytes = question.to_string().into_bytes();
        bytes.push(0);
        let mut input = self.input.borrow_mut();
        input.write_all(&bytes).and_then(|()| input.flush()).expect("the browser listens");
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("the browser answers");
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.borrow_mut().push(message);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
