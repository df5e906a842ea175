//! A client of the library: made from settings, closed in bounded time.

use super::callbacks::{on_error, on_log, on_queue_event, on_rebalance};
use super::rebalance::unassign_all;
use super::shared::Shared;
use super::values::text_of;
use crate::kafka::error::Error;
use crate::kafka::refusal::Refusal;
use rdkafka_sys as sys;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::Notify;

/// How long a client may take to close. After that it is left behind: the process is about to end.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// A thread for one call: many may wait at once.
const CALL_STACK: usize = 256 * 1024;

/// Between two looks whether the last call on another thread has ended.
const LEASE_PAUSE: Duration = Duration::from_millis(5);

/// What a client can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Kind {
    /// Reads.
    Consumer,
    /// Writes.
    Producer,
}

/// A client.
#[derive(Debug)]
pub(in crate::kafka) struct Handle {
    client: NonNull<sys::rd_kafka_t>,
    shared: Arc<Shared>,
    kind: Kind,
}

// SAFETY: a client of the library may be used and destroyed from any thread; `Shared` is `Send` and `Sync`.
unsafe impl Send for Handle {}

impl Handle {
    /// A client with these settings. Nothing is connected yet: errors are about settings.
    pub(in crate::kafka) fn new(
        kind: Kind,
        properties: &BTreeMap<String, String>,
        notify: Arc<Notify>,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared { notify, ..Shared::default() });
        let conf = Conf::new(properties, kind, &shared)?;
        let mut reason = [0 as c_char; 512];
        let kind_code = match kind {
            Kind::Consumer => sys::rd_kafka_type_t::RD_KAFKA_CONSUMER,
            Kind::Producer => sys::rd_kafka_type_t::RD_KAFKA_PRODUCER,
        };
        // SAFETY: `conf` is live; the buffer has the length given. On success the client owns `conf`.
        let client = unsafe { sys::rd_kafka_new(kind_code, conf.0.as_ptr(), reason.as_mut_ptr(), reason.len()) };
        let Some(client) = NonNull::new(client) else {
            // SAFETY: the library ends the reason with a zero byte.
            return Err(Error::new(format!("kafka settings: {}", unsafe { text_of(reason.as_ptr()) })));
        };
        std::mem::forget(conf);
        Ok(Self { client, shared, kind })
    }

    /// The library's pointer, valid as long as `self`.
    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_t {
        self.client.as_ptr()
    }

    /// What callbacks left.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Makes one call of the library on a thread of its own: the client is not destroyed before it is back. Whoever waits
    /// for the client is woken with the answer. A thread that cannot be started is an answer too: the receiver is cut off.
    pub(super) fn call<T: Send + 'static>(
        &self,
        name: &str,
        call: impl FnOnce(*mut sys::rd_kafka_t) -> T + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (sender, answer) = mpsc::channel();
        self.shared.leases.fetch_add(1, Ordering::AcqRel);
        let lease = Lease { client: self.client, shared: self.shared.clone() };
        let work = move || {
            // Nobody may wait for it any more.
            let _ = sender.send(call(lease.as_ptr()));
            lease.notify();
        };
        let _ = std::thread::Builder::new().name(name.to_owned()).stack_size(CALL_STACK).spawn(work);
        answer
    }

    /// A call on another thread may never come back: the client is not waited for when it goes.
    pub(super) fn leave_behind(&self) {
        self.shared.left_behind.store(true, Ordering::Release);
    }

    /// Serves callbacks of a producer without waiting.
    pub(super) fn serve(&self) {
        // SAFETY: the client is live; callbacks reach only `Shared`.
        unsafe { sys::rd_kafka_poll(self.as_ptr(), 0) };
    }

    /// Why the client can never go on, if so.
    pub(in crate::kafka) fn fatal(&self) -> Option<String> {
        self.shared.fatal.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// What a broker was last refused for, or refused us for, if anything was since the last
    /// [`welcome`](Self::welcome).
    pub(in crate::kafka) fn refusal(&self) -> Option<Refusal> {
        self.shared.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Topics that must not be written to, as far as was said since this was last asked.
    pub(in crate::kafka) fn denied(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.shared.denied.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A broker has answered.
    pub(in crate::kafka) fn welcome(&self) {
        self.shared.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Broken connections and time-outs so far.
    pub(in crate::kafka) fn disturbances(&self) -> u64 {
        self.shared.disturbances.load(Ordering::Relaxed)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let doomed = Doomed { client: self.client, shared: self.shared.clone(), kind: self.kind };
        let (done, closed) = mpsc::channel::<()>();
        // On a thread of its own, since closing can hang as long as the broker is away.
        let closing = std::thread::Builder::new().name("kafka-close".to_owned()).spawn(move || {
            doomed.close();
            drop(done);
        });
        let limit = if self.shared.left_behind.load(Ordering::Acquire) { Duration::ZERO } else { CLOSE_LIMIT };
        if closing.is_ok() && closed.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("a kafka client did not close in time and is left behind");
        }
    }
}

/// A client in use by a thread of its own, for one call, which may never come back.
#[derive(Debug)]
struct Lease {
    client: NonNull<sys::rd_kafka_t>,
    shared: Arc<Shared>,
}

// SAFETY: as for `Handle`.
unsafe impl Send for Lease {}

impl Lease {
    /// The library's pointer, valid as long as `self`.
    fn as_ptr(&self) -> *mut sys::rd_kafka_t {
        self.client.as_ptr()
    }

    /// Wakes whoever waits for the client.
    fn notify(&self) {
        self.shared.notify.notify_one();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.leases.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Doomed {
    client: NonNull<sys::rd_kafka_t>,
    shared: Arc<Shared>,
    kind: Kind,
}

// SAFETY: as for `Handle`.
unsafe impl Send for Doomed {}

impl Doomed {
    fn close(self) {
        self.shared.closing.store(true, Ordering::Release);
        while self.shared.leases.load(Ordering::Acquire) > 0 {
            std::thread::sleep(LEASE_PAUSE);
        }
        let client = self.client.as_ptr();
        // SAFETY: `Handle` is gone, so nothing else uses the client; `shared` outlives the callbacks made from here.
        unsafe {
            match self.kind {
                Kind::Consumer => {
                    unassign_all(client);
                    sys::rd_kafka_consumer_close(client);
                }
                Kind::Producer => {
                    sys::rd_kafka_purge(client, sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT);
                }
            }
            sys::rd_kafka_destroy(client);
        }
    }
}

/// Settings on their way into a client.
struct Conf(NonNull<sys::rd_kafka_conf_t>);

impl Conf {
    fn new(properties: &BTreeMap<String, String>, kind: Kind, shared: &Arc<Shared>) -> Result<Self, Error> {
        // SAFETY: no precondition.
        let conf = NonNull::new(unsafe { sys::rd_kafka_conf_new() }).expect("the library allocates or aborts");
        let conf = Self(conf);
        for (name, value) in properties {
            conf.set(name, value)?;
        }
        let conf_ptr = conf.0.as_ptr();
        // SAFETY: the configuration is live; `shared` is kept by the `Handle` until the client is destroyed.
        unsafe {
            sys::rd_kafka_conf_set_opaque(conf_ptr, Arc::as_ptr(shared).cast_mut().cast());
            sys::rd_kafka_conf_set_log_cb(conf_ptr, Some(on_log));
            sys::rd_kafka_conf_set_error_cb(conf_ptr, Some(on_error));
            if kind == Kind::Consumer {
                sys::rd_kafka_conf_set_rebalance_cb(conf_ptr, Some(on_rebalance));
            }
        }
        Ok(conf)
    }

    fn set(&self, name: &str, value: &str) -> Result<(), Error> {
        let zero = |_| Error::new(format!("kafka setting {name}: holds a zero byte"));
        let (name_c, value_c) = (CString::new(name).map_err(zero)?, CString::new(value).map_err(zero)?);
        let mut reason = [0 as c_char; 512];
        // SAFETY: all pointers are live and the buffer has the length given.
        let result = unsafe {
            let (name, value) = (name_c.as_ptr(), value_c.as_ptr());
            sys::rd_kafka_conf_set(self.0.as_ptr(), name, value, reason.as_mut_ptr(), reason.len())
        };
        match result {
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            // The reason repeats the value, which may be a secret.
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_UNKNOWN => {
                Err(Error::new(format!("kafka setting {name}: there is no such setting")))
            }
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_INVALID => {
                Err(Error::new(format!("kafka setting {name}: the value is not allowed")))
            }
        }
    }
}

impl Drop for Conf {
    fn drop(&mut self) {
        // SAFETY: still ours: a client that took it makes the caller forget it.
        unsafe { sys::rd_kafka_conf_destroy(self.0.as_ptr()) };
    }
}

/// A queue of a client; the client's `notify` is notified when it gets something.
#[derive(Debug)]
pub(super) struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// Keeps the target of the wake-up alive.
    _shared: Arc<Shared>,
}

// SAFETY: a queue may be used from any thread.
unsafe impl Send for Queue {}

impl Queue {
    /// The queue where a consumer gets records and rebalances.
    pub(super) fn of_consumer(handle: &Handle) -> Self {
        // SAFETY: the client is a live consumer with a group, so it has such a queue.
        Self::wake(unsafe { sys::rd_kafka_queue_get_consumer(handle.as_ptr()) }, handle)
    }

    /// A new one, for the answer of a request.
    pub(super) fn new(handle: &Handle) -> Self {
        // SAFETY: the client is live.
        Self::wake(unsafe { sys::rd_kafka_queue_new(handle.as_ptr()) }, handle)
    }

    fn wake(queue: *mut sys::rd_kafka_queue_t, handle: &Handle) -> Self {
        let queue = NonNull::new(queue).expect("the client has the queue it was made with");
        let shared = handle.shared.clone();
        let target = Arc::as_ptr(&shared).cast_mut().cast();
        // SAFETY: the target is kept alive by `_shared` until the wake-up is taken away again.
        unsafe { sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(on_queue_event), target) };
        Self { queue, _shared: shared }
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue.as_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: ours; without the wake-up nothing refers to `_shared` any more.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.as_ptr(), None, std::ptr::null_mut());
            sys::rd_kafka_queue_destroy(self.as_ptr());
        }
    }
}
