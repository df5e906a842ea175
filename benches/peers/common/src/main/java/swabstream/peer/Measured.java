package swabstream.peer;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;

/** What so many results took. */
record Measured(long results, double seconds, double cpu) {
    private static final Duration LIMIT = Duration.ofMinutes(15);

    /**
     * From when a quarter is done to when all is: a virtual machine that has just started is slow, and a processor runs
     * for weeks. Returns when their changes are applied and published, too.
     */
    static Measured until(long results) throws InterruptedException {
        long limit = System.nanoTime() + LIMIT.toNanos();
        long from = await(results / 4, limit);
        long began = System.nanoTime();
        double cpu = cpuSeconds();
        long to = await(results, limit);
        Measured measured = new Measured(to - from, (System.nanoTime() - began) / 1e9, cpuSeconds() - cpu);
        while (Counts.APPLIED.sum() < Counts.SENT.sum() || Counts.UNPUBLISHED.sum() > 0) {
            pause(limit);
        }
        return measured;
    }

    /** As `benches/figures/peer.rs` reads it. */
    String line() {
        return String.format("{\"results\":%d,\"seconds\":%.3f,\"cpu_seconds\":%.3f}", results, seconds, cpu);
    }

    private static long await(long results, long limit) throws InterruptedException {
        while (Counts.RESULTS.sum() < results) {
            pause(limit);
        }
        return Counts.RESULTS.sum();
    }

    private static void pause(long limit) throws InterruptedException {
        if (System.nanoTime() > limit) {
            System.err.println("stalled at " + Counts.RESULTS.sum());
            Runtime.getRuntime().halt(1);
        }
        Thread.sleep(2);
    }

    private static double cpuSeconds() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }
}
