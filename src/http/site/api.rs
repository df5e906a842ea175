//! The little JSON the page asks for beside its event stream.

use super::wire;
use crate::http::context::Context;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

/// `/api/picture`: what the event stream begins with.
pub(in crate::http) async fn overview(State(context): State<Arc<Context>>) -> Response {
    Json(wire::Snapshot::of(&context.view.look(), context.loopback)).into_response()
}

/// `/api/alerts?area=CODE&family=NAME`: the newest alerts of an area and all below it, of a family.
pub(in crate::http) async fn alerts(
    State(context): State<Arc<Context>>,
    Query(filter): Query<wire::AlertFilter>,
) -> Response {
    Json(wire::Found::of(&context.view.look(), &filter, context.loopback)).into_response()
}

/// What of an area is asked for.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct Asked {
    target: Option<String>,
}

/// `/api/areas/{code}`: one area with the days of its chart, by the first target or the one of the query.
pub(in crate::http) async fn area(
    State(context): State<Arc<Context>>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let overview = context.view.look();
    match wire::AreaDetail::of(&overview, &code, asked.target.as_deref()) {
        Some(detail) => Json(detail).into_response(),
        None => {
            (StatusCode::NOT_FOUND, "no such area in the registry or the outputs, or no such target\n").into_response()
        }
    }
}
