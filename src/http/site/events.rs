//! The event stream: a snapshot, then what has changed since. Nothing is queued for a client: each remembers which
//! version of the overview it has, so a slow one costs no memory and is simply sent more at once.

use super::wire;
use crate::http::context::Context;
use crate::view::machine::MachineStatus;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// Pages that may follow at once.
const MOST_CLIENTS: usize = 64;

/// Changes that come within this time are sent together.
const GATHER: Duration = Duration::from_millis(250);

/// A comment after this long without an event: proxies close silent connections.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// When a browser tries again after the connection broke.
const RETRY: Duration = Duration::from_secs(2);

/// `/events`.
pub(in crate::http) async fn stream(State(context): State<Arc<Context>>, headers: HeaderMap) -> Response {
    let clients = context.telemetry.event_clients();
    if clients.fetch_add(1, Ordering::Relaxed) >= MOST_CLIENTS {
        clients.fetch_sub(1, Ordering::Relaxed);
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages follow already\n").into_response();
    }
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let client = Client::new(context, last_id);
    let events = stream::unfold(client, |mut client| async {
        let event = client.next().await?;
        Some((Ok::<_, Infallible>(event), client))
    });
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // For proxies that would gather the stream before they pass it on.
    ([("x-accel-buffering", "no")], stream).into_response()
}

/// One page that follows.
struct Client {
    context: Arc<Context>,
    machine: watch::Receiver<Arc<MachineStatus>>,
    version: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    /// Version of the overview the page has; `None` before its snapshot.
    has: Option<u64>,
    greeted: bool,
}

impl Client {
    fn new(context: Arc<Context>, last_id: Option<&str>) -> Self {
        let (machine, version, closing) = (context.machine.clone(), context.view.version(), context.closing.clone());
        let current = context.view.look().version();
        let resumed = last_id.and_then(|id| id.split_once('-')).and_then(|(epoch, version)| {
            let version: u64 = version.parse().ok()?;
            (epoch.parse() == Ok(context.epoch) && version <= current).then_some(version)
        });
        let mut client = Self { context, machine, version, closing, has: resumed, greeted: false };
        client.machine.mark_changed();
        client.version.mark_changed();
        client
    }

    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            return Some(self.overview().unwrap_or_default().retry(RETRY));
        }
        loop {
            tokio::select! {
                biased;
                () = closed(&mut self.closing) => return None,
                changed = self.version.changed() => {
                    changed.ok()?;
                    tokio::time::sleep(GATHER).await;
                    self.version.mark_unchanged();
                    if let Some(event) = self.overview() {
                        return Some(event);
                    }
                }
                changed = self.machine.changed() => {
                    changed.ok()?;
                    let machine = Arc::clone(&self.machine.borrow_and_update());
                    return event("pulse", &*machine);
                }
            }
        }
    }

    /// What the page lacks; `None` when it lacks nothing.
    fn overview(&mut self) -> Option<Event> {
        let overview = self.context.view.look();
        let version = overview.version();
        let event = match self.has.replace(version) {
            Some(has) if has == version => return None,
            Some(has) if overview.registry_changed() <= has => {
                event("delta", &wire::Delta::since(&overview, has, self.context.loopback))
            }
            _ => event("snapshot", &wire::Snapshot::of(&overview, self.context.loopback)),
        };
        Some(event?.id(format!("{}-{version}", self.context.epoch)))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.context.telemetry.event_clients().fetch_sub(1, Ordering::Relaxed);
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // A server that is gone closes too.
    let _ = closing.wait_for(|closing| *closing).await;
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
