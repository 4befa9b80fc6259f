package io.engram.app.state;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.TopicState;
import io.engram.index.DamagedIndexException;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.topology.EngramTopology;
import io.engram.topology.follow.IndexFiles;
import io.engram.topology.format.LargeMark;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.StoredMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Bytes;

/**
 * The state directory of a stopped instance: compares RocksDB with its changelogs and with the saved indexes.
 * After an unclean stop RocksDB may well differ from the changelog; the next start then restores it.
 */
public final class StoppedState implements AutoCloseable {
    private static final String TASKS = "glob:[0-9]*_[0-9]*";
    /** Not memories: the bound of generations is given out ahead. */
    private static final Set<Byte> MOVING = Set.of((byte) 'g');

    private static final String KEEP =
            "Nothing was changed. Copy state.dir before anything else: it may be all that is left of"
                    + " the memories; the runbook says at EngramTopicsChanged how to go on";
    private static final long BROKER_SECONDS = 15;

    private final EngramConfig config;
    private final IndexEngine engine;
    private final StateLock lock;
    private final Optional<String> trouble;
    private final Map<String, Integer> changelogPartitions = new HashMap<>();

    /**
     * Takes the lock that a running instance would have.
     *
     * @throws StartupException when an instance is running, or the brokers are those of another cluster
     */
    public StoppedState(EngramConfig config, IndexEngine engine) throws IOException {
        this.config = config;
        this.engine = engine;
        try (Admin admin = Admin.create(config.kafka())) {
            StateGuard guard = StateGuard.of(config);
            guard.requireSameCluster(admin.describeCluster().clusterId().get(BROKER_SECONDS, TimeUnit.SECONDS));
            Map<String, Optional<String>> ids = new TreeMap<>();
            for (String topic : config.changelogTopics()) {
                Optional<TopicState> changelog = TopicState.find(admin, topic);
                ids.put(topic, changelog.map(state -> state.id().toString()));
                changelogPartitions.put(
                        topic, changelog.map(TopicState::partitions).orElse(0));
            }
            trouble = guard.differs(ids);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartupException("interrupted");
        } catch (ExecutionException | TimeoutException e) {
            throw new StartupException(
                    "Kafka at " + config.bootstrapServers() + " does not answer; its changelog is needed to compare",
                    e);
        }
        lock = new StateLock(
                config.stateDir(), config.applicationId(), "stop it, or leave --stopped out and give its --url");
    }

    /** What keeps the state from being restored from the changelog; empty when nothing does. */
    public Optional<String> changelogTrouble() {
        return trouble;
    }

    private Path streamsDir() {
        return config.stateDir().resolve(config.applicationId());
    }

    /**
     * Compares every task.
     *
     * @param rebuild true to remove what is damaged or differs, so that the next start builds it anew
     * @param progress is told records of changelogs read and how many there are
     * @throws StartupException when it should rebuild from a changelog that does not have what the state has
     */
    public List<StoppedReport> verify(boolean rebuild, BiConsumer<Long, Long> progress) throws IOException {
        if (rebuild && trouble.isPresent()) {
            throw new StartupException(trouble.get() + ": it cannot rebuild anything. " + KEEP);
        }
        List<StoppedReport> reports = new ArrayList<>();
        for (Path task : tasks()) {
            reports.add(verify(task, rebuild, progress));
        }
        return reports;
    }

    private List<Path> tasks() throws IOException {
        Set<String> names = new HashSet<>();
        for (Path parent : List.of(streamsDir(), config.snapshotDir())) {
            if (Files.isDirectory(parent)) {
                try (Stream<Path> paths = Files.list(parent)) {
                    paths.map(path -> path.getFileName())
                            .filter(parent.getFileSystem().getPathMatcher(TASKS)::matches)
                            .forEach(name -> names.add(name.toString()));
                }
            }
        }
        return names.stream().sorted().map(streamsDir()::resolve).toList();
    }

    private StoppedReport verify(Path task, boolean rebuild, BiConsumer<Long, Long> progress) throws IOException {
        String name = task.getFileName().toString();
        Map<String, Map<Bytes, Integer>> checksums = new TreeMap<>();
        Map<MemoryKey, StoredMemory> memories = new HashMap<>();
        Map<String, LargeMark> large = new TreeMap<>();
        List<String> unusable = new ArrayList<>();
        List<String> removed = new ArrayList<>();
        for (String store : EngramTopology.STORES) {
            Path rocks = StoppedStore.of(task, store);
            if (StoppedStore.isThere(rocks)) {
                read(rocks, checksums.computeIfAbsent(store, none -> new HashMap<>()), memories, large);
            }
        }
        Indexed indexed = compareIndexes(name, large, memories, unusable, rebuild, removed);
        long toIndex = memories.keySet().stream()
                .filter(memory -> large.containsKey(memory.space()))
                .count();
        long[] changelog = new long[2];
        for (Map.Entry<String, Map<Bytes, Integer>> store : checksums.entrySet()) {
            TopicPartition partition =
                    new TopicPartition(config.changelogTopic(store.getKey()), StoppedStore.partition(task));
            long[] found = compareChangelog(partition, store.getValue(), rebuild, progress);
            changelog[0] += found[0];
            changelog[1] += found[1];
        }
        if (rebuild && changelog[0] + changelog[1] > 0) {
            Path aside = config.stateDir().resolve("replaced-" + name + "-" + System.currentTimeMillis());
            Files.move(task, aside);
            removed.add(task + " (moved to " + aside + ")");
        }
        return new StoppedReport(
                name,
                memories.size(),
                indexed.confirmed(),
                toIndex - indexed.confirmed(),
                indexed.toDrop(),
                unusable,
                changelog[0],
                changelog[1],
                removed);
    }

