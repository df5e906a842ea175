package swabstream.peer;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** The person half: versions and duplicates, the case and its alert, what changes in the numbers of areas. */
final class PersonProcessor extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    static final String STORE = "people";
    private static final long SKEW_SECONDS = 300;
    private static final long HORIZON_SECONDS = 7 * 86_400;
    /** The deployment's zone, Asia/Shanghai, has had this offset since 1991. */
    private static final long ZONE_SECONDS = 8 * 3_600;

    private final Registry registry;
    private final int tasks;
    private final String arrivals;
    private final Changes changes = new Changes();
    private final Message alert = new Message();
    private final Message cause = new Message();
    private KeyValueStore<Bytes, byte[]> people;

    /** `arrivals` is the topic whose records may have to be sent on to their person's task. */
    PersonProcessor(Registry registry, int tasks, String arrivals) {
        this.registry = registry;
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
        if (result == null) {
            refuse(record);
            return;
        }
        int home = Utils.toPositive(Utils.murmur2(result.personId)) % tasks;
        boolean arrived = context().recordMetadata().map(at -> at.topic().equals(arrivals)).orElse(true);
        if (arrived && home != context().taskId().partition()) {
            context().forward(record.withKey(result.personId), Topics.PERSON_EVENTS);
            return;
        }
        apply(record, result);
    }

    private void apply(Record<byte[], byte[]> record, LabResult result) {
        int area = registry.area(result.area);
        int purpose = registry.purpose(result.purpose);
        long received = record.timestamp() / 1_000;
        boolean inTime = result.collectedSeconds <= received + SKEW_SECONDS
            && result.collectedSeconds >= received - HORIZON_SECONDS;
        if (area < 0 || purpose < 0 || !inTime || !registry.knowsLab(result.lab)) {
            refuse(record);
            return;
        }
        Bytes key = Bytes.wrap(result.personId);
        Person before = Person.of(people.get(key));
        int known = before.rowOf(result.identity);
        if (known >= 0 && !replaces(result, before, known)) {
            boolean conflict = result.revision == before.revision(known) && result.status == before.status(known)
                && result.meaning != before.meaning(known);
            if (conflict) {
                refuse(record);
            } else {
                Counts.RESULTS.increment();
            }
            return;
        }
        int day = (int) ((result.collectedSeconds + ZONE_SECONDS) / 86_400);
        Person after = before.with(result, area, purpose, day, known);
        alert(record, result, before, after);
        people.put(key, after.stored());
        count(record, before, after);
        Counts.RESULTS.increment();
    }

    /** The standing version is the greatest by revision, status, finding and content, in whatever order they come. */
    private static boolean replaces(LabResult result, Person person, int row) {
        int order = Integer.compare(result.revision, person.revision(row));
        order = order != 0 ? order : Integer.compare(result.status, person.status(row));
        order = order != 0 ? order : Integer.compare(result.finding, person.finding(row));
        return (order != 0 ? order : Long.compare(result.meaning, person.meaning(row))) > 0;
    }

    private void refuse(Record<byte[], byte[]> record) {
        context().forward(record, Topics.DEAD_LETTERS);
        Counts.RESULTS.increment();
    }

    private void count(Record<byte[], byte[]> record, Person before, Person after) {
        changes.clear();
        changes.add(before, registry, -1);
        changes.add(after, registry, 1);
        for (int district = changes.anyDistrict(registry); district >= 0; district = changes.anyDistrict(registry)) {
            byte[] key = ByteBuffer.allocate(4).putInt(district).array();
            context().forward(record.withKey(key).withValue(changes.take(district, registry)), Topics.AREA_CHANGES);
            Counts.SENT.increment();
        }
    }

    /** Raised with the first positive, withdrawn with the last; another first day is another case. */
    private void alert(Record<byte[], byte[]> record, LabResult result, Person before, Person after) {
        Case was = Case.of(before);
        Case is = Case.of(after);
        if (was.equals(is)) {
            return;
        }
        boolean same = was.positives > 0 && is.positives > 0 && was.firstDay == is.firstDay;
        if (was.positives > 0 && !same) {
            publish(record, result, was, 3, after);
        }
        if (is.positives > 0) {
            publish(record, result, is, same ? 2 : 1, after);
        }
    }

    private void publish(Record<byte[], byte[]> record, LabResult result, Case of, int state, Person person) {
        person.setAlertVersion(person.alertVersion() + 1);
        String id = of.id(result.personId);
        cause.clear().number(2, 1).number(3, state).text(4, result.resultId).bytes(5, result.lab);
        cause.number(6, result.revision).number(7, result.status).number(8, result.finding);
        alert.clear().text(1, id).number(2, person.alertVersion()).number(3, 1).number(4, state).number(5, 3);
        alert.bytes(8, result.personId).number(9, 1).text(10, registry.codes.get(of.area));
        alert.text(11, Registry.PURPOSES.get(of.purpose)).text(12, LocalDate.ofEpochDay(of.firstDay).toString());
        alert.text(13, LocalDate.ofEpochDay(of.lastDay).toString()).number(14, of.positives);
        alert.text(17, "cn-cases 2022-11-11").message(19, cause);
        byte[] key = id.getBytes(StandardCharsets.UTF_8);
        context().forward(record.withKey(key).withValue(alert.toBytes()), Topics.ALERTS);
    }

    /** The positives of a person. */
    private record Case(int positives, int firstDay, int lastDay, int area, int purpose) {
        static Case of(Person person) {
            int positives = 0;
            int first = 0;
            int last = 0;
            for (int row = 0; row < person.rows(); row++) {
                if (person.isPositive(row)) {
                    first = positives++ == 0 ? row : first;
                    last = row;
                }
            }
            return positives == 0 ? new Case(0, 0, 0, 0, 0)
                : new Case(positives, person.day(first), person.day(last), person.area(first), person.purpose(first));
        }

        String id(byte[] person) {
            long high = firstDay;
            long low = ~firstDay;
            for (byte one : person) {
                high = (high ^ one) * 0x100000001B3L;
                low = (low + one) * 0x9E3779B97F4A7C15L;
            }
            return String.format("%016x%016x", high, low);
        }
    }
}
