package io.engram.app.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.app.kafka.ChangelogTopic;
import io.engram.topology.EngramTopology;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

class StoppedStoreTest {
    private static final String TOPIC = "app-memory-changelog";

    @TempDir
    Path stateDir;

    private Path store;

    @BeforeEach
    void make() throws Exception {
        store = StoppedStore.of(stateDir.resolve("app").resolve("0_1"), EngramTopology.STORE);
        Files.createDirectories(store);
        RocksDB.loadLibrary();
    }

    private void write() throws Exception {
        try (Options options = new Options().setCreateIfMissing(true);
                FlushOptions flush = new FlushOptions();
                RocksDB db = RocksDB.open(options, store.toString())) {
            db.put("key".getBytes(StandardCharsets.UTF_8), "value".getBytes(StandardCharsets.UTF_8));
            db.flush(flush);
        }
    }

    private void start() {
        StateGuard guard = new StateGuard(stateDir, "app", stateDir.resolve("hnsw"), () -> 7, () -> {});
        guard.requireChangelogs(List.of(new ChangelogTopic(TOPIC, Optional.of("id"), true, Map.of(1, 5L))), false);
    }

    @Test
    void shouldStartWhereRocksDbWasKilledBeforeItHadItsFirstFiles() throws IOException {
        // What RocksDB has written before it renames its file CURRENT into place.
        Files.writeString(store.resolve("LOCK"), "");
        Files.writeString(store.resolve("MANIFEST-000001"), "");

        assertThat(StoppedStore.isThere(store)).isFalse();
        start();
    }

    @Test
    void shouldSayWhatIsMissingWhereThereIsData() throws Exception {
        write();
        assertThat(StoppedStore.isThere(store)).isTrue();
        new StoppedStore(store).close();

        Files.delete(store.resolve("CURRENT"));

        assertThat(StoppedStore.isThere(store)).as("its data is there").isTrue();
        assertThatThrownBy(() -> new StoppedStore(store))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(store.toString())
                .hasMessageContaining("CURRENT");
        start();
    }
}
