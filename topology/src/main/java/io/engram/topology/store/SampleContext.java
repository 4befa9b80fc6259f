package io.engram.topology.store;

import java.io.File;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsMetrics;
import org.apache.kafka.streams.processor.CommitCallback;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/**
 * The context of a store in the heap that no task has: nothing is restored into it.
 *
 * @param taskId by which it is called
 * @param directory of what it has on disk
 */
record SampleContext(TaskId taskId, Path directory) implements StateStoreContext {
    @Override
    public String applicationId() {
        return "";
    }

    @Override
    public Optional<RecordMetadata> recordMetadata() {
        return Optional.empty();
    }

    @Override
    public Serde<?> keySerde() {
        return Serdes.Bytes();
    }

    @Override
    public Serde<?> valueSerde() {
        return Serdes.ByteArray();
    }

    @Override
    public File stateDir() {
        return directory.toFile();
    }

    @Override
    public StreamsMetrics metrics() {
        throw new UnsupportedOperationException("a store in the heap has no metrics");
    }

    @Override
    public void register(StateStore store, StateRestoreCallback callback) {
        // Nothing will be restored.
    }

    @Override
    public void register(StateStore store, StateRestoreCallback callback, CommitCallback commit) {
        // Nothing will be restored, and nothing committed.
    }

    @Override
    public Map<String, Object> appConfigs() {
        return Map.of();
    }

    @Override
    public Map<String, Object> appConfigsWithPrefix(String prefix) {
        return Map.of();
    }
}