    private void read(
            Path rocks,
            Map<Bytes, Integer> checksums,
            Map<MemoryKey, StoredMemory> memories,
            Map<String, LargeMark> large)
            throws IOException {
        try (StoppedStore store = new StoppedStore(rocks)) {
            store.forEach((raw, value) -> {
                checksums.put(Bytes.wrap(raw), ChangelogImage.checksum(value));
                Optional<MemoryKey> key = MemoryKey.ofStoreKey(raw);
                LargeMark.spaceOf(raw).ifPresent(space -> large.put(space, LargeMark.decode(value)));
                if (key.isPresent() && !StoredMemory.of(value).isTombstone()) {
                    memories.put(key.get(), StoredMemory.of(value));
                }
            });
        } catch (IOException e) {
            throw new IOException(
                    e.getMessage() + ". Nothing was changed. "
                            + trouble.map(text -> text + ". " + KEEP)
                                    .orElse(
                                            "Move that task's directory to another place: the next start restores it from the"
                                                    + " changelog, if the changelog has all of it. Keep it until you know"),
                    e);
        }
    }

    /** What saved indexes have of the store: memories exactly so, and others. */
    private record Indexed(long confirmed, long toDrop) {
        Indexed plus(Indexed that) {
            return new Indexed(confirmed + that.confirmed, toDrop + that.toDrop);
        }
    }

    private Indexed compareIndexes(
            String task,
            Map<String, LargeMark> large,
            Map<MemoryKey, StoredMemory> memories,
            List<String> unusable,
            boolean rebuild,
            List<String> removed)
            throws IOException {
        Indexed sum = new Indexed(0, 0);
        IndexFiles files = new IndexFiles(config.snapshotDir().resolve(task));
        for (Map.Entry<String, LargeMark> space : large.entrySet()) {
            Path directory = files.of(space.getKey(), space.getValue().since());
            if (!Files.isDirectory(directory)) {
                continue;
            }
            int unusableBefore = unusable.size();
            try {
                sum = sum.plus(
                        compareIndex(directory, space.getKey(), space.getValue().dimension(), memories, unusable));
            } catch (DamagedIndexException e) {
                unusable.add(e.getMessage());
            }
            if (rebuild && unusable.size() > unusableBefore) {
                IndexFiles.delete(directory);
                removed.add(directory.toString());
            }
        }
        return sum;
    }

    private Indexed compareIndex(
            Path directory, String space, int dimension, Map<MemoryKey, StoredMemory> memories, List<String> unusable)
            throws IOException {
        OpenedIndex saved = engine.open(directory, dimension, VectorSource.NONE);
        try (VectorIndex index = saved.index()) {
            long confirmed = 0;
            long toDrop = 0;
            for (String id : index.ids()) {
                StoredMemory memory = memories.get(new MemoryKey(space, id));
                boolean holds = memory != null
                        && memory.dimension() == index.dimension()
                        && index.holds(id, memory.generation(), memory.embedding());
                confirmed += holds ? 1 : 0;
                toDrop += holds ? 0 : 1;
            }
            saved.damaged().forEach(segment -> unusable.add(segment.cause().getMessage()));
            index.verify().forEach(segment -> unusable.add(segment.cause().getMessage()));
            return new Indexed(confirmed, toDrop);
        }
    }

    /** Keys of the store that the changelog has not so, and keys of the changelog that the store has not. */
    private long[] compareChangelog(
            TopicPartition changelog, Map<Bytes, Integer> stored, boolean rebuild, BiConsumer<Long, Long> progress) {
        long entries = stored.keySet().stream()
                .filter(key -> !MOVING.contains(key.get()[0]))
                .count();
        if (changelog.partition() >= changelogPartitions.get(changelog.topic())) {
            return new long[] {entries, 0};
        }
        try (ChangelogImage image = new ChangelogImage(config.plainConsumer(), changelog)) {
            image.readToEnd(progress);
            if (rebuild && image.checksums().isEmpty() && entries > 0) {
                throw new StartupException("changelog " + changelog + " is empty, but the store holds " + stored.size()
                        + " entries: it cannot rebuild anything. " + KEEP);
            }
            long notInStore = image.checksums().keySet().stream()
                    .filter(key -> !MOVING.contains(key.get()[0]) && !stored.containsKey(key))
                    .count();
            long notInChangelog = stored.entrySet().stream()
                    .filter(entry -> !MOVING.contains(entry.getKey().get()[0]))
                    .filter(entry -> !entry.getValue().equals(image.checksums().get(entry.getKey())))
                    .count();
            return new long[] {notInChangelog, notInStore};
        }
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
