package io.engram.app.state;

import io.engram.app.config.EngramConfig;
import io.engram.app.errors.StartupException;
import io.engram.app.kafka.ChangelogTopic;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps local state from being used where it does not belong.
 *
 * <pre>
 * state.dir/.engram-cluster      id of the Kafka cluster whose changelogs the state follows
 *          /.engram-heartbeat    its modification time, in the broker's time, is when an instance ran here last
 *          /&lt;application.id&gt;/    Kafka Streams' own: a directory a task
 *                           /.engram-changelog   {@link FollowedChangelogs}: which changelogs the tasks follow
 *                           /.engram-kept        is there when the tasks were left in the middle of their work
 *          /hnsw/                snapshots of the indexes
 * </pre>
 *
 * <ul>
 *   <li>Against another cluster Kafka Streams would find no changelog and wipe what may be the only copy.
 *   <li>Over a changelog that was made again it would do the same.
 *   <li>Over a changelog that has lost its end it would be wiped, and restored without that.
 *   <li>State that was kept when the changelog was gone holds what was not committed, and must not be gone on with.
 *   <li>State that was away for longer than a changelog keeps its deletions would bring forgotten memories back.
 * </ul>
 */
public final class StateGuard {
    private static final Logger LOG = LoggerFactory.getLogger(StateGuard.class);
    private static final String COPY_FIRST =
            " Nothing was changed. Copy state.dir of every instance before anything else; the"
                    + " runbook says at EngramTopicsChanged how to go on";
    private static final Pattern TASK = Pattern.compile("\\d+_\\d+");

    private final Path stateDir;
    private final Path streamsDir;
    private final Path snapshotDir;
    private final LongSupplier clock;
    private final Runnable otherCluster;
    private final AtomicReference<String> expected = new AtomicReference<>("");

    /**
     * @param snapshotDir of the indexes, in {@code stateDir}
     * @param clock epoch milliseconds, for names
     * @param otherCluster is run, on a client's thread, when another cluster answers while the state is in use; it should
     *     not return before nothing can write to the state any more
     */
    public StateGuard(
            Path stateDir, String applicationId, Path snapshotDir, LongSupplier clock, Runnable otherCluster) {
        this.otherCluster = otherCluster;
        this.stateDir = stateDir;
        this.streamsDir = stateDir.resolve(applicationId);
        this.snapshotDir = snapshotDir;
        this.clock = clock;
    }

    /** Of a stopped instance, or of one that is about to start. */
    static StateGuard of(EngramConfig config) {
        return new StateGuard(
                config.stateDir(), config.applicationId(), config.snapshotDir(), System::currentTimeMillis, () -> {});
    }

    private Path clusterFile() {
        return stateDir.resolve(".engram-cluster");
    }

    private Path heartbeatFile() {
        return stateDir.resolve(".engram-heartbeat");
    }

    /**
     * Checks that the state, if there is any, follows that cluster, and remembers the cluster.
     *
     * @param accept true to go on with another cluster: the old state is moved aside, never deleted
     * @throws StartupException when it follows another
     */
    public void requireCluster(String clusterId, boolean accept) {
        try {
            Optional<String> known = knownCluster();
            if (known.isPresent() && !known.get().equals(clusterId)) {
                if (hasState() && !accept) {
                    throw new StartupException(
                            "state.dir " + stateDir + " holds the state of Kafka cluster " + known.get()
                                    + ", but the brokers are those of cluster " + clusterId
                                    + ". Nothing was changed. Point kafka.bootstrap.servers to the right cluster, use another"
                                    + " state.dir, or start with --accept-new-cluster to put the old state aside");
                }
                moveAside("cluster-" + known.get());
            }
            expected.set(clusterId);
            if (!known.equals(Optional.of(clusterId))) {
                replace(clusterFile(), clusterId);
            }
        } catch (IOException e) {
            throw new StartupException("cannot read or write " + clusterFile() + ": " + e, e);
        }
    }

    /** A client met that cluster; another than the state's ends everything, before anything is taken from it. */
    public void met(String clusterId) {
        String wanted = expected.get();
        if (!wanted.isEmpty() && !wanted.equals(clusterId)) {
            LOG.error(
                    "Kafka cluster {} answers where {} did before: stopping at once, so that no state is wiped",
                    clusterId,
                    wanted);
            otherCluster.run();
        }
    }

    /**
     * Checks, without changing anything, that the state follows that cluster.
     *
     * @throws StartupException when it follows another
     */
    public void requireSameCluster(String clusterId) {
        try {
            Optional<String> known = knownCluster();
            if (known.isPresent() && !known.get().equals(clusterId)) {
                throw new StartupException("state.dir " + stateDir + " holds the state of Kafka cluster " + known.get()
                        + ", but the brokers are those of cluster " + clusterId + "; set kafka.bootstrap.servers");
            }
        } catch (IOException e) {
            throw new StartupException("cannot read " + clusterFile() + ": " + e, e);
        }
    }

