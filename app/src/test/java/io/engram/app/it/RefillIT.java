package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.cli.CommandRun;
import io.engram.app.kafka.TestTopics;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/** A changelog that is lost gets back what the state of a stopped instance holds. */
class RefillIT {
    private static final int MEMORIES = 300;
    private static final String[] SPACES = {"notes", "mails", "calls"};

    @TempDir
    Path stateDir;

    private final Admin admin = Admin.create(Map.of("bootstrap.servers", SharedBroker.bootstrapServers()));

    @AfterEach
    void close() {
        admin.close();
    }

    private static CommandRun refill(String name, Path state, String... more) {
        String[] command = Stream.concat(Stream.of("refill"), Stream.of(more)).toArray(String[]::new);
        return CommandRun.with(Instance.settings(name, state), command);
    }

    private static Observation observation(int i) {
        return Observation.observe("s", i / SPACES.length + 1, "memory " + i, new float[] {1, i, i % 7})
                .withId("m" + i);
    }

    private static void load(Instance instance, int from, int to) {
        for (int i = from; i < to; i++) {
            instance.send(Lane.NORMAL, SPACES[i % SPACES.length], observation(i));
        }
        instance.flush();
    }

    private void delete(String topic) throws Exception {
        admin.deleteTopics(List.of(topic)).all().get();
        await().atMost(Duration.ofSeconds(30))
                .until(() -> !admin.listTopics().names().get().contains(topic));
    }

    private void create(String changelog, int partitions) {
        TestTopics.createAgain(
                admin,
                new NewTopic(changelog, Optional.of(partitions), Optional.empty())
                        .configs(Map.of("cleanup.policy", "compact", "message.timestamp.type", "LogAppendTime")));
    }

