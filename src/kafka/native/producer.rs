//! A transactional producer by the C calls: the wrapper's commit waits 100 ms, this one takes 1 to 5.

use super::error::{TransactionError, ended};
use super::handle::{Handle, Kind};
use super::metadata::TopicHandle;
use super::partitions::PartitionList;
use super::rebalance::Membership;
use super::values::{ErrorCode, millis};
use crate::clock;
use crate::kafka::error::Error;
use rdkafka_sys as sys;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_void};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A call that keeps its time limit is back within this of it.
const CALL_GRACE: Duration = Duration::from_secs(1);

/// One record to be written.
#[derive(Clone, Copy, Debug)]
pub(in crate::kafka) struct Outgoing<'a> {
    pub(in crate::kafka) topic: &'a CStr,
    pub(in crate::kafka) partition: i32,
    /// Empty for none.
    pub(in crate::kafka) key: &'a [u8],
    pub(in crate::kafka) payload: Option<&'a [u8]>,
    pub(in crate::kafka) headers: &'a [(&'static str, Vec<u8>)],
}

/// A producer with a transactional id. Topics drop before the client.
#[derive(Debug)]
pub(in crate::kafka) struct TransactionalProducer {
    topics: BTreeMap<CString, TopicHandle>,
    handle: Handle,
}

impl TransactionalProducer {
    /// A producer; [`init`](Self::init) comes first.
    pub(in crate::kafka) fn new(properties: &BTreeMap<String, String>, notify: Arc<Notify>) -> Result<Self, Error> {
        Ok(Self { topics: BTreeMap::new(), handle: Handle::new(Kind::Producer, properties, notify)? })
    }

    pub(in crate::kafka) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Serves error callbacks, which only run when asked for.
    pub(in crate::kafka) fn serve(&self) {
        self.handle.serve();
    }

    /// Fences earlier producers of the same id, and aborts what they left open.
    pub(in crate::kafka) fn init(&self, limit: Duration) -> Result<(), TransactionError> {
        // SAFETY: the client is live; so for the calls below.
        ended(unsafe { sys::rd_kafka_init_transactions(self.handle.as_ptr(), millis(limit)) })
    }

    pub(in crate::kafka) fn begin(&self) -> Result<(), TransactionError> {
        // SAFETY: see `init`.
        ended(unsafe { sys::rd_kafka_begin_transaction(self.handle.as_ptr()) })
    }

    /// Sends what is outstanding and ends the transaction.
    /// Commits a transaction without offsets, and waits for it here.
    pub(in crate::kafka) fn commit(&self, limit: Duration) -> Result<(), TransactionError> {
        commit(self.handle.as_ptr(), clock::monotonic() + limit)
    }

    pub(in crate::kafka) fn abort(&self, limit: Duration) -> Result<(), TransactionError> {
        // SAFETY: see `init`.
        ended(unsafe { sys::rd_kafka_abort_transaction(self.handle.as_ptr(), millis(limit)) })
    }

    /// Asks for the end of the transaction: offsets are added, fenced by the membership, what was handed over is waited
    /// for, and all of it is committed. [`ended`](Self::ended) tells how that went.
    ///
    /// On its way the library looks up the group's coordinator, and keeps no time limit there: where a broker that has
    /// just started does not know it yet, it asks twice again and then waits for the next connection that breaks, which
    /// may be never (2.12.1, `rd_kafka_coord_req_handle_FindCoordinator`). So the calls wait on a thread of their own, and
    /// where they do not come back this producer is left behind with it.
    pub(in crate::kafka) fn end(&self, offsets: PartitionList, membership: Membership, limit: Duration) -> Ending {
        let until = clock::monotonic() + limit;
        let answer = self.handle.call("kafka-commit", move |client| {
            let added = add_offsets(client, &offsets, &membership, until).map_err(Unended::Offsets);
            let result = added.and_then(|()| {
                settle(client, until);
                commit(client, until).map_err(Unended::Commit)
            });
            TransactionEnd { result, at: clock::monotonic() }
        });
        Ending { answer, until: until + CALL_GRACE }
    }

    /// Nobody waits any more for what a thread of this producer does.
    pub(in crate::kafka) fn leave_behind(&self) {
        self.handle.leave_behind();
    }

    /// How a transaction ended whose end was asked for, or ends within `wait`; `None` while it has not.
    pub(in crate::kafka) fn ended(&self, ending: &Ending, wait: Duration) -> Option<TransactionEnd> {
        use mpsc::RecvTimeoutError::{Disconnected, Timeout};
        let left = ending.until.saturating_duration_since(clock::monotonic());
        let unanswered = |why| Some(TransactionEnd { result: Err(why), at: clock::monotonic() });
        match ending.answer.recv_timeout(wait.min(left)) {
            Ok(answer) => Some(answer),
            Err(Timeout) if wait < left => None,
            Err(Timeout) => {
                self.handle.leave_behind();
                let why = "the client did not say in time how the transaction ended";
                unanswered(Unended::Commit(TransactionError::unanswered(why)))
            }
            Err(Disconnected) => {
                let why = "there is no thread to end the transaction with";
                unanswered(Unended::Offsets(TransactionError::unanswered(why)))
            }
        }
    }

