package swabstream.peer;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Runs the job over a topic that holds so many results, prints one JSON line with what it took, and ends.
 *
 * <p>Arguments: brokers, prefix of the input, prefix of all else, results, file of areas, file of labs, folder for the
 * state directory, person tasks.
 */
public final class Main {
    private static final int THREADS = 2;

    private Main() {}

    /** See above. */
    public static void main(String[] arguments) throws Exception {
        String input = arguments[1] + Topics.LAB_RESULTS;
        String prefix = arguments[2];
        long results = Long.parseLong(arguments[3]);
        Registry registry = Registry.read(Path.of(arguments[4]), Path.of(arguments[5]));
        int tasks = Integer.parseInt(arguments[7]);
        Topology topology = topology(input, prefix, tasks, registry);
        KafkaStreams streams = new KafkaStreams(topology, settings(arguments[0], prefix, arguments[6]));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return null;
        });
        streams.start();
        Measured measured = Measured.until(results);
        // Commits what is open.
        streams.close(Duration.ofMinutes(1));
        System.out.println(measured.line());
    }

    private static Topology topology(String input, String prefix, int tasks, Registry registry) {
        var read = new ByteArrayDeserializer();
        var write = new ByteArraySerializer();
        Topology topology = new Topology();
        topology.addSource("results", read, read, input);
        topology.addSource("sent-on", read, read, prefix + Topics.PERSON_EVENTS);
        topology.addProcessor("person", () -> new PersonProcessor(registry, tasks, input), "results", "sent-on");
        // Each person's value changes with each result and hardly twice between commits: a cache would only cost.
        topology.addStateStore(store(PersonProcessor.STORE).withCachingDisabled(), "person");
        topology.addSink(Topics.PERSON_EVENTS, prefix + Topics.PERSON_EVENTS, write, write, "person");
        topology.addSink(Topics.ALERTS, prefix + Topics.ALERTS, write, write, "person");
        topology.addSink(Topics.DEAD_LETTERS, prefix + Topics.DEAD_LETTERS, write, write, "person");
        topology.addSink(Topics.AREA_CHANGES, prefix + Topics.AREA_CHANGES, write, write,
            (String topic, byte[] district, byte[] cells, int partitions) ->
                java.util.Optional.of(java.util.Set.of(ByteBuffer.wrap(district).getInt() % partitions)),
            "person");
        topology.addSource("changes", read, read, prefix + Topics.AREA_CHANGES);
        topology.addProcessor("area", () -> new AreaProcessor(registry), "changes");
        // Here the cache is worth much: an area changes many times between commits.
        topology.addStateStore(store(AreaProcessor.STORE).withCachingEnabled(), "area");
        topology.addSink(Topics.AREA_POSITIVITY, prefix + Topics.AREA_POSITIVITY, write, write, "area");
        return topology;
    }

    private static StoreBuilder<KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>> store(String name) {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), Serdes.Bytes(), Serdes.ByteArray());
    }

    private static Properties settings(String brokers, String prefix, String folder) {
        Properties all = new Properties();
        all.put(StreamsConfig.APPLICATION_ID_CONFIG, prefix + "app");
        all.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        all.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        all.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        all.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        all.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
        all.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        all.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        all.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        // Waits for no partition to have a record before another's is taken: order between them does not matter.
        all.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
        all.put(StreamsConfig.METADATA_MAX_AGE_CONFIG, 5_000);
        all.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        all.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        all.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        all.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_BYTES_CONFIG), 64 << 20);
        all.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 50);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        all.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 1 << 19);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 256L << 20);
        return all;
    }
}
