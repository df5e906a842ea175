//! The page with made-up numbers, for those who work on it: `cargo run --example page`, then open the address it says.
//! `cargo run --example page -- empty` shows it before the first record, `-- sample` the little sample city.

#[path = "../tests/support/made_up.rs"]
mod made_up;

use std::sync::Arc;
use std::time::Duration;
use swabstream::model::record::{HalfKind, Topic};
use swabstream::model::time::Day;
use swabstream::policy::sample::{chongqing_rules, sample_rules};
use swabstream::telemetry::Telemetry;
use swabstream::view::View;
use swabstream::view::status::ProcessStatus;
use swabstream::{clock, http};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let view = View::new();
    if what != "empty" {
        let rules = if what == "sample" { sample_rules() } else { chongqing_rules() };
        made_up::rules(&view, &rules);
        let today = rules.day(clock::now());
        made_up::city(&view, &rules, today, 45);
        tokio::spawn(work(Arc::clone(&telemetry), Arc::clone(&view), rules, today));
    }
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8080)).await?;
    println!("the page is at http://{}/", listener.local_addr()?);
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    http::serve(listener, view, telemetry, interrupted).await?;
    Ok(())
}

async fn work(telemetry: Arc<Telemetry>, view: Arc<View>, rules: swabstream::policy::Rules, today: Day) {
    let mut person = telemetry.worker(HalfKind::Person, &[Topic::LabResults]);
    let mut area = telemetry.worker(HalfKind::Area, &[Topic::AreaChanges]);
    let mut records = 100_000;
    let mut days = 45;
    loop {
        records += 1700 + records % 900;
        made_up::work(&mut person, &mut area, records, &rules.labs);
        if records % 7 == 0 {
            days += 1;
            made_up::city(&view, &rules, today, days);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
