package swabstream.peer;

/** How often there was a checkpoint, which is when outputs are committed. */
final class Commits {
    private static long last;
    private static long count;
    private static long firstNanos;
    private static long lastNanos;

    private Commits() {}

    /** Called by every subtask for each. */
    static synchronized void seen(long id) {
        if (id <= last) {
            return;
        }
        last = id;
        lastNanos = System.nanoTime();
        firstNanos = count++ == 0 ? lastNanos : firstNanos;
    }

    static synchronized double everyMillis() {
        return count < 2 ? Double.NaN : (lastNanos - firstNanos) / 1e6 / (count - 1);
    }
}
