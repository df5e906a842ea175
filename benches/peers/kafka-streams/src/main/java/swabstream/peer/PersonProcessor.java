package swabstream.peer;

import java.nio.ByteBuffer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** The person half on Kafka Streams. */
final class PersonProcessor extends ContextualProcessor<byte[], byte[], byte[], byte[]> implements PersonHalf.Host {
    static final String STORE = "people";

    private final PersonHalf half;
    private final int tasks;
    private final String arrivals;
    private KeyValueStore<Bytes, byte[]> people;
    private Record<byte[], byte[]> record;
    private Bytes person;

    /** `arrivals` is the topic whose records may have to be sent on to their person's task. */
    PersonProcessor(Registry registry, int tasks, String arrivals) {
        this.half = new PersonHalf(registry);
        this.tasks = tasks;
        this.arrivals = arrivals;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        super.init(context);
        people = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        LabResult result = record.value() == null ? null : LabResult.decode(record.value());
        if (result != null) {
            int home = Utils.toPositive(Utils.murmur2(result.personId)) % tasks;
            boolean arrived = context().recordMetadata().map(at -> at.topic().equals(arrivals)).orElse(true);
            if (arrived && home != context().taskId().partition()) {
                context().forward(record.withKey(result.personId), Topics.PERSON_EVENTS);
                return;
            }
        }
        this.record = record;
        half.apply(result, record.timestamp(), this);
    }

    @Override
    public byte[] held(byte[] personId) {
        person = Bytes.wrap(personId);
        return people.get(person);
    }

    @Override
    public void hold(byte[] value) {
        people.put(person, value);
    }

    @Override
    public void publishAlert(byte[] key, byte[] alert) {
        context().forward(record.withKey(key).withValue(alert), Topics.ALERTS);
    }

    @Override
    public void sendChanges(int district, byte[] cells) {
        byte[] key = ByteBuffer.allocate(4).putInt(district).array();
        context().forward(record.withKey(key).withValue(cells), Topics.AREA_CHANGES);
    }

    @Override
    public void refuse() {
        context().forward(record, Topics.DEAD_LETTERS);
    }
}
