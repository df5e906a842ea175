package swabstream.peer;

import java.nio.ByteBuffer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** The area half on Kafka Streams. */
final class AreaProcessor extends ContextualProcessor<byte[], byte[], byte[], byte[]> implements AreaHalf.Host {
    static final String STORE = "areas";

    private final AreaHalf half;
    private KeyValueStore<Bytes, byte[]> areas;

    AreaProcessor(Registry registry) {
        half = new AreaHalf(registry, this);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        super.init(context);
        areas = context.getStateStore(STORE);
        try (KeyValueIterator<Bytes, byte[]> all = areas.all()) {
            while (all.hasNext()) {
                KeyValue<Bytes, byte[]> one = all.next();
                ByteBuffer key = ByteBuffer.wrap(one.key.get());
                half.restored(key.getInt(0), key.getInt(4));
            }
        }
        context.schedule(AreaHalf.PACE, PunctuationType.WALL_CLOCK_TIME, half::publish);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        half.apply(ByteBuffer.wrap(record.value()), record.timestamp());
    }

    @Override
    public byte[] held(int area, int day) {
        return areas.get(key(area, day));
    }

    @Override
    public void hold(int area, int day, byte[] cells) {
        areas.put(key(area, day), cells);
    }

    @Override
    public void publishNumbers(byte[] key, byte[] numbers) {
        long now = context().currentSystemTimeMs();
        context().forward(new Record<>(key, numbers, now), Topics.AREA_POSITIVITY);
    }

    private static Bytes key(int area, int day) {
        return Bytes.wrap(ByteBuffer.allocate(8).putInt(area).putInt(day).array());
    }
}
