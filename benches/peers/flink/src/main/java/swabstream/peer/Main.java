package swabstream.peer;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.changelog.fs.FsStateChangelogOptions;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateChangelogOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend.PriorityQueueStateType;
import org.apache.flink.state.rocksdb.RocksDBConfigurableOptions;
import org.apache.flink.state.rocksdb.RocksDBOptions;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * Runs the job over a topic that holds so many results, prints one JSON line with what it took, and ends.
 *
 * <p>Arguments: brokers, prefix of the input, prefix of all else, results, file of areas, file of labs, folder for state
 * and checkpoints, what holds the state: `hashmap` or `rocksdb`.
 */
public final class Main {
    private static final int PARALLELISM = 2;
    private static final Duration COMMITS = Duration.ofMillis(100);

    private Main() {}

    /** See above. */
    public static void main(String[] arguments) throws Exception {
        String brokers = arguments[0];
        String input = arguments[1] + Topics.LAB_RESULTS;
        String prefix = arguments[2];
        long results = Long.parseLong(arguments[3]);
        Configuration settings = settings(Path.of(arguments[6]).toAbsolutePath(), arguments[7]);
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, settings);
        SingleOutputStreamOperator<byte[]> changes = flink
            .fromSource(source(brokers, input, prefix), WatermarkStrategy.noWatermarks(), "results")
            .keyBy(Arrival::person, Types.STRING)
            .process(new PersonFunction(arguments[4], arguments[5]), PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
        changes.keyBy(AreaFunction::district, Types.INT)
            .process(new AreaFunction(arguments[4], arguments[5]), PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO)
            .union(changes.getSideOutput(PersonFunction.OUTPUTS))
            .sinkTo(sink(brokers, prefix));
        JobClient job = flink.executeAsync();
        job.getJobExecutionResult().exceptionally(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return null;
        });
        Measured measured = Measured.until(results);
        // Ends with a checkpoint, which commits what is open.
        job.getJobExecutionResult().get();
        System.err.printf("flink with %s: a commit every %.0f ms%n", arguments[7], Commits.everyMillis());
        System.out.println(measured.line());
    }

    private static KafkaSource<byte[]> source(String brokers, String topic, String prefix) {
        return KafkaSource.<byte[]>builder()
            .setBootstrapServers(brokers)
            .setTopics(topic)
            .setGroupId(prefix + "app")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setDeserializer(new Arrival.Reader())
            .setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed")
            .setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "10000")
            .setProperty(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, String.valueOf(4 << 20))
            .setProperty(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, String.valueOf(64 << 20))
            .setProperty(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, "50")
            // Checkpoints hold the offsets: those in Kafka would only be for others to look at.
            .setProperty("commit.offsets.on.checkpoint", "false")
            .build();
    }

    private static KafkaSink<byte[]> sink(String brokers, String prefix) {
        Properties producer = new Properties();
        producer.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        producer.put(ProducerConfig.LINGER_MS_CONFIG, "100");
        producer.put(ProducerConfig.BATCH_SIZE_CONFIG, String.valueOf(1 << 19));
        producer.put(ProducerConfig.BUFFER_MEMORY_CONFIG, String.valueOf(64L << 20));
        // No more than the broker allows; the sink's own default is more.
        producer.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, "600000");
        return KafkaSink.<byte[]>builder()
            .setBootstrapServers(brokers)
            .setKafkaProducerConfig(producer)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(prefix + "sink")
            // Ids are used again: else each checkpoint has new ones for the broker to remember.
            .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
            .setRecordSerializer(new Output.Writer(prefix))
            .build();
    }

    private static Configuration settings(Path folder, String state) {
        Configuration all = new Configuration();
        all.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE);
        all.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, COMMITS);
        all.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        all.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, folder.resolve("checkpoints").toUri().toString());
        all.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        all.set(StateBackendOptions.STATE_BACKEND, state);
        // A checkpoint is what changed since the last one: without, it is all state with hashmap, and flushed files that
        // have to be compacted with rocksdb, and neither can be had every 100 ms.
        all.set(StateChangelogOptions.ENABLE_STATE_CHANGE_LOG, true);
        all.set(StateChangelogOptions.STATE_CHANGE_LOG_STORAGE, "filesystem");
        all.set(FsStateChangelogOptions.BASE_PATH, folder.resolve("changelog").toUri().toString());
        // Its default is a second, after which the job fails: a machine that is busy for so long is no failure.
        all.set(FsStateChangelogOptions.UPLOAD_TIMEOUT, Duration.ofMinutes(1));
        all.set(RocksDBOptions.TIMER_SERVICE_FACTORY, PriorityQueueStateType.HEAP);
        all.set(RocksDBConfigurableOptions.USE_BLOOM_FILTER, true);
        // For rocksdb, beside the heap.
        all.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1024));
        all.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(128));
        all.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(128));
        all.set(PipelineOptions.OBJECT_REUSE, true);
        all.set(PipelineOptions.GENERIC_TYPES, false);
        all.set(CoreOptions.TMP_DIRS, folder.toString());
        // A run in which anything failed counts for nothing.
        all.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        return all;
    }
}
