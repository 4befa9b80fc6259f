package io.engram.app.state;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.TopicPlan;
import io.engram.app.kafka.TopicSetup;
import io.engram.app.kafka.TopicState;
import io.engram.topology.checks.WriteLimits;
import io.engram.topology.store.LanePositions;
import io.engram.topology.store.MemoryKey;
import io.engram.topology.store.StoredMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
 * Writes what the state directory of a stopped instance holds into a changelog that has lost it. Everything is checked
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

    /** What a first reading of a partition's store found. */
    private static final class Content {
        private final EntrySum sum = new EntrySum();
        private long memories;
        private int largestBytes;

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
     * Refills the changelog.
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
            Map<Integer, Path> stores = stores(chosen);
            String id = dryRun ? "" : new TopicSetup(admin, plan()).ensure(new WriteLimits());
            Optional<TopicState> changelog = TopicState.find(admin, config.changelogTopic());
            Map<Integer, RefillReport> reports = new TreeMap<>();
            Map<Integer, Content> contents = new TreeMap<>();
            for (Map.Entry<Integer, Path> store : stores.entrySet()) {
                int partition = store.getKey();
                if (changelog.isPresent() && partition >= changelog.get().partitions()) {
                    throw new StartupException("state.dir " + config.stateDir() + " holds partition " + partition
                            + ", but the changelog " + config.changelogTopic() + " has "
                            + changelog.get().partitions()
                            + " partitions: it was made again with too few, and partitions must be as many as before."
                            + NOTHING);
                }
                Content content = new Content();
                reports.put(partition, look(partition, store.getValue(), changelog.map(TopicState::maxBytes), content));
                contents.put(partition, content);
            }
            if (!dryRun) {
                for (Map.Entry<Integer, Path> store : stores.entrySet()) {
                    write(store.getKey(), store.getValue(), contents.get(store.getKey()), progress);
                }
                guard.refilled(id);
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

    private Map<Integer, Path> stores(Set<Integer> chosen) throws IOException {
        Path streams = config.stateDir().resolve(config.applicationId());
        Map<Integer, Path> found = new TreeMap<>();
        try (Stream<Path> paths = Files.list(streams)) {
            for (Path task : paths.toList()) {
                String name = task.getFileName().toString();
                Path store = StoppedStore.of(task);
                if (name.matches("0_\\d{1,9}") && StoppedStore.isThere(store)) {
                    found.put(StoppedStore.partition(task), store);
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

    private TopicPartition changelog(int partition) {
        return new TopicPartition(config.changelogTopic(), partition);
    }

    /** @param most bytes of a record of the changelog; empty when that is not there */
    private RefillReport look(int partition, Path directory, Optional<Integer> most, Content content)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        try (StoppedStore store = new StoppedStore(directory)) {
            store.forEach(content::add);
            LanePositions positions = store.get(LanePositions.storeKey())
                    .map(LanePositions::ofStored)
                    .orElse(LanePositions.NONE);
            long found = most.isPresent() ? compare(partition, most.get(), store, positions, content) : 0;
            return new RefillReport(
                    partition,
                    content.sum.count(),
                    content.memories,
                    positions.toString(),
                    store.committedOffset(changelog(partition)).orElse(-1L),
                    found);
        }
    }

    /** How many keys the changelog has; refuses when it knows anything that the store does not. */
    private long compare(int partition, int most, StoppedStore store, LanePositions positions, Content content)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        if (content.largestBytes + RECORD_OVERHEAD_BYTES > most) {
            throw new StartupException("partition " + partition + " holds an entry of " + content.largestBytes
                    + " bytes, but a record of " + config.changelogTopic() + " may have " + most
                    + ": raise its max.message.bytes." + NOTHING);
        }
        TopicPartition changelog = changelog(partition);
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

    private void write(int partition, Path directory, Content content, LongConsumer progress)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        try (StoppedStore store = new StoppedStore(directory);
                ChangelogWriter writer = new ChangelogWriter(
                        config, changelog(partition), content.largestBytes + RECORD_OVERHEAD_BYTES)) {
            writer.write(store, content.sum, progress);
        }
    }

    @Override
    public void close() throws IOException {
        admin.close();
        lock.close();
    }
}
