//! A running page with made-up numbers.

use crate::made_up;
use std::net::SocketAddr;
use std::sync::Arc;
use swabstream::http;
use swabstream::model::record::{HalfKind, Topic};
use swabstream::model::time::Day;
use swabstream::policy::Rules;
use swabstream::telemetry::Telemetry;
use swabstream::view::View;
use swabstream::view::status::ProcessStatus;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// One server.
pub struct Site {
    pub address: SocketAddr,
    pub view: Arc<View>,
    pub telemetry: Arc<Telemetry>,
    pub runtime: Runtime,
    shutdown: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<std::io::Result<()>>>,
}

impl Site {
    /// Serves an empty overview on a free port of this address.
    pub fn empty(ip: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
        let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
        let view = View::new();
        let listener = runtime.block_on(tokio::net::TcpListener::bind((ip, 0))).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (shutdown, asked) = oneshot::channel::<()>();
        let (view_of_server, telemetry_of_server) = (Arc::clone(&view), Arc::clone(&telemetry));
        let serving = runtime.spawn(http::serve(listener, view_of_server, telemetry_of_server, async {
            let _ = asked.await;
        }));
        Self { address, view, telemetry, runtime, shutdown: Some(shutdown), serving: Some(serving) }
    }

    /// Serves made-up numbers of a city.
    pub fn of(ip: &str, rules: &Rules) -> Self {
        let site = Self::empty(ip);
        made_up::rules(&site.view, rules);
        made_up::city(&site.view, rules, Day::parse("2022-11-20").expect("a day"), 20);
        let mut person = site.telemetry.worker(HalfKind::Person, &[Topic::LabResults]);
        let mut area = site.telemetry.worker(HalfKind::Area, &[Topic::AreaChanges]);
        made_up::work(&mut person, &mut area, 1000, &rules.labs);
        site
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        drop(self.shutdown.take());
        if let Some(serving) = self.serving.take() {
            self.runtime.block_on(serving).expect("it does not panic").expect("it ends well");
        }
    }
}
