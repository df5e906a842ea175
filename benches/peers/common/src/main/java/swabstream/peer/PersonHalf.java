package swabstream.peer;

import java.nio.charset.StandardCharsets;
import java.time.LocalDate;

/** The person half: versions and duplicates, the case and its alert, what changes in the numbers of areas. */
final class PersonHalf {
    private static final long SKEW_SECONDS = 300;
    private static final long HORIZON_SECONDS = 7 * 86_400;
    /** The deployment's zone, Asia/Shanghai, has had this offset since 1991. */
    private static final long ZONE_SECONDS = 8 * 3_600;

    private final Registry registry;
    private final Changes changes = new Changes();
    private final Message alert = new Message();
    private final Message cause = new Message();

    /** What a framework does for it, with the result that is being applied. */
    interface Host {
        /** What is held of a person; null where nothing is. */
        byte[] held(byte[] personId);

        /** Holds this of the person that was asked for last. */
        void hold(byte[] person);

        void publishAlert(byte[] key, byte[] alert);

        /** To the area half, by district: see {@link AreaHalf#apply}. */
        void sendChanges(int district, byte[] cells);

        /** Sets the record aside. */
        void refuse();
    }

    PersonHalf(Registry registry) {
        this.registry = registry;
    }

    /** Applies a result, or what could not be decoded: null. `millis` is when its record was appended. */
    void apply(LabResult result, long millis, Host host) {
        if (result == null || !takes(result, millis / 1_000, host)) {
            host.refuse();
        }
        Counts.RESULTS.increment();
    }

    /** Whether it is in order. */
    private boolean takes(LabResult result, long received, Host host) {
        int area = registry.area(result.area);
        int purpose = registry.purpose(result.purpose);
        boolean inTime = result.collectedSeconds <= received + SKEW_SECONDS
            && result.collectedSeconds >= received - HORIZON_SECONDS;
        if (area < 0 || purpose < 0 || !inTime || !registry.knowsLab(result.lab)) {
            return false;
        }
        Person before = Person.of(host.held(result.personId));
        int known = before.rowOf(result.identity);
        if (known >= 0 && !replaces(result, before, known)) {
            boolean conflict = result.revision == before.revision(known) && result.status == before.status(known)
                && result.meaning != before.meaning(known);
            return !conflict;
        }
        int day = (int) ((result.collectedSeconds + ZONE_SECONDS) / 86_400);
        Person after = before.with(result, area, purpose, day, known);
        alert(result, before, after, host);
        host.hold(after.stored());
        count(before, after, host);
        return true;
    }

    /** The standing version is the greatest by revision, status, finding and content, in whatever order they come. */
    private static boolean replaces(LabResult result, Person person, int row) {
        int order = Integer.compare(result.revision, person.revision(row));
        order = order != 0 ? order : Integer.compare(result.status, person.status(row));
        order = order != 0 ? order : Integer.compare(result.finding, person.finding(row));
        return (order != 0 ? order : Long.compare(result.meaning, person.meaning(row))) > 0;
    }

    private void count(Person before, Person after, Host host) {
        changes.clear();
        changes.add(before, registry, -1);
        changes.add(after, registry, 1);
        for (int district = changes.anyDistrict(registry); district >= 0; district = changes.anyDistrict(registry)) {
            host.sendChanges(district, changes.take(district, registry));
            Counts.SENT.increment();
        }
    }

    /** Raised with the first positive, withdrawn with the last; another first day is another case. */
    private void alert(LabResult result, Person before, Person after, Host host) {
        Case was = Case.of(before);
        Case is = Case.of(after);
        if (was.equals(is)) {
            return;
        }
        boolean same = was.positives > 0 && is.positives > 0 && was.firstDay == is.firstDay;
        if (was.positives > 0 && !same) {
            publish(result, was, 3, after, host);
        }
        if (is.positives > 0) {
            publish(result, is, same ? 2 : 1, after, host);
        }
    }

    private void publish(LabResult result, Case of, int state, Person person, Host host) {
        person.setAlertVersion(person.alertVersion() + 1);
        String id = of.id(result.personId);
        cause.clear().number(2, 1).number(3, state).text(4, result.resultId).bytes(5, result.lab);
        cause.number(6, result.revision).number(7, result.status).number(8, result.finding);
        alert.clear().text(1, id).number(2, person.alertVersion()).number(3, 1).number(4, state).number(5, 3);
        alert.bytes(8, result.personId).number(9, 1).text(10, registry.codes.get(of.area));
        alert.text(11, Registry.PURPOSES.get(of.purpose)).text(12, LocalDate.ofEpochDay(of.firstDay).toString());
        alert.text(13, LocalDate.ofEpochDay(of.lastDay).toString()).number(14, of.positives);
        alert.text(17, "cn-cases 2022-11-11").message(19, cause);
        host.publishAlert(id.getBytes(StandardCharsets.UTF_8), alert.toBytes());
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
