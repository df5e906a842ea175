//! The library's mock cluster.

use super::handle::{Handle, Kind};
use super::values::{ErrorCode, describe, millis, text_of};
use crate::kafka::error::Error;
use rdkafka_sys as sys;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A broker that is threads of this process. The cluster goes before the client it was made with.
#[derive(Debug)]
pub(in crate::kafka) struct Mock {
    cluster: NonNull<sys::rd_kafka_mock_cluster_t>,
    _owner: Handle,
}

// SAFETY: the cluster locks its own calls.
unsafe impl Send for Mock {}
// SAFETY: as above.
unsafe impl Sync for Mock {}

impl Mock {
    pub(in crate::kafka) fn start(rebalance_delay: Duration) -> Result<Self, Error> {
        let owner = Handle::new(Kind::Producer, &BTreeMap::new(), Arc::new(Notify::new()))?;
        // SAFETY: the client is live and outlives the cluster.
        let cluster = NonNull::new(unsafe { sys::rd_kafka_mock_cluster_new(owner.as_ptr(), 1) });
        let cluster = cluster.ok_or_else(|| Error::new("the embedded broker could not be started"))?;
        // SAFETY: the cluster is live.
        unsafe { sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster.as_ptr(), millis(rebalance_delay)) };
        Ok(Self { cluster, _owner: owner })
    }

    /// `host:port`.
    pub(in crate::kafka) fn bootstraps(&self) -> String {
        // SAFETY: the cluster is live; the text is copied.
        unsafe { text_of(sys::rd_kafka_mock_cluster_bootstraps(self.cluster.as_ptr())) }
    }

    pub(in crate::kafka) fn create_topic(&self, name: &CStr, partitions: i32) -> Result<(), Error> {
        // SAFETY: cluster and name are live.
        match unsafe { sys::rd_kafka_mock_topic_create(self.cluster.as_ptr(), name.as_ptr(), partitions, 1) } {
            ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(Error::new(format!("{}: {}", name.to_string_lossy(), describe(code)))),
        }
    }
}

#[cfg(test)]
impl Mock {
    /// Whether coordinators are known, as just after a start they are not.
    pub(super) fn know_coordinators(&self, known: bool) {
        const FIND_COORDINATOR: i16 = 10;
        let errors = [ErrorCode::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE; 1_000];
        let cluster = self.cluster.as_ptr();
        // SAFETY: the cluster is live and copies the errors.
        unsafe {
            match known {
                true => sys::rd_kafka_mock_clear_request_errors(cluster, FIND_COORDINATOR),
                false => {
                    let (count, errors) = (errors.len(), errors.as_ptr());
                    sys::rd_kafka_mock_push_request_errors_array(cluster, FIND_COORDINATOR, count, errors);
                }
            }
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // SAFETY: ours; the client it was made with still lives.
        unsafe { sys::rd_kafka_mock_cluster_destroy(self.cluster.as_ptr()) };
    }
}