    /**
     * Checks that the tasks' state, if there is any, follows these changelogs, that they have all that the state has,
     * and that they are there, and not empty, if anything was processed.
     *
     * @param accept true to go on without what they held: the old state is moved aside, never deleted
     * @throws StartupException when a changelog is gone, or another is there
     */
    public void requireChangelogs(List<ChangelogTopic> found, boolean accept) {
        try {
            Map<String, String> known = knownChangelogs();
            boolean hasTasks = !tasks(streamsDir).isEmpty();
            for (ChangelogTopic changelog : found) {
                Optional<String> wrong = wrong(changelog, known, hasTasks);
                if (wrong.isPresent() && !accept) {
                    throw new StartupException(wrong.get() + COPY_FIRST);
                }
                if (wrong.isPresent()) {
                    moveAside("changelog-" + known.getOrDefault(changelog.name(), "unknown"));
                    hasTasks = false;
                }
            }
            if (hasTasks && Files.exists(keptFile())) {
                LOG.warn(
                        "The changelogs are there again, as they were when the state was kept: the state is put aside and"
                                + " restored from them");
                moveAside("kept");
            }
            Files.deleteIfExists(keptFile());
            Map<String, String> ids = new TreeMap<>();
            found.forEach(changelog -> changelog.id().ifPresent(id -> ids.put(changelog.name(), id)));
            if (ids.size() < found.size()) {
                Files.deleteIfExists(changelogFile());
            } else if (!known.equals(ids)) {
                remember(ids);
            }
        } catch (IOException e) {
            throw new StartupException("cannot read or write " + changelogFile() + ": " + e, e);
        }
    }

    /** What is wrong with a changelog, as a sentence without its end. */
    private Optional<String> wrong(ChangelogTopic found, Map<String, String> known, boolean hasTasks)
            throws IOException {
        boolean gone = found.id().isEmpty();
        Optional<String> followed = Optional.ofNullable(known.get(found.name()));
        boolean other = followed.isPresent() && !gone && !followed.equals(found.id());
        if (hasTasks && (gone || other)) {
            return Optional.of("state.dir " + stateDir + " follows the changelog " + found.name()
                    + ", which " + (gone ? "is not there any more" : "was deleted and made again")
                    + ": this directory, and that of each other instance, may be all that is left of the memories and"
                    + " sessions.");
        }
        if ((gone || !hasTasks && found.isEmpty()) && found.processed()) {
            return Optional.of("records of the lanes were processed, but the changelog " + found.name()
                    + " that holds what came of them is " + (gone ? "not there" : "empty")
                    + ": memories that were accepted would be missing, or the sessions that they came in.");
        }
        String lost = hasTasks ? shorter(found) : "";
        return lost.isEmpty()
                ? Optional.empty()
                : Optional.of("the changelog " + found.name() + " has lost records that the state in " + streamsDir
                        + " has: " + lost + ". Over it the state would be wiped, and restored without them.");
    }

    /**
     * Whether the state follows other changelogs than those that are there.
     *
     * @param ids of those that should be there, by their names; empty for one that is not
     * @return one sentence for people, or nothing when it follows all of these
     */
    Optional<String> differs(Map<String, Optional<String>> ids) {
        try {
            Map<String, String> known = knownChangelogs();
            return ids.entrySet().stream()
                    .filter(entry -> entry.getValue().isEmpty()
                            || !known.getOrDefault(
                                            entry.getKey(), entry.getValue().get())
                                    .equals(entry.getValue().get()))
                    .map(entry ->
                            "the changelog " + entry.getKey() + ", which the state in " + streamsDir + " follows, "
                                    + (entry.getValue().isEmpty() ? "is not there" : "was deleted and made again"))
                    .findFirst();
        } catch (IOException e) {
            throw new StartupException("cannot read " + changelogFile() + ": " + e, e);
        }
    }

    /** The tasks' state follows the changelogs of these names and ids, unless it is known what it follows. */
    public void follows(Map<String, String> changelogs) {
        try {
            if (knownChangelogs().isEmpty()) {
                remember(changelogs);
            }
        } catch (IOException e) {
            LOG.warn("Cannot write {}: {}", changelogFile(), e.toString());
        }
    }

    /** Partitions of which the state has more than the changelog, as a sentence; empty when there are none. */
    private String shorter(ChangelogTopic found) throws IOException {
        List<String> lost = new ArrayList<>();
        for (Path task : tasks(streamsDir)) {
            int partition = StoppedStore.partition(task);
            Path store = StoppedStore.of(task, found.store());
            Optional<Long> end = Optional.ofNullable(found.ends().get(partition));
            if (end.isEmpty() || !StoppedStore.isThere(store)) {
                continue;
            }
            try (StoppedStore stored = new StoppedStore(store)) {
                stored.committedOffset(new TopicPartition(found.name(), partition))
                        .filter(offset -> offset >= end.get())
                        .ifPresent(offset -> lost.add("partition " + partition + " ends at offset " + end.get()
                                + ", the state has offset " + offset));
            } catch (IOException e) {
                LOG.warn("Cannot compare {} with the changelog: {}", store, e.getMessage());
            }
        }
        return String.join("; ", lost);
    }

