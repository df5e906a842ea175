//! What people look at, kept in memory: a `read_committed` reader of the outputs is all it takes, so any instance
//! can show everything and no reader disturbs the work. Beside it [`status`]: what the workers of this very process
//! say about themselves.
//!
//! In: records of the outputs, numbers of the workers. Out: what `http`, `telemetry` and the terminal show.
//! Never here: a decision. Nothing of this is read by the processing.

pub mod status;

pub mod overview;

pub mod areas;

pub mod duties;

pub mod alerts;

pub mod dead_letters;

pub mod days;

pub mod registry;

pub mod texts;

pub mod machine;

use crate::model::record::Record;
use overview::Overview;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// The overview, shared between the reader that updates it and those who look.
#[derive(Debug)]
pub struct View {
    overview: RwLock<Overview>,
    version: watch::Sender<u64>,
}

impl View {
    /// An empty overview.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { overview: RwLock::default(), version: watch::Sender::new(0) })
    }

    /// Looks at the overview. An update waits meanwhile: copy what is needed and go.
    pub fn look(&self) -> RwLockReadGuard<'_, Overview> {
        self.overview.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the overview and tells those who wait.
    pub fn update(&self, change: impl FnOnce(&mut Overview)) {
        let version = {
            let mut overview = self.overview.write().unwrap_or_else(PoisonError::into_inner);
            change(&mut overview);
            overview.version()
        };
        self.version.send_replace(version);
    }

    /// Takes records without headers that matter.
    pub fn absorb(&self, records: &[Record<'_>]) {
        self.update(|overview| {
            for record in records {
                overview.absorb(record, |_| None);
            }
        });
    }

    /// The version of the overview, as it grows.
    pub fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