    /// Hands a record over; its bytes are copied. An error with the code `QUEUE_FULL` asks to serve and try again.
    pub(in crate::kafka) fn produce(&mut self, record: Outgoing<'_>) -> Result<(), TransactionError> {
        if !self.topics.contains_key(record.topic) {
            let unnamed = |_| TransactionError::of_code(ErrorCode::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
            let topic = TopicHandle::new(&self.handle, record.topic).map_err(unnamed)?;
            self.topics.insert(record.topic.to_owned(), topic);
        }
        let topic = self.topics[record.topic].as_ptr();
        match record.headers.is_empty() {
            true => produce_plain(topic, record),
            false => produce_with_headers(&self.handle, topic, record),
        }
    }

    /// Waits a moment for the broker to take some of what was handed over.
    pub(in crate::kafka) fn wait_a_moment(&self) {
        // SAFETY: the client is live.
        unsafe { sys::rd_kafka_poll(self.handle.as_ptr(), 1) };
    }
}

/// A transaction whose end was asked for.
#[derive(Debug)]
pub(in crate::kafka) struct Ending {
    answer: mpsc::Receiver<TransactionEnd>,
    until: Instant,
}

/// How a transaction ended.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct TransactionEnd {
    pub(in crate::kafka) result: Result<(), Unended>,
    /// When: whoever asks may have had other things to do since.
    pub(in crate::kafka) at: Instant,
}

/// Why a transaction did not end as it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Unended {
    /// Its offsets were not added: nothing of it can be committed.
    Offsets(TransactionError),
    /// The commit was asked for, or nobody knows.
    Commit(TransactionError),
}

type Client = *mut sys::rd_kafka_t;

fn left(until: Instant) -> i32 {
    millis(until.saturating_duration_since(clock::monotonic()))
}

fn add_offsets(
    client: Client,
    offsets: &PartitionList,
    by: &Membership,
    until: Instant,
) -> Result<(), TransactionError> {
    let (offsets, member) = (offsets.as_ptr(), by.as_ptr());
    // SAFETY: the client is leased and takes calls from any thread; the rest is ours. So for the calls below.
    ended(unsafe { sys::rd_kafka_send_offsets_to_transaction(client, offsets, member, left(until)) })
}

/// Waits until the broker has taken, or refused, all that was handed over. The library's own flush, part of the commit,
/// looks every 10 ms only.
fn settle(client: Client, until: Instant) {
    // SAFETY: see `add_offsets`.
    while unsafe { sys::rd_kafka_outq_len(client) } > 0 && clock::monotonic() < until {
        // SAFETY: see `add_offsets`.
        unsafe { sys::rd_kafka_poll(client, 1) };
    }
}

fn commit(client: Client, until: Instant) -> Result<(), TransactionError> {
    // SAFETY: see `add_offsets`.
    ended(unsafe { sys::rd_kafka_commit_transaction(client, left(until)) })
}

/// Start and length of a payload; null for a tombstone, which is not the same as empty.
fn payload_of(record: &Outgoing<'_>) -> (*mut c_void, usize) {
    match record.payload {
        Some(payload) => (payload.as_ptr().cast_mut().cast(), payload.len()),
        None => (std::ptr::null_mut(), 0),
    }
}

/// Start and length of a key. A record that had none when it was read must have none where it is set aside.
fn key_of(record: &Outgoing<'_>) -> (*mut c_void, usize) {
    match record.key {
        [] => (std::ptr::null_mut(), 0),
        key => (key.as_ptr().cast_mut().cast(), key.len()),
    }
}

fn produce_plain(topic: *mut sys::rd_kafka_topic_t, record: Outgoing<'_>) -> Result<(), TransactionError> {
    let (payload, length) = payload_of(&record);
    let ((key, key_length), flags) = (key_of(&record), sys::RD_KAFKA_MSG_F_COPY);
    let (partition, nothing) = (record.partition, std::ptr::null_mut());
    // SAFETY: the topic is live; key and payload are copied during the call, since the flag says so.
    let result = unsafe { sys::rd_kafka_produce(topic, partition, flags, payload, length, key, key_length, nothing) };
    match result {
        0 => Ok(()),
        // SAFETY: no precondition; the code of this thread's last call.
        _ => Err(TransactionError::of_code(unsafe { sys::rd_kafka_last_error() })),
    }
}