    /** The process halts next, with the tasks in the middle of their work, because a changelog is not theirs any more. */
    public void keep() {
        try {
            Files.createDirectories(streamsDir);
            Files.writeString(keptFile(), "");
        } catch (IOException e) {
            LOG.warn("Cannot write {}: {}", keptFile(), e.toString());
        }
    }

    /**
     * These changelogs hold all that the tasks' state does: it is put aside, since it says offsets of others, and the
     * next start restores everything.
     */
    void refilled(Map<String, String> changelogs) {
        try {
            moveAside("refilled");
            Files.deleteIfExists(keptFile());
            remember(changelogs);
        } catch (IOException e) {
            throw new StartupException(
                    "the changelog was refilled, but the state cannot be put aside: " + e
                            + ". Move the directories of the tasks in " + streamsDir + " away, and run it again",
                    e);
        }
    }

    private Path keptFile() {
        return streamsDir.resolve(".engram-kept");
    }

    private Path changelogFile() {
        return streamsDir.resolve(".engram-changelog");
    }

    private void remember(Map<String, String> changelogs) throws IOException {
        Files.createDirectories(streamsDir);
        replace(changelogFile(), FollowedChangelogs.text(changelogs));
    }

    /** The file has the old text or the new one, whatever happens meanwhile. */
    private static void replace(Path file, String text) throws IOException {
        Path unfinished = file.resolveSibling(file.getFileName() + ".tmp");
        Files.writeString(unfinished, text);
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** The ids of the changelogs that the tasks follow, by their names; empty when that was never written. */
    private Map<String, String> knownChangelogs() throws IOException {
        if (!Files.exists(changelogFile())) {
            return Map.of();
        }
        return FollowedChangelogs.parse(changelogFile(), Files.readString(changelogFile(), StandardCharsets.UTF_8));
    }

    private Optional<String> knownCluster() throws IOException {
        return Files.exists(clusterFile())
                ? Optional.of(Files.readString(clusterFile(), StandardCharsets.UTF_8)
                                .trim())
                        .filter(id -> !id.isEmpty())
                : Optional.empty();
    }

    /** Directories of tasks that hold anything. */
    private List<Path> tasks(Path parent) throws IOException {
        if (!Files.isDirectory(parent)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.list(parent)) {
            return paths.filter(
                            path -> TASK.matcher(path.getFileName().toString()).matches())
                    .toList();
        }
    }

    private boolean hasState() throws IOException {
        return !tasks(streamsDir).isEmpty() || !tasks(snapshotDir).isEmpty();
    }

    private void moveAside(String name) throws IOException {
        Path aside = stateDir.resolve(name + "-" + clock.getAsLong());
        for (Path parent : List.of(streamsDir, snapshotDir)) {
            for (Path task : tasks(parent)) {
                Path target = aside.resolve(parent.getFileName()).resolve(task.getFileName());
                Files.createDirectories(target.getParent());
                Files.move(task, target);
            }
        }
        if (Files.exists(aside)) {
            LOG.warn("The state of {} was put aside in {}", name, aside);
        }
    }

    /**
     * True when the state was not in use for longer than that, so that deletions may be gone from the changelog. Both times
     * are the broker's: an instance's clock that is ahead, or was, would wipe good state or keep what is stale.
     *
     * @param nowMs the broker's time, epoch ms
     */
    public boolean isStale(long deleteRetentionMs, long nowMs) {
        try {
            if (!Files.exists(heartbeatFile()) || tasks(streamsDir).isEmpty()) {
                return false;
            }
            long awayMs = nowMs - Files.getLastModifiedTime(heartbeatFile()).toMillis();
            if (awayMs <= deleteRetentionMs) {
                return false;
            }
            LOG.warn(
                    "The state in {} was not in use for {} min, longer than its changelog keeps deletions ({} min): it is"
                            + " wiped and restored",
                    stateDir,
                    awayMs / 60_000,
                    deleteRetentionMs / 60_000);
            return true;
        } catch (IOException e) {
            throw new StartupException("cannot read " + heartbeatFile() + ": " + e, e);
        }
    }

    /**
     * The state is in use now.
     *
     * @param nowMs the broker's time, epoch ms
     */
    public void beat(long nowMs) {
        try {
            if (!Files.exists(heartbeatFile())) {
                Files.createFile(heartbeatFile());
            }
            Files.setLastModifiedTime(heartbeatFile(), FileTime.fromMillis(nowMs));
        } catch (IOException e) {
            LOG.warn("Cannot write {}: {}", heartbeatFile(), e.toString());
        }
    }
}
