package swabstream.peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** The person half on Flink, by person: takes arrivals, puts out changes of districts, and outputs on the side. */
final class PersonFunction extends KeyedProcessFunction<String, byte[], byte[]>
    implements PersonHalf.Host, CheckpointListener {
    static final OutputTag<byte[]> OUTPUTS =
        new OutputTag<>("outputs", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    private static final long serialVersionUID = 1;
    private static final byte[] NO_KEY = {};

    private final String areas;
    private final String labs;
    private transient PersonHalf half;
    private transient ValueState<byte[]> held;
    private transient byte[] arrival;
    private transient Context context;
    private transient Collector<byte[]> changes;

    PersonFunction(String areas, String labs) {
        this.areas = areas;
        this.labs = labs;
    }

    @Override
    public void open(OpenContext ignored) throws IOException {
        half = new PersonHalf(Registry.read(Path.of(areas), Path.of(labs)));
        held = getRuntimeContext().getState(
            new ValueStateDescriptor<>("person", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(byte[] arrival, Context context, Collector<byte[]> changes) {
        this.arrival = arrival;
        this.context = context;
        this.changes = changes;
        half.apply(LabResult.decode(arrival, Arrival.RECORD), Arrival.millis(arrival), this);
    }

    @Override
    public byte[] held(byte[] personId) {
        try {
            return held.value();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public void hold(byte[] person) {
        try {
            held.update(person);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public void publishAlert(byte[] key, byte[] alert) {
        context.output(OUTPUTS, Output.of(Output.ALERT, key, alert, 0));
    }

    @Override
    public void sendChanges(int district, byte[] cells) {
        ByteBuffer bytes = ByteBuffer.allocate(AreaFunction.CELLS + cells.length);
        changes.collect(bytes.putInt(district).putLong(Arrival.millis(arrival)).put(cells).array());
    }

    @Override
    public void refuse() {
        context.output(OUTPUTS, Output.of(Output.DEAD_LETTER, NO_KEY, arrival, Arrival.RECORD));
    }

    @Override
    public void notifyCheckpointComplete(long id) {
        Commits.seen(id);
    }
}
