package swabstream.peer;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** The area half: adds signed changes up, and publishes the numbers of areas that changed twice a second. */
final class AreaProcessor extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    static final String STORE = "areas";
    private static final Duration PACE = Duration.ofMillis(500);

    private final Registry registry;
    private final Positivity positivity = new Positivity();
    /** Earliest changed day by area, since they were last published. Lost with the process: then all are published. */
    private final Map<Integer, Integer> changed = new HashMap<>();
    private KeyValueStore<Bytes, byte[]> areas;
    private int firstDay = Integer.MAX_VALUE;
    private int today;

    AreaProcessor(Registry registry) {
        this.registry = registry;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        super.init(context);
        areas = context.getStateStore(STORE);
        try (KeyValueIterator<Bytes, byte[]> all = areas.all()) {
            while (all.hasNext()) {
                KeyValue<Bytes, byte[]> one = all.next();
                ByteBuffer key = ByteBuffer.wrap(one.key.get());
                change(key.getInt(0), key.getInt(4));
            }
        }
        context.schedule(PACE, PunctuationType.WALL_CLOCK_TIME, this::publish);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        ByteBuffer cells = ByteBuffer.wrap(record.value());
        int area = -1;
        int day = -1;
        Bytes key = null;
        byte[] value = null;
        while (cells.hasRemaining()) {
            long cell = cells.getLong();
            int sign = cells.get();
            // Cells of one area and day lie together: the store is asked once for them.
            if (Changes.area(cell) != area || Changes.day(cell) != day) {
                if (key != null) {
                    areas.put(key, value);
                }
                area = Changes.area(cell);
                day = Changes.day(cell);
                key = key(area, day);
                value = areas.get(key);
                change(area, day);
            }
            value = Cells.add(value, Changes.purpose(cell), Changes.kind(cell), sign);
        }
        areas.put(key, value);
        today = Math.max(today, (int) ((record.timestamp() / 1_000 + 8 * 3_600) / 86_400));
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

    private void publish(long now) {
        changed.forEach((area, since) -> publish(area, since, now));
        Counts.UNPUBLISHED.add(-changed.size());
        changed.clear();
    }

    private void publish(int area, int since, long now) {
        int last = Math.min(since + Positivity.DAYS - 1, today);
        int first = Math.max(since - Positivity.DAYS + 1, firstDay);
        int[][][] held = new int[last - first + 1][][];
        for (int day = first; day <= last; day++) {
            byte[] stored = areas.get(key(area, day));
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
            byte[] message = positivity.message(code, end, registry.population(area), now, days);
            byte[] key = (code + "/" + LocalDate.ofEpochDay(end)).getBytes(StandardCharsets.UTF_8);
            context().forward(new Record<>(key, message, now), Topics.AREA_POSITIVITY);
        }
    }

    private static Bytes key(int area, int day) {
        return Bytes.wrap(ByteBuffer.allocate(8).putInt(area).putInt(day).array());
    }
}
