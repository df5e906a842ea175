package swabstream.peer;

import java.util.concurrent.atomic.LongAdder;

/** How far the job has come, over all threads. */
final class Counts {
    /** Results that have come to their end in the person half. */
    static final LongAdder RESULTS = new LongAdder();
    /** Batches of changes sent to areas, and applied there. */
    static final LongAdder SENT = new LongAdder();
    static final LongAdder APPLIED = new LongAdder();
    /** Areas whose numbers are still to be published. */
    static final LongAdder UNPUBLISHED = new LongAdder();

    private Counts() {}
}
