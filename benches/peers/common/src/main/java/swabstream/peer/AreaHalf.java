package swabstream.peer;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.Map;

/** The area half: adds signed changes up, and publishes the numbers of areas that changed twice a second. */
final class AreaHalf {
    static final Duration PACE = Duration.ofMillis(500);

    private final Registry registry;
    private final Host host;
    private final Positivity positivity = new Positivity();
    /** Earliest changed day by area, since they were last published. Lost with the process: then all are published. */
    private final Map<Integer, Integer> changed = new HashMap<>();
    private int firstDay = Integer.MAX_VALUE;
    private int today;

    /** What a framework does for it. */
    interface Host {
        /** What is held of an area and day; null where nothing is. */
        byte[] held(int area, int day);

        void hold(int area, int day, byte[] cells);

        void publishNumbers(byte[] key, byte[] numbers);
    }

    AreaHalf(Registry registry, Host host) {
        this.registry = registry;
        this.host = host;
    }

    /** Something is held of an area and day that may not have been published: after a restore. */
    void restored(int area, int day) {
        change(area, day);
    }

    /** Adds changes up, as {@link Changes#take} writes them. `millis` is when their record was appended. */
    void apply(ByteBuffer cells, long millis) {
        int area = -1;
        int day = -1;
        byte[] value = null;
        while (cells.hasRemaining()) {
            long cell = cells.getLong();
            int sign = cells.get();
            // Cells of one area and day lie together: the store is asked once for them.
            if (Changes.area(cell) != area || Changes.day(cell) != day) {
                if (value != null) {
                    host.hold(area, day, value);
                }
                area = Changes.area(cell);
                day = Changes.day(cell);
                value = host.held(area, day);
                change(area, day);
            }
            value = Cells.add(value, Changes.purpose(cell), Changes.kind(cell), sign);
        }
        host.hold(area, day, value);
        today = Math.max(today, (int) ((millis / 1_000 + 8 * 3_600) / 86_400));
        Counts.APPLIED.increment();
    }

    private void change(int area, int day) {
        firstDay = Math.min(firstDay, day);
        today = Math.max(today, day);
        Integer known = changed.get(area);
        if (known == null || day < known) {
            changed.put(area, day);
            Counts.UNPUBLISHED.add(known == null ? 1 : 0);
        }
    }

    boolean hasUnpublished() {
        return !changed.isEmpty();
    }

    /** Publishes what changed since this was last called. */
    void publish(long now) {
        changed.forEach((area, since) -> publish(area, since, now));
        Counts.UNPUBLISHED.add(-changed.size());
        changed.clear();
    }

    private void publish(int area, int since, long now) {
        int last = Math.min(since + Positivity.DAYS - 1, today);
        int first = Math.max(since - Positivity.DAYS + 1, firstDay);
        int[][][] held = new int[last - first + 1][][];
        for (int day = first; day <= last; day++) {
            byte[] stored = host.held(area, day);
            if (stored != null) {
                held[day - first] = new int[Registry.PURPOSES.size()][Positivity.KINDS];
                Cells.read(stored, held[day - first]);
            }
        }
        String code = registry.codes.get(area);
        int[][][] days = new int[Positivity.DAYS][][];
        for (int end = since; end <= last; end++) {
            for (int age = 0; age < Positivity.DAYS; age++) {
                days[age] = end - age >= first ? held[end - age - first] : null;
            }
            byte[] numbers = positivity.message(code, end, registry.population(area), now, days);
            byte[] key = (code + "/" + LocalDate.ofEpochDay(end)).getBytes(StandardCharsets.UTF_8);
            host.publishNumbers(key, numbers);
        }
    }
}
