package swabstream.peer;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * What a result changes in the numbers of areas: signed cells. A cell is an area, a purpose, a day and a kind: a finding,
 * a case, or people by the gap to their next test day (positive day) there, so that the distinct people of any window
 * are a sum.
 */
final class Changes {
    static final int CASES = 0;
    /** Findings 1 to 4 are kinds of their own. */
    static final int TESTED = 16;
    static final int FOUND_POSITIVE = 32;
    static final int FARTHEST = 15;
    private static final int CELL = 9;

    private long[] cells = new long[64];
    private int[] signs = new int[64];
    private int count;
    private int cursor;

    static long cell(int area, int purpose, int day, int kind) {
        return (long) area << 32 | (long) purpose << 24 | (long) (day & 0xFFFF) << 8 | kind;
    }

    void clear() {
        count = 0;
        cursor = 0;
    }

    /** Adds all cells of a person, with a sign. What was taken away and is added again is no change. */
    void add(Person person, Registry registry, int sign) {
        cursor = 0;
        for (int row = 0; row < person.rows(); row++) {
            if (!person.counts(row)) {
                continue;
            }
            int street = person.area(row);
            int district = registry.district(street);
            addRow(person, registry, row, street, false, sign);
            if (district != street) {
                addRow(person, registry, row, district, true, sign);
            }
        }
        addCase(person, registry, sign);
    }

    private void addRow(Person person, Registry registry, int row, int area, boolean byDistrict, int sign) {
        int purpose = person.purpose(row);
        int day = person.day(row);
        int finding = person.finding(row);
        add(cell(area, purpose, day, finding), sign);
        if (finding < LabResult.NEGATIVE) {
            return;
        }
        for (int of = 0; of <= purpose; of += purpose) {
            int gap = gap(person, registry, row, area, byDistrict, of, false);
            if (gap > 0) {
                add(cell(area, of, day, TESTED + gap), sign);
            }
            if (finding == LabResult.POSITIVE) {
                gap = gap(person, registry, row, area, byDistrict, of, true);
                if (gap > 0) {
                    add(cell(area, of, day, FOUND_POSITIVE + gap), sign);
                }
            }
        }
    }

    /** Days to the next such day of the person there; 0 where a later row of the same day speaks for it. */
    private static int gap(
        Person person, Registry registry, int row, int area, boolean byDistrict, int purpose, boolean positive) {
        for (int next = row + 1; next < person.rows(); next++) {
            int there = byDistrict ? registry.district(person.area(next)) : person.area(next);
            boolean same = person.counts(next) && there == area && (purpose == 0 || person.purpose(next) == purpose);
            int least = positive ? LabResult.POSITIVE : LabResult.NEGATIVE;
            if (same && person.finding(next) >= least) {
                return Math.min(person.day(next) - person.day(row), FARTHEST);
            }
        }
        return FARTHEST;
    }

    /** The case belongs to the area of its first positive. */
    private void addCase(Person person, Registry registry, int sign) {
        for (int row = 0; row < person.rows(); row++) {
            if (person.isPositive(row)) {
                int street = person.area(row);
                add(cell(street, person.purpose(row), person.day(row), CASES), sign);
                if (registry.district(street) != street) {
                    add(cell(registry.district(street), person.purpose(row), person.day(row), CASES), sign);
                }
                return;
            }
        }
    }

    private void add(long cell, int sign) {
        // Before and after are alike but for a row: the next one is mostly where the last one was found.
        for (int tried = 0; tried < count; tried++) {
            int at = cursor + tried < count ? cursor + tried : cursor + tried - count;
            if (cells[at] == cell) {
                signs[at] += sign;
                cursor = at + 1 < count ? at + 1 : 0;
                return;
            }
        }
        if (count == cells.length) {
            cells = Arrays.copyOf(cells, 2 * count);
            signs = Arrays.copyOf(signs, 2 * count);
        }
        cells[count] = cell;
        signs[count++] = sign;
    }

    /** The cells of a district and its streets, taken out; null where there are none. */
    byte[] take(int district, Registry registry) {
        int size = 0;
        for (int at = 0; at < count; at++) {
            size += isOf(at, district, registry) ? CELL : 0;
        }
        if (size == 0) {
            return null;
        }
        ByteBuffer bytes = ByteBuffer.allocate(size);
        for (int at = 0; at < count; at++) {
            if (isOf(at, district, registry)) {
                bytes.putLong(cells[at]).put((byte) signs[at]);
                signs[at] = 0;
            }
        }
        return bytes.array();
    }

    /** A district that still has changes; -1 when all are taken. */
    int anyDistrict(Registry registry) {
        for (int at = 0; at < count; at++) {
            if (signs[at] != 0) {
                return registry.district(area(cells[at]));
            }
        }
        return -1;
    }

    private boolean isOf(int at, int district, Registry registry) {
        return signs[at] != 0 && registry.district(area(cells[at])) == district;
    }

    static int area(long cell) {
        return (int) (cell >>> 32);
    }

    static int purpose(long cell) {
        return (int) (cell >>> 24) & 0xFF;
    }

    static int day(long cell) {
        return (int) (cell >>> 8) & 0xFFFF;
    }

    static int kind(long cell) {
        return (int) cell & 0xFF;
    }
}
