//! Lists of partitions with offsets.

use super::values::ErrorCode;
use rdkafka_sys as sys;
use std::ffi::{CStr, CString};
use std::ptr::NonNull;

/// A list of partitions, each with an offset and a text.
#[derive(Debug)]
pub(in crate::kafka) struct PartitionList {
    list: NonNull<sys::rd_kafka_topic_partition_list_t>,
    /// What the entries point to: ours, while the library thinks it would have to free it.
    texts: Vec<CString>,
}

// SAFETY: plain data.
unsafe impl Send for PartitionList {}

/// One entry of a list.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Entry<'a> {
    pub(in crate::kafka) topic: &'a CStr,
    pub(in crate::kafka) partition: i32,
    pub(in crate::kafka) offset: i64,
    pub(in crate::kafka) text: &'a [u8],
    pub(in crate::kafka) error: ErrorCode,
}

impl PartitionList {
    pub(in crate::kafka) fn new() -> Self {
        // SAFETY: no precondition.
        let list = unsafe { sys::rd_kafka_topic_partition_list_new(8) };
        Self { list: NonNull::new(list).expect("the library allocates or aborts"), texts: Vec::new() }
    }

    /// A copy of a list of the library.
    ///
    /// # Safety
    /// `list` is live.
    pub(super) unsafe fn copy_of(list: *const sys::rd_kafka_topic_partition_list_t) -> Self {
        let mut copy = Self::new();
        // SAFETY: live, as the caller vouches.
        for entry in unsafe { entries(list) } {
            copy.add(entry.topic, entry.partition, entry.offset);
        }
        copy
    }

    pub(in crate::kafka) fn add(&mut self, topic: &CStr, partition: i32, offset: i64) {
        // SAFETY: the list is ours; the library copies the name.
        unsafe {
            let entry = sys::rd_kafka_topic_partition_list_add(self.as_ptr(), topic.as_ptr(), partition);
            (*entry).offset = offset;
        }
    }

    /// An entry whose offset is committed with a text.
    pub(in crate::kafka) fn add_with_text(&mut self, topic: &CStr, partition: i32, offset: i64, text: CString) {
        self.add(topic, partition, offset);
        // SAFETY: the entry was just added at the end; the text is kept until the pointer is taken out again.
        unsafe {
            let list = self.list.as_ref();
            let entry = list.elems.add(list.cnt as usize - 1);
            (*entry).metadata = text.as_ptr().cast_mut().cast();
            (*entry).metadata_size = text.count_bytes();
        }
        self.texts.push(text);
    }

    pub(in crate::kafka) fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    pub(in crate::kafka) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        // SAFETY: the list is ours and lives as long as the iterator.
        unsafe { entries(self.list.as_ptr()) }
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_topic_partition_list_t {
        self.list.as_ptr()
    }
}

/// The entries of a list of the library.
///
/// # Safety
/// `list` is live and unchanged for the lifetime the caller gives the entries.
pub(super) unsafe fn entries<'a>(list: *const sys::rd_kafka_topic_partition_list_t) -> impl Iterator<Item = Entry<'a>> {
    // SAFETY: live, as the caller vouches; it holds `cnt` entries.
    let elements = unsafe {
        match (*list).cnt {
            0 => &[][..],
            count => std::slice::from_raw_parts((*list).elems, count as usize),
        }
    };
    elements.iter().map(|element| {
        let text: &[u8] = match element.metadata.is_null() {
            true => &[],
            // SAFETY: not null, so it points to as many bytes.
            false => unsafe { std::slice::from_raw_parts(element.metadata.cast(), element.metadata_size) },
        };
        // SAFETY: each entry has a name.
        let topic = unsafe { CStr::from_ptr(element.topic) };
        Entry { topic, partition: element.partition, offset: element.offset, text, error: element.err }
    })
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: the list is ours. Texts are ours as well and must not be freed by the library.
        unsafe {
            if !self.texts.is_empty() {
                let list = self.list.as_ref();
                for at in 0..list.cnt as usize {
                    (*list.elems.add(at)).metadata = std::ptr::null_mut();
                    (*list.elems.add(at)).metadata_size = 0;
                }
            }
            sys::rd_kafka_topic_partition_list_destroy(self.as_ptr());
        }
    }
}
