package swabstream.peer;

import java.nio.ByteBuffer;

/**
 * All that is held of a person: rows of fixed size, ordered by the time of the swab, behind the version of the alert.
 * The bytes are the value in the store, changed as a whole.
 */
final class Person {
    private static final int HEAD = 4;
    private static final int ROW = 40;
    /** Rows that no admissible result can have as a neighbour any more: horizon, longest window and a day. */
    private static final int HELD_DAYS = 22;

    private final ByteBuffer bytes;

    private Person(byte[] bytes) {
        this.bytes = ByteBuffer.wrap(bytes);
    }

    static Person of(byte[] stored) {
        return new Person(stored == null ? new byte[HEAD] : stored);
    }

    byte[] stored() {
        return bytes.array();
    }

    int rows() {
        return (bytes.capacity() - HEAD) / ROW;
    }

    int alertVersion() {
        return bytes.getInt(0);
    }

    long identity(int row) {
        return bytes.getLong(HEAD + row * ROW);
    }

    long meaning(int row) {
        return bytes.getLong(HEAD + row * ROW + 8);
    }

    long collected(int row) {
        return bytes.getLong(HEAD + row * ROW + 16);
    }

    int revision(int row) {
        return bytes.getInt(HEAD + row * ROW + 24);
    }

    int area(int row) {
        return bytes.getInt(HEAD + row * ROW + 28);
    }

    int day(int row) {
        return bytes.getInt(HEAD + row * ROW + 32);
    }

    int status(int row) {
        return bytes.get(HEAD + row * ROW + 36);
    }

    int finding(int row) {
        return bytes.get(HEAD + row * ROW + 37);
    }

    int purpose(int row) {
        return bytes.get(HEAD + row * ROW + 38);
    }

    /** Whether the row counts: a withdrawn one is kept and does not, and neither does a preliminary one. */
    boolean counts(int row) {
        return status(row) > 1 && status(row) < LabResult.CANCELLED;
    }

    boolean isPositive(int row) {
        return counts(row) && finding(row) == LabResult.POSITIVE;
    }

    int rowOf(long identity) {
        for (int row = 0; row < rows(); row++) {
            if (identity(row) == identity) {
                return row;
            }
        }
        return -1;
    }

    /** With a row added, or put in the place of another (-1 for none), and without rows that are too old. */
    Person with(LabResult result, int area, int purpose, int day, int instead) {
        int count = 0;
        for (int row = 0; row < rows(); row++) {
            count += keeps(row, instead, day) ? 1 : 0;
        }
        Person next = new Person(new byte[HEAD + (count + 1) * ROW]);
        next.bytes.putInt(0, alertVersion());
        int to = 0;
        boolean placed = false;
        for (int row = 0; row < rows(); row++) {
            if (!placed && collected(row) > result.collectedSeconds) {
                next.write(to++, result, area, purpose, day);
                placed = true;
            }
            if (keeps(row, instead, day)) {
                next.bytes.put(HEAD + to++ * ROW, bytes.array(), HEAD + row * ROW, ROW);
            }
        }
        if (!placed) {
            next.write(to, result, area, purpose, day);
        }
        return next;
    }

    void setAlertVersion(int version) {
        bytes.putInt(0, version);
    }

    private boolean keeps(int row, int instead, int day) {
        return row != instead && (isPositive(row) || day(row) >= day - HELD_DAYS);
    }

    private void write(int row, LabResult result, int area, int purpose, int day) {
        int at = HEAD + row * ROW;
        bytes.putLong(at, result.identity).putLong(at + 8, result.meaning).putLong(at + 16, result.collectedSeconds);
        bytes.putInt(at + 24, result.revision).putInt(at + 28, area).putInt(at + 32, day);
        bytes.put(at + 36, (byte) result.status).put(at + 37, (byte) result.finding).put(at + 38, (byte) purpose);
    }
}