fn produce_with_headers(
    handle: &Handle,
    topic: *mut sys::rd_kafka_topic_t,
    record: Outgoing<'_>,
) -> Result<(), TransactionError> {
    use sys::rd_kafka_vtype_t as kind;
    use sys::rd_kafka_vu_s__bindgen_ty_1 as value;
    let memory = |ptr, size| value { mem: sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size } };
    let ((payload, length), (key, key_length)) = (payload_of(&record), key_of(&record));
    let mut fields = vec![
        field(kind::RD_KAFKA_VTYPE_RKT, value { rkt: topic }),
        field(kind::RD_KAFKA_VTYPE_PARTITION, value { i32_: record.partition }),
        field(kind::RD_KAFKA_VTYPE_MSGFLAGS, value { i: sys::RD_KAFKA_MSG_F_COPY }),
        field(kind::RD_KAFKA_VTYPE_VALUE, memory(payload, length)),
        field(kind::RD_KAFKA_VTYPE_KEY, memory(key, key_length)),
    ];
    let names: Vec<CString> = record.headers.iter().filter_map(|(name, _)| CString::new(*name).ok()).collect();
    for (name, (_, content)) in names.iter().zip(record.headers) {
        let (name, val) = (name.as_ptr(), content.as_ptr().cast());
        let header = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 { name, val, size: content.len() as isize };
        fields.push(field(kind::RD_KAFKA_VTYPE_HEADER, value { header }));
    }
    // SAFETY: each field's kind tells which part of its union is set; all memory is copied during the call.
    ended(unsafe { sys::rd_kafka_produceva(handle.as_ptr(), fields.as_ptr(), fields.len()) })
}

fn field(vtype: sys::rd_kafka_vtype_t, u: sys::rd_kafka_vu_s__bindgen_ty_1) -> sys::rd_kafka_vu_t {
    sys::rd_kafka_vu_t { vtype, u }
}

#[cfg(test)]
mod tests {
    use super::super::consumer::Consumer;
    use super::super::mock::Mock;
    use super::*;

    fn of(mock: &Mock, more: [(&str, &str); 1]) -> BTreeMap<String, String> {
        let all = [("bootstrap.servers", mock.bootstraps())].into_iter();
        let more = more.into_iter().map(|(name, value)| (name, value.to_owned()));
        all.chain(more).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn a_commit_ends_when_the_broker_has_answered_and_not_when_somebody_looks() {
        let mock = Mock::start(Duration::ZERO).expect("a broker");
        mock.create_topic(c"inputs", 1).expect("a topic");
        let member = Consumer::new(&of(&mock, [("group.id", "g")]), Arc::default()).expect("a consumer");
        let producer = TransactionalProducer::new(&of(&mock, [("transactional.id", "t")]), Arc::default());
        let producer = producer.expect("a producer");
        producer.init(Duration::from_secs(30)).expect("taken");
        producer.begin().expect("begun");
        let mut offsets = PartitionList::new();
        offsets.add(c"inputs", 0, 7);
        let ending = producer.end(offsets, member.membership().expect("of the group"), Duration::from_secs(30));
        let answer = ending.answer.recv().expect("its thread answers");
        let looked = clock::monotonic();
        let (again, answers) = mpsc::channel();
        again.send(answer).expect("it is held below");
        std::thread::sleep(Duration::from_millis(5));
        let ended = producer.ended(&Ending { answer: answers, ..ending }, Duration::MAX).expect("it has ended");
        assert!(ended.result.is_ok() && ended.at <= looked, "{ended:?}");
    }

    /// A coordinator that is not known for a moment is asked for no more, and the call of the library never comes back.
    #[test]
    fn what_the_library_waits_for_in_vain_costs_a_producer_and_no_more() {
        let mock = Mock::start(Duration::ZERO).expect("a broker");
        mock.create_topic(c"inputs", 1).expect("a topic");
        let member = Consumer::new(&of(&mock, [("group.id", "g")]), Arc::default()).expect("a consumer");
        let properties = of(&mock, [("transactional.id", "t")]);
        let offsets = || {
            let mut list = PartitionList::new();
            list.add(c"inputs", 0, 7);
            list
        };
        let limit = Duration::from_secs(1);
        for known in [true, false, true] {
            let producer = TransactionalProducer::new(&properties, Arc::default()).expect("a producer");
            producer.init(Duration::from_secs(30)).expect("taken");
            producer.begin().expect("begun");
            mock.know_coordinators(known);
            let ending = producer.end(offsets(), member.membership().expect("of the group"), limit);
            let ended = producer.ended(&ending, Duration::MAX).expect("its time is limited");
            mock.know_coordinators(true);
            match ended.result {
                Ok(()) => assert!(known),
                Err(Unended::Commit(error)) => {
                    assert!(!known && error.fatal && error.text.contains("did not say in time"), "{error:?}");
                }
                Err(Unended::Offsets(error)) => panic!("{error:?}"),
            }
        }
    }
}
