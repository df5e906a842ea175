package swabstream.peer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes the fields of a protobuf message. Fields of the default value are left out, as proto3 does. */
final class Message {
    private byte[] bytes = new byte[256];
    private int size;

    Message clear() {
        size = 0;
        return this;
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes, size);
    }

    Message number(int field, long value) {
        if (value != 0) {
            varint((long) field << 3);
            varint(value);
        }
        return this;
    }

    /** An `optional` field: written also when it is 0. */
    Message present(int field, long value) {
        varint((long) field << 3);
        varint(value);
        return this;
    }

    Message real(int field, double value) {
        varint((long) field << 3 | 1);
        room(8);
        long bits = Double.doubleToRawLongBits(value);
        for (int shift = 0; shift < 64; shift += 8) {
            bytes[size++] = (byte) (bits >>> shift);
        }
        return this;
    }

    Message text(int field, String value) {
        return value.isEmpty() ? this : bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message bytes(int field, byte[] value) {
        return bytes(field, value, value.length);
    }

    Message message(int field, Message value) {
        return bytes(field, value.bytes, value.size);
    }

    private Message bytes(int field, byte[] value, int length) {
        varint((long) field << 3 | 2);
        varint(length);
        room(length);
        System.arraycopy(value, 0, bytes, size, length);
        size += length;
        return this;
    }

    private void varint(long value) {
        room(10);
        while ((value & ~0x7FL) != 0) {
            bytes[size++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        bytes[size++] = (byte) value;
    }

    private void room(int more) {
        if (size + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * (size + more));
        }
    }
}
