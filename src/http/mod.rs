//! Page, API, event stream, metrics and health, over HTTP.
//!
//! In: the overview, the telemetry. Out: bytes for browsers, Prometheus and probes. Never here: a write into anything
//! the processing reads; a person's id unless the listener is bound to loopback, and then only masked.

use self::context::Context;
use self::site::{api, events, page};
use crate::clock;
use crate::telemetry::Telemetry;
use crate::view::View;
use crate::view::machine::{MachineStatus, Sampler};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

mod context;
pub mod follow;
mod ops;
pub mod site;

/// How long open requests may take to end. A page that is not looked at takes no more of what it follows, and a client may
/// never say the rest of what it asks: neither may keep a process that is to end.
const CLOSING_LIMIT: Duration = Duration::from_secs(5);

/// Serves until `shutdown` completes, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    view: Arc<View>,
    telemetry: Arc<Telemetry>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    let (machine, statuses) = watch::channel(Arc::new(MachineStatus::default()));
    let (close, closing) = watch::channel(false);
    let mut closed = closing.clone();
    let epoch = clock::now().0 as u64;
    let beating = tokio::spawn(beat(machine, Arc::clone(&view), Arc::clone(&telemetry)));
    let context = Context { view, telemetry, machine: statuses, closing, loopback, epoch };
    let stopping = async move {
        shutdown.await;
        close.send_replace(true);
    };
    let overdue = async move {
        drop(closed.wait_for(|closed| *closed).await);
        tokio::time::sleep(CLOSING_LIMIT).await;
    };
    let outcome = tokio::select! {
        outcome = axum::serve(listener, router(Arc::new(context))).with_graceful_shutdown(stopping) => outcome,
        () = overdue => Ok(()),
    };
    beating.abort();
    outcome
}

fn router(context: Arc<Context>) -> Router {
    page::routes()
        .route("/events", get(events::stream))
        .route("/metrics", get(ops::metrics))
        .route("/healthz", get(ops::alive))
        .route("/readyz", get(ops::ready))
        .route("/api/picture", get(api::overview))
        .route("/api/alerts", get(api::alerts))
        .route("/api/areas/{code}", get(api::area))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here; the page is at /\n") })
        .layer(middleware::from_fn_with_state(Arc::clone(&context), guard))
        .with_state(context)
}

/// Samples the machine once a second, for all who look.
async fn beat(machine: watch::Sender<Arc<MachineStatus>>, view: Arc<View>, telemetry: Arc<Telemetry>) {
    let mut sampler = Sampler::default();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        telemetry.upkeep();
        let sample = sampler.sample(telemetry.status(), &view.look(), clock::now(), clock::monotonic());
        machine.send_replace(Arc::new(sample));
    }
}

/// What every answer has, and who may ask: on loopback only under a loopback name, or any web site could have its
/// own name point here and read on.
async fn guard(
    axum::extract::State(context): axum::extract::State<Arc<Context>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if context.loopback && !is_loopback_name(host) {
        return (StatusCode::MISDIRECTED_REQUEST, "ask for localhost\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, page::POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback_name;

    #[test]
    fn only_loopback_names_are_taken_for_loopback() {
        for name in ["localhost", "localhost:8080", "127.0.0.1:8080", "127.8.8.8", "[::1]:8080", "LOCALHOST:1"] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in
            ["", "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1:8080", "[2001:db8::1]"]
        {
            assert!(!is_loopback_name(name), "{name}");
        }
    }
}