    private static List<String> files(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            return paths.filter(path -> path.toString().endsWith(".sst"))
                    .map(path -> path.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    private static void assertAllThere(Instance instance) {
        instance.awaitMemories(MEMORIES);
        int rejected = instance.rejected().size();
        // Sessions are known: the same again is a duplicate, and numbers go on.
        load(instance, MEMORIES - SPACES.length, MEMORIES + SPACES.length);
        instance.awaitMemories(MEMORIES + SPACES.length);
        await().atMost(Duration.ofSeconds(30)).until(() -> instance.rejected().size() == rejected + SPACES.length);
        assertThat(instance.rejected().subList(rejected, rejected + SPACES.length))
                .allSatisfy(record -> assertThat(Instance.reason(record)).isEqualTo("duplicate"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "sessions"})
    void shouldGiveAChangelogThatWasDeletedAllMemoriesAndSessionsBack(String store) throws Exception {
        String name = "refill-" + store;
        String changelog = name + "-" + store + "-changelog";
        try (Instance instance = Instance.start(name, stateDir)) {
            load(instance, 0, MEMORIES);
            instance.awaitMemories(MEMORIES);
            CommandRun running = refill(name, stateDir);
            assertThat(running.exit()).isEqualTo(1);
            assertThat(running.err()).contains("an instance is using state.dir").doesNotContain("\tat ");
        }
        List<String> tables = files(stateDir);
        delete(changelog);
        CommandRun dry = refill(name, stateDir, "--dry-run", "--json");
        assertThat(dry.exit()).as(dry.err()).isZero();
        assertThat(dry.json().path("partitions")).hasSize(2);
        assertThat(dry.json().path("refilled").asBoolean()).isFalse();
        assertThat(admin.listTopics().names().get()).doesNotContain(changelog);

        CommandRun refilled = refill(name, stateDir, "--json");
        assertThat(refilled.exit()).as(refilled.err()).isZero();
        long memories = 0;
        for (JsonNode partition : refilled.json().path("partitions")) {
            memories += partition.path("memories").asLong();
        }
        assertThat(memories).isEqualTo(MEMORIES);
        assertThat(files(stateDir)).as("put aside, not deleted").isEqualTo(tables);

        try (Instance instance = Instance.start(name, stateDir)) {
            assertAllThere(instance);
        }
        assertThat(files(stateDir)).containsAll(tables);
        // And an instance that has nothing gets everything from the changelog.
        try (Instance instance = Instance.start(name, stateDir.resolve("empty"))) {
            instance.awaitMemories(MEMORIES + SPACES.length);
        }
    }

    @Test
    void shouldRefuseWhatCouldLoseAnything() throws Exception {
        String changelog = "refuse-memory-changelog";
        try (Instance instance = Instance.start("refuse", stateDir)) {
            load(instance, 0, 30);
            instance.awaitMemories(30);
        }
        List<String> tables = files(stateDir);
        delete(changelog);
        create(changelog, 1);
        CommandRun few = refill("refuse", stateDir);
        assertThat(few.exit()).isEqualTo(1);
        assertThat(few.err()).contains("partitions").doesNotContain("\tat ");

        delete(changelog);
        create(changelog, 2);
        // Somebody went on without the memories: what is newer there must stay.
        Path other = stateDir.resolveSibling(stateDir.getFileName() + "-other");
        assertThatThrownBy(() -> Instance.start("refuse", other)).hasMessageContaining(changelog + " that holds");
        try (Instance instance = Instance.start("refuse", other, Instance.ACCEPT)) {
            CommandRun members = refill("refuse", stateDir);
            assertThat(members.exit()).isEqualTo(1);
            assertThat(members.err()).contains("the group refuse has 1 members", "Nothing was written");
            load(instance, 30, 60);
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> instance.rejected().size() + instance.memories() >= 30);
        }
        CommandRun older = refill("refuse", stateDir);
        assertThat(older.exit()).isEqualTo(1);
        assertThat(older.err())
                .contains(changelog, "Nothing was written")
                .containsAnyOf("is newer than", "does not know");
        assertThat(files(stateDir)).isEqualTo(tables);
        assertThatThrownBy(() -> Instance.start("refuse", stateDir)).hasMessageContaining("made again");
        CommandRun unknown = refill("refuse", stateDir, "--partition", "7");
        assertThat(unknown.exit()).isEqualTo(1);
        assertThat(unknown.err()).contains("does not hold partition 7");
    }

    @Test
    void shouldRefuseAChangelogThatHasLostItsEndAndGiveItBack() throws Exception {
        try (Instance instance = Instance.start("shorter", stateDir)) {
            load(instance, 0, MEMORIES);
            instance.awaitMemories(MEMORIES);
        }
        // As if the brokers had lost the last records: the state says that it has more than there is.
        Path store;
        try (Stream<Path> paths = Files.walk(stateDir.resolve("shorter/0_1"))) {
            store = paths.filter(path -> path.endsWith("rocksdb/memory"))
                    .findFirst()
                    .orElseThrow();
        }
        sayCommitted(store, "shorter-memory-changelog-1", 1_000_000);
        List<String> tables = files(stateDir);
        assertThatThrownBy(() -> Instance.start("shorter", stateDir))
                .hasMessageContaining("shorter-memory-changelog has lost records")
                .hasMessageContaining("partition 1 ends at offset")
                .hasMessageContaining("the state has offset 1000000")
                .hasMessageContaining("EngramTopicsChanged");
        assertThat(files(stateDir)).isEqualTo(tables);

        CommandRun refilled = refill("shorter", stateDir);
        assertThat(refilled.exit()).as(refilled.err()).isZero();
        try (Instance instance = Instance.start("shorter", stateDir)) {
            assertAllThere(instance);
        }
    }

    private static void sayCommitted(Path store, String partition, long offset) throws RocksDBException {
        List<ColumnFamilyDescriptor> families = new ArrayList<>();
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        try (Options listing = new Options();
                DBOptions options = new DBOptions()) {
            for (byte[] family : RocksDB.listColumnFamilies(listing, store.toString())) {
                families.add(new ColumnFamilyDescriptor(family));
            }
            try (RocksDB db = RocksDB.open(options, store.toString(), families, handles);
                    FlushOptions flush = new FlushOptions()) {
                for (ColumnFamilyHandle handle : handles) {
                    if (new String(handle.getName(), StandardCharsets.UTF_8).equals("offsets")) {
                        byte[] key = partition.getBytes(StandardCharsets.UTF_8);
                        assertThat(db.get(handle, key))
                                .as("where Kafka Streams keeps it")
                                .isNotNull();
                        db.put(
                                handle,
                                key,
                                ByteBuffer.allocate(Long.BYTES).putLong(offset).array());
                    }
                }
                db.flush(flush, handles);
                handles.forEach(ColumnFamilyHandle::close);
            }
        }
    }
}
