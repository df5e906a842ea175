//! For machines: is the process alive, is it ready, what are its numbers.

use super::context::Context;
use crate::telemetry::exposition::Format;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// A worker's loop turns many times a second; the longest thing it waits for is a commit against a broker that
/// hangs, which librdkafka ends within a minute.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

/// `/metrics`.
pub(super) async fn metrics(State(context): State<Arc<Context>>, headers: HeaderMap) -> impl IntoResponse {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Format::asked_for(&accepted.collect::<Vec<_>>().join(","));
    let text = context.telemetry.render(&context.view.look(), format);
    ([(header::CONTENT_TYPE, format.content_type())], text)
}

/// `/healthz`: the loops turn. Says nothing about Kafka: restarting would not mend it.
pub(super) async fn alive(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    let workers = context.telemetry.status().snapshot();
    let silent = workers.iter().filter(|worker| !worker.ended && worker.beat.elapsed() > LONGEST_SILENCE);
    let mut text = String::new();
    for worker in silent {
        let seconds = worker.beat.elapsed().as_secs();
        let _ = writeln!(text, "a {} worker has not turned for {seconds} s", worker.half);
    }
    answer(text, "alive\n")
}

/// `/readyz`: a broker answers, every worker has been placed by its group, and every task it was given is restored.
pub(super) async fn ready(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    let missing = context.telemetry.status().unready().into_iter().map(|line| line + "\n");
    answer(missing.collect(), "ready\n")
}

fn answer(missing: String, good: &str) -> (StatusCode, String) {
    if missing.is_empty() { (StatusCode::OK, good.to_owned()) } else { (StatusCode::SERVICE_UNAVAILABLE, missing) }
}
