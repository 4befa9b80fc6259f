package io.engram.app.state;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.TopicPlan;
import io.engram.app.kafka.TopicSetup;
import io.engram.app.kafka.TopicState;
import io.engram.topology.EngramTopology;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.progress.LanePositions;
import io.engram.topology.rejection.WriteLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.utils.Bytes;

/**
 * Writes what the state directory of a stopped instance holds into changelogs of which one has lost it. Everything is checked
 * before anything is written; what was written is read back and compared; then the state is put aside, never deleted, so
 * that the next start restores all of it from the changelog.
 */
public final class Refill implements AutoCloseable {
    private static final long LIMIT_SECONDS = 20;
    private static final int RECORD_OVERHEAD_BYTES = 512;
    private static final byte SESSION = 's';
    private static final String NOTHING = " Nothing was written.";

    private final EngramConfig config;
    private final StateGuard guard;
    private final StateLock lock;
    private final Admin admin;

    /** What a first reading of a store of a partition found. */
    private static final class Content {
        private final TopicPartition changelog;
        private final Path directory;
        private final EntrySum sum = new EntrySum();
        private long memories;
        private int largestBytes;

        Content(TopicPartition changelog, Path directory) {
            this.changelog = changelog;
            this.directory = directory;
        }

        private void add(byte[] key, byte[] value) {
            sum.add(key, value);
            largestBytes = Math.max(largestBytes, key.length + value.length);
            if (MemoryKey.ofStoreKey(key).isPresent() && !StoredMemory.of(value).isTombstone()) {
                memories++;
            }
        }
    }

    /**
     * Takes the lock that a running instance would have.
     *
     * @throws StartupException when an instance is running on that directory
     */
    public Refill(EngramConfig config) throws IOException {
        this.config = config;
        guard = StateGuard.of(config);
        lock = new StateLock(config.stateDir(), config.applicationId(), "stop it first");
        admin = Admin.create(config.kafka());
    }

    /**
     * Refills the changelogs.
     *
     * @param chosen partitions to refill; empty for all that the directory holds
     * @param dryRun true to check only
     * @param progress is told entries written and read back
     * @return one report for each partition, by number
     * @throws StartupException when that could lose anything, with the reason; nothing was written then
     */
    public List<RefillReport> run(Set<Integer> chosen, boolean dryRun, LongConsumer progress)
            throws IOException, InterruptedException {
        try {
            guard.requireSameCluster(admin.describeCluster().clusterId().get(LIMIT_SECONDS, TimeUnit.SECONDS));
            requireNoMembers();
            Map<Integer, Path> tasks = tasks(chosen);
            Map<String, String> ids = dryRun ? Map.of() : new TopicSetup(admin, plan()).ensure(new WriteLimits());
            Map<String, TopicState> changelogs = new HashMap<>();
            for (String topic : config.changelogTopics()) {
                TopicState.find(admin, topic).ifPresent(found -> changelogs.put(topic, found));
            }
            Map<Integer, RefillReport> reports = new TreeMap<>();
            List<Content> contents = new ArrayList<>();
            for (Map.Entry<Integer, Path> task : tasks.entrySet()) {
                reports.put(task.getKey(), look(task.getKey(), task.getValue(), changelogs, contents));
            }
            if (!dryRun) {
                for (Content content : contents) {
                    write(content, progress);
                }
                guard.refilled(ids);
            }
            return new ArrayList<>(reports.values());
        } catch (ExecutionException | TimeoutException e) {
            throw new StartupException(
                    "Kafka at " + config.bootstrapServers() + " does not answer as it should: " + e
                            + ". What was written so far does no harm; run it again",
                    e);
        } catch (TopicSetup.TopicMismatchException e) {
            throw new StartupException(e.getMessage(), e);
        }
    }

    private TopicPlan plan() {
        int most = ChangelogWriter.LEAST_REQUEST_BYTES + config.topicsMaxMessageBytes();
        return TopicPlan.of(
                config,
                new TopicPlan.ClientLimits(most, "producer.max.request.size", ChangelogWriter.BATCH_BYTES, most));
    }

