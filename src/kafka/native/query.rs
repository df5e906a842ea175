//! Questions to the broker that do not block: asked once, looked after until answered.

use super::error::TransactionError;
use super::handle::{Handle, Queue};
use super::metadata::know_leaders;
use super::partitions::PartitionList;
use super::request::{Event, NoAnswer, Options, poll_queue, poll_raw, slice_of};
use super::shared::Shared;
use super::values::{ErrorCode, describe, millis};
use crate::clock;
use crate::kafka::error::Error;
use rdkafka_sys as sys;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Pause before a question that was refused is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How much later than agreed the library may say that there was no answer.
const GRACE: Duration = Duration::from_secs(1);

/// One partition of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Answer {
    pub(in crate::kafka) topic: CString,
    pub(in crate::kafka) partition: i32,
    /// Negative: none.
    pub(in crate::kafka) offset: i64,
    /// Metadata of a committed offset.
    pub(in crate::kafka) text: String,
}

/// Which end of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum End {
    /// The earliest record.
    First,
    /// The last stable offset: what a `read_committed` reader can reach now.
    Stable,
    /// The high watermark: after everything written, also in transactions still open.
    Last,
}

/// A question under way.
#[derive(Debug)]
pub(in crate::kafka) struct Query {
    source: Source,
    /// Topics that it goes by the leaders of.
    topics: BTreeSet<CString>,
    shared: Arc<Shared>,
}

/// Where the answer comes from.
#[derive(Debug)]
enum Source {
    /// A queue of the library.
    Queue(Queue),
    /// A thread that waits for it.
    Thread(mpsc::Receiver<Result<Vec<Answer>, NoAnswer>>),
}

impl Query {
    /// Asks for offsets of partitions.
    ///
    /// Where the client does not know who leads one of them, the library's request looks that up on two threads at once: on
    /// the caller's, and on its own as soon as any metadata arrive. When they meet, the second uses what the first has freed,
    /// and the process dies (2.12.1, `rd_kafka_topic_partition_list_query_leaders_async`). So the leaders are asked for
    /// before, on a thread that may wait; and again after any answer that says that they may have changed.
    pub(in crate::kafka) fn ends(
        handle: &Handle,
        partitions: impl IntoIterator<Item = (CString, i32)>,
        end: End,
        limit: Duration,
    ) -> Self {
        let partitions: Vec<(CString, i32)> = partitions.into_iter().collect();
        let topics: BTreeSet<CString> = partitions.iter().map(|(topic, _)| topic.clone()).collect();
        let shared = handle.shared().clone();
        if topics.is_subset(&shared.led()) {
            let queue = Queue::new(handle);
            // SAFETY: client and queue are live.
            unsafe { ask_ends(handle.as_ptr(), queue.as_ptr(), &partitions, end, limit) };
            return Self { source: Source::Queue(queue), topics, shared };
        }
        let (found, led) = (topics.clone(), shared.clone());
        let answer = handle.call("kafka-ask", move |client| {
            // SAFETY: the client is leased, and takes calls from any thread.
            unsafe {
                know_leaders(client, &partitions, limit)?;
                led.led().extend(found);
                wait_for_ends(client, &partitions, end, limit)
            }
        });
        Self { source: Source::Thread(answer), topics, shared }
    }

    /// Asks for offsets of partitions and waits. A refusal is asked again: a new topic, or a broker that restarts, has
    /// no leader for a moment.
    pub(in crate::kafka) fn ends_within(
        handle: &Handle,
        partitions: &[(CString, i32)],
        end: End,
        limit: Duration,
    ) -> Result<Vec<Answer>, Error> {
        let began = clock::monotonic();
        loop {
            match Self::ends(handle, partitions.iter().cloned(), end, limit).poll(limit) {
                Some(Ok(answers)) => return Ok(answers),
                None => return Err(Error::new("the broker did not answer in time")),
                Some(Err(refused)) if refused.is_denied() || began.elapsed() > limit => return Err(refused.into()),
                Some(Err(_)) => {
                    std::thread::sleep(ASK_AGAIN);
                    // One look for each run of a topic.
                    let mut topics: Vec<&CString> = partitions.iter().map(|(topic, _)| topic).collect();
                    topics.dedup();
                    topics.into_iter().for_each(|topic| handle.refresh(topic));
                }
            }
        }
    }

    /// Asks for committed offsets of the client's own group that no open transaction may still change; the client reads
    /// `read_committed`.
    ///
    /// The library has this as a call that waits, and as an admin request that does not. The admin request aborts the
    /// process when the coordinator's connection breaks at the wrong moment (librdkafka issue 4605), so the other one
    /// waits on a thread of its own.
    pub(in crate::kafka) fn committed(
        handle: &Handle,
        partitions: impl IntoIterator<Item = (CString, i32)>,
        limit: Duration,
    ) -> Self {
        let list = PartitionList::new();
        let list = partitions.into_iter().fold(list, |mut list, (topic, partition)| {
            list.add(&topic, partition, i64::from(sys::RD_KAFKA_OFFSET_INVALID));
            list
        });
        let answer = handle.call("kafka-ask", move |client| {
            // SAFETY: the client is live and takes calls from any thread; the list is ours.
            let code = unsafe { sys::rd_kafka_committed(client, list.as_ptr(), millis(limit)) };
            match code {
                ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => list
                    .entries()
                    .map(|entry| one(entry.topic.to_owned(), entry.partition, entry.offset, entry.text, entry.error))
                    .collect(),
                code => Err(NoAnswer { code, text: describe(code) }),
            }
        });
        Self { source: Source::Thread(answer), topics: BTreeSet::new(), shared: handle.shared().clone() }
    }

