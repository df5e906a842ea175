//! What people look at, kept in memory: a `read_committed` reader of the outputs is all it takes, so any instance
//! can show everything and no reader disturbs the work. Beside it [`vitals`]: what the workers of this very process
//! say about themselves.
//!
//! In: records of the outputs, numbers of the workers. Out: what `http`, `telemetry` and the terminal show.
//! Never here: a decision. Nothing of this is read by the processing.

pub mod vitals;

pub mod picture;

pub mod areas;

pub mod alerts;

pub mod dead_letters;

pub mod registry;

pub mod texts;

pub mod pulse;

use crate::model::record::Record;
use picture::Picture;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// The picture, shared between the reader that paints it and those who look.
#[derive(Debug)]
pub struct View {
    picture: RwLock<Picture>,
    version: watch::Sender<u64>,
}

impl View {
    /// An empty picture.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { picture: RwLock::default(), version: watch::Sender::new(0) })
    }

    /// Looks at the picture. Painting waits meanwhile: copy what is needed and go.
    pub fn look(&self) -> RwLockReadGuard<'_, Picture> {
        self.picture.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the picture and tells those who wait.
    pub fn paint(&self, change: impl FnOnce(&mut Picture)) {
        let version = {
            let mut picture = self.picture.write().unwrap_or_else(PoisonError::into_inner);
            change(&mut picture);
            picture.version()
        };
        self.version.send_replace(version);
    }

    /// Takes records without headers that matter.
    pub fn absorb(&self, records: &[Record<'_>]) {
        self.paint(|picture| {
            for record in records {
                picture.absorb(record, |_| None);
            }
        });
    }

    /// The version of the picture, as it grows.
    pub fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
