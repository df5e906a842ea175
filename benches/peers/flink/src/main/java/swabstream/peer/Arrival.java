package swabstream.peer;

import com.google.protobuf.CodedInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * A result on its way to its person's task: when its record was appended, where in it the person's id lies, and the
 * record. One array, as is all that passes between tasks: nothing is cheaper to Flink.
 */
final class Arrival {
    /** Where the record begins. */
    static final int RECORD = 16;
    private static final int PERSON_ID = 5;

    private Arrival() {}

    private static byte[] of(long millis, byte[] record) {
        ByteBuffer bytes = ByteBuffer.allocate(RECORD + record.length).putLong(millis);
        try {
            CodedInputStream in = CodedInputStream.newInstance(record);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                if (tag >>> 3 == PERSON_ID) {
                    int length = in.readRawVarint32();
                    bytes.putInt(RECORD + in.getTotalBytesRead()).putInt(length);
                    break;
                }
                in.skipField(tag);
            }
        } catch (IOException error) {
            // Nobody's: whichever task gets it sets it aside.
        }
        return bytes.position(RECORD).put(record).array();
    }

    static long millis(byte[] arrival) {
        return ByteBuffer.wrap(arrival).getLong(0);
    }

    /** The id, a character per byte; empty where none was found. */
    static String person(byte[] arrival) {
        ByteBuffer bytes = ByteBuffer.wrap(arrival);
        int from = bytes.getInt(8);
        int length = bytes.getInt(12);
        boolean lies = length >= 0 && length <= arrival.length - from;
        return lies ? new String(arrival, from, length, StandardCharsets.ISO_8859_1) : "";
    }

    /** Makes them of the records of the input. */
    static final class Reader implements KafkaRecordDeserializationSchema<byte[]> {
        private static final long serialVersionUID = 1;
        private static final byte[] NOTHING = {};

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<byte[]> out) {
            out.collect(of(record.timestamp(), record.value() == null ? NOTHING : record.value()));
        }

        @Override
        public TypeInformation<byte[]> getProducedType() {
            return PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;
        }
    }
}