    private void requireNoMembers() throws InterruptedException, ExecutionException, TimeoutException {
        String group = config.applicationId();
        int members;
        try {
            members = admin.describeConsumerGroups(List.of(group))
                    .all()
                    .get(LIMIT_SECONDS, TimeUnit.SECONDS)
                    .get(group)
                    .members()
                    .size();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof GroupIdNotFoundException)) {
                throw e;
            }
            members = 0;
        }
        if (members > 0) {
            throw new StartupException("the group " + group + " has " + members
                    + " members: stop every instance, and wait until the brokers have noticed." + NOTHING);
        }
    }

    /** The directories of the tasks that have memories, by partition. */
    private Map<Integer, Path> tasks(Set<Integer> chosen) throws IOException {
        Path streams = config.stateDir().resolve(config.applicationId());
        Map<Integer, Path> found = new TreeMap<>();
        try (Stream<Path> paths = Files.list(streams)) {
            for (Path task : paths.toList()) {
                String name = task.getFileName().toString();
                if (name.matches("0_\\d{1,9}") && StoppedStore.isThere(StoppedStore.of(task, EngramTopology.STORE))) {
                    found.put(StoppedStore.partition(task), task);
                }
            }
        }
        for (int partition : chosen) {
            if (!found.containsKey(partition)) {
                throw new StartupException("state.dir " + config.stateDir() + " does not hold partition " + partition
                        + ", only " + found.keySet() + "." + NOTHING);
            }
        }
        if (!chosen.isEmpty()) {
            found.keySet().retainAll(chosen);
        }
        if (found.isEmpty()) {
            throw new StartupException("state.dir " + config.stateDir() + " holds no partition of "
                    + config.applicationId() + "." + NOTHING);
        }
        return found;
    }

    /** @param changelogs those that are there */
    private RefillReport look(int partition, Path task, Map<String, TopicState> changelogs, List<Content> contents)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        long entries = 0;
        long memories = 0;
        long inChangelogs = 0;
        LanePositions positions = LanePositions.NONE;
        long committedOffset = -1;
        for (String name : EngramTopology.STORES) {
            TopicPartition changelog = new TopicPartition(config.changelogTopic(name), partition);
            Content content = new Content(changelog, StoppedStore.of(task, name));
            if (!StoppedStore.isThere(content.directory)) {
                continue; // killed before RocksDB had its first files
            }
            Optional<TopicState> found = Optional.ofNullable(changelogs.get(changelog.topic()));
            requirePartition(changelog, found);
            try (StoppedStore store = new StoppedStore(content.directory)) {
                store.forEach(content::add);
                if (name.equals(EngramTopology.STORE)) {
                    positions = store.get(LanePositions.storeKey())
                            .map(LanePositions::decode)
                            .orElse(LanePositions.NONE);
                    committedOffset = store.committedOffset(changelog).orElse(-1L);
                }
                inChangelogs += found.isPresent() ? compare(found.get().maxBytes(), store, positions, content) : 0;
            }
            entries += content.sum.count();
            memories += content.memories;
            contents.add(content);
        }
        return new RefillReport(partition, entries, memories, positions.toString(), committedOffset, inChangelogs);
    }

    private void requirePartition(TopicPartition changelog, Optional<TopicState> found) {
        found.filter(topic -> changelog.partition() >= topic.partitions()).ifPresent(topic -> {
            throw new StartupException("state.dir " + config.stateDir() + " holds partition " + changelog.partition()
                    + ", but the changelog " + changelog.topic() + " has " + topic.partitions()
                    + " partitions: it was made again with too few, and partitions must be as many as before."
                    + NOTHING);
        });
    }

    /** How many keys the changelog has; refuses when it knows anything that the store does not. */
    private long compare(int most, StoppedStore store, LanePositions positions, Content content)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        TopicPartition changelog = content.changelog;
        if (content.largestBytes + RECORD_OVERHEAD_BYTES > most) {
            throw new StartupException("partition " + changelog.partition() + " holds an entry of "
                    + content.largestBytes + " bytes, but a record of " + changelog.topic() + " may have " + most
                    + ": raise its max.message.bytes." + NOTHING);
        }
        new OpenTransactions(admin).awaitEnd(changelog);
        try (ChangelogImage image = new ChangelogImage(config.plainConsumer(), changelog)) {
            image.readToEnd((read, end) -> {});
            Optional<LanePositions> theirs = image.positions();
            if (theirs.isPresent() && !positions.isAtLeast(theirs.get())) {
                throw new StartupException("the changelog " + changelog + " is newer than the state in "
                        + config.stateDir() + ": it was written up to " + theirs.get()
                        + " of the lanes, the state up to "
                        + positions + ". Leave the partition out (--partition), or refill it from the instance that has"
                        + " more." + NOTHING);
            }
            for (Bytes key : image.checksums().keySet()) {
                boolean told = MemoryKey.ofStoreKey(key.get()).isPresent() || key.get()[0] == SESSION;
                if (told && store.get(key.get()).isEmpty()) {
                    throw new StartupException(
                            "the changelog " + changelog + " holds memories or sessions that the state in "
                                    + config.stateDir()
                                    + " does not know, so it was written by others since. Leave the partition"
                                    + " out (--partition), or read out first what it holds." + NOTHING);
                }
            }
            return image.checksums().size();
        }
    }

    private void write(Content content, LongConsumer progress)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        try (StoppedStore store = new StoppedStore(content.directory);
                ChangelogWriter writer =
                        new ChangelogWriter(config, content.changelog, content.largestBytes + RECORD_OVERHEAD_BYTES)) {
            writer.write(store, content.sum, progress);
        }
    }

    @Override
    public void close() throws IOException {
        admin.close();
        lock.close();
    }
}
