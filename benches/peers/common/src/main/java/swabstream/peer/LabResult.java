package swabstream.peer;

import com.google.protobuf.CodedInputStream;
import java.io.IOException;

/**
 * What the job needs of a result. Read field by field, as a generated class would, but without the objects of one: the
 * peer is not to lose by its decoder.
 */
final class LabResult {
    static final int POSITIVE = 4;
    static final int NEGATIVE = 3;
    static final int CANCELLED = 4;

    byte[] personId = EMPTY;
    byte[] area = EMPTY;
    byte[] purpose = EMPTY;
    byte[] lab = EMPTY;
    long identity;
    long meaning;
    String resultId = "";
    int revision;
    int status;
    int finding;
    long collectedSeconds;

    private static final byte[] EMPTY = {};
    private static final long PRIME = 0x9E3779B97F4A7C15L;

    /** Null where it is none or lacks a field that must be there. */
    static LabResult decode(byte[] bytes) {
        return decode(bytes, 0);
    }

    /** The same, of what lies behind some bytes. */
    static LabResult decode(byte[] bytes, int from) {
        LabResult result = new LabResult();
        try {
            result.read(CodedInputStream.newInstance(bytes, from, bytes.length - from));
        } catch (IOException error) {
            return null;
        }
        boolean whole = result.lab.length > 0 && !result.resultId.isEmpty() && result.personId.length > 0
            && result.area.length > 0 && result.purpose.length > 0 && result.collectedSeconds > 0
            && result.status >= 1 && result.status <= 5 && result.finding >= 1 && result.finding <= 4;
        return whole ? result : null;
    }

    private void read(CodedInputStream in) throws IOException {
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (tag >>> 3) {
                case 1 -> lab = in.readByteArray();
                case 2 -> resultId = in.readStringRequireUtf8();
                case 3 -> revision = in.readUInt32();
                case 4 -> status = in.readEnum();
                case 5 -> personId = in.readByteArray();
                case 7, 8 -> meaning = mix(meaning, hash(in.readByteArray()));
                case 9 -> collectedSeconds = readSeconds(in);
                case 12 -> area = in.readByteArray();
                case 13 -> purpose = in.readByteArray();
                case 14 -> finding = in.readEnum();
                default -> in.skipField(tag);
            }
        }
        identity = mix(hash(lab), resultId.hashCode());
        meaning = mix(mix(mix(meaning, hash(area)), hash(purpose)), collectedSeconds * 31 + finding * 7L + status);
    }

    private static long readSeconds(CodedInputStream in) throws IOException {
        int outer = in.pushLimit(in.readRawVarint32());
        long seconds = 0;
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (tag >>> 3 == 1) {
                seconds = in.readInt64();
            } else {
                in.skipField(tag);
            }
        }
        in.popLimit(outer);
        return seconds;
    }

    private static long hash(byte[] bytes) {
        long hash = bytes.length;
        for (byte one : bytes) {
            hash = (hash ^ one) * 0x100000001B3L;
        }
        return hash;
    }

    private static long mix(long left, long right) {
        long mixed = (left ^ right * PRIME) * PRIME;
        return mixed ^ mixed >>> 29;
    }
}
