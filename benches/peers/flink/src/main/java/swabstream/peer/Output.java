package swabstream.peer;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** A record on its way to one of the topics that are written, as one array: which topic, length of the key, both. */
final class Output {
    static final int ALERT = 0;
    static final int DEAD_LETTER = 1;
    static final int NUMBERS = 2;
    private static final List<String> TOPICS = List.of(Topics.ALERTS, Topics.DEAD_LETTERS, Topics.AREA_POSITIVITY);
    private static final int HEAD = 5;

    private Output() {}

    static byte[] of(int topic, byte[] key, byte[] value, int from) {
        ByteBuffer bytes = ByteBuffer.allocate(HEAD + key.length + value.length - from);
        return bytes.put((byte) topic).putInt(key.length).put(key).put(value, from, value.length - from).array();
    }

    /** Makes records of them. One sink for all topics: a checkpoint ends one transaction per subtask and not three. */
    static final class Writer implements KafkaRecordSerializationSchema<byte[]>, KafkaDatasetFacetProvider {
        private static final long serialVersionUID = 1;
        private final String prefix;

        Writer(String prefix) {
            this.prefix = prefix;
        }

        @Override
        public ProducerRecord<byte[], byte[]> serialize(byte[] output, KafkaSinkContext context, Long timestamp) {
            int value = HEAD + ByteBuffer.wrap(output).getInt(1);
            byte[] key = value == HEAD ? null : Arrays.copyOfRange(output, HEAD, value);
            byte[] bytes = Arrays.copyOfRange(output, value, output.length);
            return new ProducerRecord<>(prefix + TOPICS.get(output[0]), key, bytes);
        }

        /** The topics, which the sink asks after transactions that an earlier run left open. */
        @Override
        public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
            List<String> topics = TOPICS.stream().map(topic -> prefix + topic).toList();
            return Optional.of(new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(topics)));
        }
    }
}
