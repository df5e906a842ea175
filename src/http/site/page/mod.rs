//! The page: files of ours only, embedded in the binary.

use crate::http::context::Context;
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;

/// Nothing is loaded from elsewhere, nothing runs that is not in our files, nobody frames the page.
pub(in crate::http) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// (path, type, content) of every file.
const FILES: [(&str, &str, &str); 14] = [
    ("/", HTML, include_str!("index.html")),
    ("/page/style.css", CSS, include_str!("style.css")),
    ("/page/icon.svg", SVG, include_str!("icon.svg")),
    ("/page/app.js", SCRIPT, include_str!("app.js")),
    ("/page/language.js", SCRIPT, include_str!("language.js")),
    ("/page/texts.js", SCRIPT, include_str!("texts.js")),
    ("/page/dom.js", SCRIPT, include_str!("dom.js")),
    ("/page/shares.js", SCRIPT, include_str!("shares.js")),
    ("/page/colours.js", SCRIPT, include_str!("colours.js")),
    ("/page/map.js", SCRIPT, include_str!("map.js")),
    ("/page/area.js", SCRIPT, include_str!("area.js")),
    ("/page/chart.js", SCRIPT, include_str!("chart.js")),
    ("/page/alerts.js", SCRIPT, include_str!("alerts.js")),
    ("/page/machine.js", SCRIPT, include_str!("machine.js")),
];

pub(in crate::http) fn routes() -> Router<Arc<Context>> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        router.route(path, get(move || async move { ([(header::CONTENT_TYPE, kind)], content).into_response() }))
    })
}
