package swabstream.peer;

import java.nio.ByteBuffer;

/**
 * All numbers of one area and day as one value of the store: per purpose a mask of the kinds that were ever there, and a
 * number for each of these.
 */
final class Cells {
    private static final int HEAD = 9;

    private Cells() {}

    /** A copy with a change made. */
    static byte[] add(byte[] stored, int purpose, int kind, int sign) {
        ByteBuffer old = ByteBuffer.wrap(stored == null ? new byte[0] : stored);
        for (int at = 0; at < old.capacity(); at += length(old, at)) {
            if (old.get(at) != purpose) {
                continue;
            }
            long mask = old.getLong(at + 1);
            int place = at + HEAD + 4 * Long.bitCount(mask & (1L << kind) - 1);
            if ((mask & 1L << kind) != 0) {
                ByteBuffer next = ByteBuffer.wrap(old.array().clone());
                return next.putInt(place, next.getInt(place) + sign).array();
            }
            ByteBuffer next = ByteBuffer.allocate(old.capacity() + 4);
            next.put(old.array(), 0, place).putInt(sign).put(old.array(), place, old.capacity() - place);
            return next.putLong(at + 1, mask | 1L << kind).array();
        }
        ByteBuffer next = ByteBuffer.allocate(old.capacity() + HEAD + 4);
        return next.put(old.array()).put((byte) purpose).putLong(1L << kind).putInt(sign).array();
    }

    /** Spreads them out: by purpose and kind. */
    static void read(byte[] stored, int[][] into) {
        ByteBuffer bytes = ByteBuffer.wrap(stored);
        for (int at = 0; at < bytes.capacity(); at += length(bytes, at)) {
            int place = at + HEAD;
            for (long left = bytes.getLong(at + 1); left != 0; left &= left - 1) {
                into[bytes.get(at)][Long.numberOfTrailingZeros(left)] = bytes.getInt(place);
                place += 4;
            }
        }
    }

    private static int length(ByteBuffer bytes, int at) {
        return HEAD + 4 * Long.bitCount(bytes.getLong(at + 1));
    }
}
