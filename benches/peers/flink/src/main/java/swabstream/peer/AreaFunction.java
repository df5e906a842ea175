package swabstream.peer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.TimerService;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.FlinkRuntimeException;

/** The area half on Flink, by district: takes changes, puts out outputs. */
final class AreaFunction extends KeyedProcessFunction<Integer, byte[], byte[]>
    implements AreaHalf.Host, CheckpointedFunction {
    /** Where in changes the cells begin, behind the district and when the result's record was appended. */
    static final int CELLS = 12;
    private static final long serialVersionUID = 1;

    private final String areas;
    private final String labs;
    private transient Registry registry;
    /** By area and day. */
    private transient MapState<Long, byte[]> held;
    /** The same: an area is asked for with every result, and RocksDB answers slowly. What is written goes to both. */
    private transient Map<Long, byte[]> cache;
    private transient Map<Integer, AreaHalf> districts;
    private transient boolean isRestored;
    private transient Collector<byte[]> outputs;

    AreaFunction(String areas, String labs) {
        this.areas = areas;
        this.labs = labs;
    }

    static int district(byte[] changes) {
        return ByteBuffer.wrap(changes).getInt(0);
    }

    @Override
    public void initializeState(FunctionInitializationContext context) {
        isRestored = context.isRestored();
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {
        // What has changed and is not published is not stored: its timer is, and after a restore it publishes all.
    }

    @Override
    public void open(OpenContext ignored) throws IOException {
        registry = Registry.read(Path.of(areas), Path.of(labs));
        cache = new HashMap<>();
        districts = new HashMap<>();
        held = getRuntimeContext().getMapState(
            new MapStateDescriptor<>("areas", Types.LONG, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(byte[] changes, Context context, Collector<byte[]> outputs) throws Exception {
        ByteBuffer bytes = ByteBuffer.wrap(changes);
        AreaHalf half = half(bytes.getInt());
        if (!half.hasUnpublished()) {
            schedule(context.timerService());
        }
        half.apply(bytes.position(CELLS), bytes.getLong(4));
    }

    private AreaHalf half(int district) throws Exception {
        AreaHalf known = districts.get(district);
        if (known != null) {
            return known;
        }
        AreaHalf half = new AreaHalf(registry, this);
        districts.put(district, half);
        if (isRestored) {
            for (long key : held.keys()) {
                half.restored((int) (key >>> 32), (int) key);
            }
        }
        return half;
    }

    private static void schedule(TimerService timers) {
        long pace = AreaHalf.PACE.toMillis();
        timers.registerProcessingTimeTimer((timers.currentProcessingTime() / pace + 1) * pace);
        // At the end of a bounded input no more timers of the other kind fire.
        timers.registerEventTimeTimer(Long.MAX_VALUE);
    }

    @Override
    public void onTimer(long time, OnTimerContext context, Collector<byte[]> outputs) throws Exception {
        this.outputs = outputs;
        half(context.getCurrentKey()).publish(context.timerService().currentProcessingTime());
    }

    @Override
    public byte[] held(int area, int day) {
        byte[] known = cache.get(key(area, day));
        if (known != null) {
            return known;
        }
        try {
            return held.get(key(area, day));
        } catch (Exception error) {
            throw new FlinkRuntimeException(error);
        }
    }

    @Override
    public void hold(int area, int day, byte[] cells) {
        try {
            held.put(key(area, day), cells);
            cache.put(key(area, day), cells);
        } catch (Exception error) {
            throw new FlinkRuntimeException(error);
        }
    }

    @Override
    public void publishNumbers(byte[] key, byte[] numbers) {
        outputs.collect(Output.of(Output.NUMBERS, key, numbers, 0));
    }

    private static long key(int area, int day) {
        return (long) area << 32 | day;
    }
}