    /// The answer, if there is one within the wait. After it, or an error, the question is over.
    pub(in crate::kafka) fn poll(&mut self, wait: Duration) -> Option<Result<Vec<Answer>, NoAnswer>> {
        let answer = self.take(wait);
        if matches!(answer, Some(Err(_))) {
            self.shared.led().retain(|topic| !self.topics.contains(topic));
        }
        answer
    }

    fn take(&mut self, wait: Duration) -> Option<Result<Vec<Answer>, NoAnswer>> {
        match &self.source {
            Source::Queue(queue) => {
                let event = poll_queue(queue, sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT, wait)?;
                Some(event.and_then(|event| event.ends()))
            }
            Source::Thread(answer) => match answer.recv_timeout(wait) {
                Ok(answers) => Some(answers),
                Err(mpsc::RecvTimeoutError::Timeout) => None,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let code = ErrorCode::RD_KAFKA_RESP_ERR__TIMED_OUT;
                    Some(Err(NoAnswer { code, text: "no thread to ask with".to_owned() }))
                }
            },
        }
    }
}

/// Sends the request; its answer comes to the queue.
///
/// # Safety
/// Client and queue are live.
unsafe fn ask_ends(
    client: *mut sys::rd_kafka_t,
    queue: *mut sys::rd_kafka_queue_t,
    partitions: &[(CString, i32)],
    end: End,
    limit: Duration,
) {
    use sys::rd_kafka_IsolationLevel_t as isolation;
    let spec = match end {
        End::First => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST,
        End::Stable | End::Last => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST,
    };
    let level = match end {
        End::Stable => isolation::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
        End::First | End::Last => isolation::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
    };
    let mut list = PartitionList::new();
    for (topic, partition) in partitions {
        list.add(topic, *partition, spec as i64);
    }
    // SAFETY: all live, as the caller vouches; the library copies what it keeps. An error object, if any, is freed.
    unsafe {
        let options = Options::of(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS, limit);
        drop(TransactionError::taken(sys::rd_kafka_AdminOptions_set_isolation_level(options.0, level)));
        sys::rd_kafka_ListOffsets(client, list.as_ptr(), options.0, queue);
    }
}

/// Sends the request, and waits for its answer.
///
/// # Safety
/// The client is live.
unsafe fn wait_for_ends(
    client: *mut sys::rd_kafka_t,
    partitions: &[(CString, i32)],
    end: End,
    limit: Duration,
) -> Result<Vec<Answer>, NoAnswer> {
    // SAFETY: the client is live, as the caller vouches; the queue is ours, and outlives the event.
    unsafe {
        let queue = sys::rd_kafka_queue_new(client);
        ask_ends(client, queue, partitions, end, limit);
        let event = poll_raw(queue, sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT, limit + GRACE);
        let answer = event.unwrap_or_else(|| Err(unanswered())).and_then(|event| event.ends());
        sys::rd_kafka_queue_destroy(queue);
        answer
    }
}

fn unanswered() -> NoAnswer {
    let code = ErrorCode::RD_KAFKA_RESP_ERR__TIMED_OUT;
    NoAnswer { code, text: describe(code) }
}

impl Event {
    fn ends(&self) -> Result<Vec<Answer>, NoAnswer> {
        let mut count = 0;
        // SAFETY: the event is live and of this kind, checked by the caller; what it holds lives as long.
        let infos = unsafe {
            let result = sys::rd_kafka_event_ListOffsets_result(self.0);
            slice_of(sys::rd_kafka_ListOffsets_result_infos(result, &mut count), count)
        };
        let answer = |info: &*const sys::rd_kafka_ListOffsetsResultInfo_t| {
            // SAFETY: as above.
            let entry = unsafe { &*sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*info) };
            // SAFETY: each entry has a name.
            let topic = unsafe { CStr::from_ptr(entry.topic) }.to_owned();
            let answer = one(topic, entry.partition, entry.offset, &[], entry.err)?;
            // A request that was lost with its connection comes back without an error and without an answer.
            match answer.offset {
                0.. => Ok(answer),
                _ => {
                    let text = format!("{} [{}]: not answered", answer.topic.to_string_lossy(), answer.partition);
                    Err(NoAnswer { code: ErrorCode::RD_KAFKA_RESP_ERR__TRANSPORT, text })
                }
            }
        };
        infos.iter().map(answer).collect()
    }
}

fn one(topic: CString, partition: i32, offset: i64, text: &[u8], code: ErrorCode) -> Result<Answer, NoAnswer> {
    if code != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(NoAnswer::about(&topic, partition, code));
    }
    Ok(Answer { topic, partition, offset, text: String::from_utf8_lossy(text).into_owned() })
}
