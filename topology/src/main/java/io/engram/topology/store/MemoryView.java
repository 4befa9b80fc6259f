package io.engram.topology.store;

import io.engram.schemas.Lane;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.StoredValues;
import io.engram.topology.format.MemoryKey;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.SpaceSize;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.progress.BrokerClock;
import io.engram.topology.progress.CatchUp;
import io.engram.topology.progress.CommitPoints;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.progress.OwedSessions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What queries see of one partition: the latest state, committed or not. Thread-safe; every method throws {@link
 * StoredValues.StoreClosedException} once the task has gone elsewhere.
 */
public final class MemoryView implements StoredValues, StoredEntries {
    private static final Logger LOG = LoggerFactory.getLogger(MemoryView.class);

    /** Spaces that are not in use, and that one page of spaces passes over. */
    private static final int PASSED_OVER = 2_000;

    private static final int MIN_PAGE = 100;

    private final IndexedStore store;
    private final RetentionConfig retention;
    private final BrokerClock clock;
    private final CommitPoints commitPoints = new CommitPoints();
    private final OwedSessions owed = new OwedSessions();
    private volatile Map<Lane, LaneProgress> lanes = Map.of();
    private volatile int partition = -1;
    private volatile CatchUp catchUp = new CatchUp();
    private volatile CatchUp sessionsCatchUp = new CatchUp();
    private volatile Supplier<Optional<SessionView>> sessions = Optional::empty;
    private volatile boolean warm;
    private volatile long lag;

    MemoryView(IndexedStore store, RetentionConfig retention, BrokerClock clock) {
        this.store = store;
        this.retention = retention;
        this.clock = clock;
    }

    /**
     * @param ofSessions what is open of the same task's sessions
     */
    void opened(int taskPartition, Supplier<Optional<SessionView>> ofSessions) {
        // Streams may open a store again after its state was found corrupt and wiped.
        warm = false;
        catchUp = new CatchUp();
        sessionsCatchUp = new CatchUp();
        sessions = ofSessions;
        lag = 0;
        lanes = Map.of();
        partition = taskPartition;
    }

    IndexedStore store() {
        return store;
    }

    void activated(Map<Lane, LaneProgress> progress) {
        if (progress.isEmpty() && !lanes.isEmpty()) {
            // Nobody had more of it a moment ago: while it is still here, it is as good as a standby.
            lag = 0;
            catchUp.hasAll();
            sessionsCatchUp.hasAll();
            warm = index().isCaughtUp();
        }
        lanes = progress;
    }

    /**
     * How far a standby is with one of its changelogs.
     *
     * @param stored offset of the changelog from which the standby goes on
     * @param end of the changelog
     */
    public record Reached(long stored, long end) {
        private long lag() {
            return Math.max(0, end - stored);
        }
    }

    /**
     * How far a standby is: as far as the store that is further behind. It may answer recall once it has what its changelogs
     * held when it began, and for as long as it is close behind.
     *
     * @param maxLag records that it may be behind, those not indexed yet among them
     */
    public void standbyAt(Reached memories, Reached ofSessions, long maxLag) {
        // What is stored but not indexed yet is behind as well.
        lag = Math.max(memories.lag() + index().backgroundPending(), ofSessions.lag());
        boolean hasMemories = catchUp.look(memories.stored(), memories.end());
        boolean hasSessions = sessionsCatchUp.look(ofSessions.stored(), ofSessions.end());
        boolean close = hasMemories && hasSessions && lag <= maxLag;
        if (close && !warm) {
            index().restored();
            warm = true;
        } else if (!close) {
            warm = false;
        }
    }

    /** Records of a changelog that a standby had not stored when that was last measured: of the one it is further behind. */
    public long standbyLag() {
        return lag;
    }

    /** True when this is no active copy, but was close behind when that was last measured. */
    public boolean isWarm() {
        return lanes.isEmpty() && warm;
    }

    /** Which part this copy of the partition plays for recall. */
    public Role role() {
        if (!lanes.isEmpty()) {
            return index().isCaughtUp() ? Role.ACTIVE : Role.LOADING;
        }
        return warm && index().isCaughtUp() ? Role.STANDBY : Role.LOADING;
    }

    /** For people: the part that this copy plays, and what keeps it from a better one. */
    public String state() {
        return "%s, %s, %d records behind when last measured, %d to index"
                .formatted(
                        role().label(), lanes.isEmpty() ? "following" : "processing", lag, index().backgroundPending());
    }

    /** Parts that a copy of a partition can play. */
    public enum Role {
        /** Processes the lanes and answers recall. */
        ACTIVE,
        /** Follows the changelog, is close behind and answers recall. */
        STANDBY,
        /** Is being restored or indexed, and answers nothing. */
        LOADING;

        /** The role's name in JSON. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public int partition() {
        return partition;
    }

    /**
     * Every memory, in pages: for comparing the store with something else.
     *
     * @param consumer is given each memory that recall may find
     */
    public void forEachMemory(MemoryConsumer consumer) {
        store.forEach(StoreKeys.first(StoreKeys.MEMORY), StoreKeys.after(StoreKeys.MEMORY), entry -> {
            if (StoreKeys.isFenceOfSpace(entry.key.get())) {
                return;
            }
            MemoryKey key = MemoryKey.of(entry.key.get());
            StoredMemory memory;
            try {
                memory = StoredMemory.of(entry.value);
            } catch (RuntimeException e) {
                LOG.error("Cannot read memory {} of {}", key, store.name(), e);
                return;
            }
            if (!memory.isTombstone() && isVisible(memory, space(key.space()))) {
                consumer.accept(key.space(), key.id(), memory);
            }
        });
    }

    /** Takes memories one by one. */
    public interface MemoryConsumer {
        void accept(String space, String id, StoredMemory memory);
    }

    @Override
    public String storeName() {
        return store.name();
    }

    /** Every key that the changelog has, too, memories or not. */
    @Override
    public void forEachKey(Consumer<Bytes> consumer) {
        store.forEach(Bytes.wrap(new byte[0]), StoreKeys.IDENTITY, entry -> {
            if (!StoreKeys.isLocal(entry.key.get())) {
                consumer.accept(entry.key);
            }
        });
    }

    @Override
    public Optional<byte[]> raw(byte[] key) {
        return store.read(Bytes.wrap(key));
    }

    /** The index of the partition. */
    public PartitionIndex index() {
        return store.index();
    }

    /** How far each lane is worked off; empty while this is a standby. */
    public Map<Lane, LaneProgress> lanes() {
        return lanes;
    }

    /** Which generations are committed. */
    public CommitPoints commitPoints() {
        return commitPoints;
    }

    /** Sessions of which something is to be acknowledged. */
    public OwedSessions owed() {
        return owed;
    }

    /** What is known of a space; {@link SpaceRecord#UNKNOWN} when nothing is. */
    public SpaceRecord space(String space) {
        return store.read(StoreKeys.space(space)).map(SpaceRecord::decode).orElse(SpaceRecord.UNKNOWN);
    }

    /** How much a space holds; of a standby, as far as it is with the changelog that says so, which is not that of the memories. */
    public SpaceSize size(String space) {
        return sessions().size(space);
    }

    /** Looks at memories one by one. */
    public interface MemoryVisitor {
        /** Returns true to go on. */
        boolean visit(String id, StoredMemory memory);
    }

    /**
     * Shows the memories of a space that are neither forgotten nor dropped nor too old, in order of their ids.
     *
     * @param record what is known of the space
     */
    public void scan(String space, SpaceRecord record, MemoryVisitor visitor) {
        int prefix = StoreKeys.firstMemory(space).get().length;
        store.forEachWhile(StoreKeys.firstMemory(space), StoreKeys.afterMemories(space), entry -> {
            StoredMemory memory = StoredMemory.of(entry.value);
            if (memory.isTombstone() || !isVisible(memory, record)) {
                return true;
            }
            byte[] key = entry.key.get();
            return visitor.visit(new String(key, prefix, key.length - prefix, StandardCharsets.UTF_8), memory);
        });
    }

    /** A memory that is neither forgotten nor dropped nor too old. */
    public Optional<StoredMemory> memory(String space, String id) {
        return memory(space, space(space), id);
    }

    /**
     * As {@link #memory(String, String)}, for many of one space.
     *
     * @param record what is known of the space
     */
    public Optional<StoredMemory> memory(String space, SpaceRecord record, String id) {
        return store.read(StoreKeys.memory(space, id))
                .map(StoredMemory::of)
                .filter(memory -> !memory.isTombstone() && isVisible(memory, record));
    }

    private boolean isVisible(StoredMemory memory, SpaceRecord space) {
        boolean fits = !space.exists() || memory.dimension() == space.dimension();
        return fits && !space.hides(memory) && !hasExpired(memory, space);
    }

    private boolean hasExpired(StoredMemory memory, SpaceRecord space) {
        RetentionConfig limits = retention.of(space);
        // While the broker's time is unknown nothing is deleted, and nothing hidden.
        return limits.ttlMs() > 0
                && limits.hasExpired(memory.enqueuedAtMs(), clock.nowMs().orElse(memory.enqueuedAtMs()));
    }

    /** What a space keeps, configured defaults included. */
    public RetentionConfig retention(SpaceRecord space) {
        return retention.of(space);
    }

    @Override
    public Optional<StoredEmbedding> embedding(String space, String id) {
        return memory(space, id).map(memory -> new StoredEmbedding(memory.generation(), memory.embedding()));
    }

    /** The sessions of the same partition. */
    public SessionView sessions() {
        return sessions.get().orElseThrow(() -> new StoreClosedException(store.name()));
    }

    /**
     * Some spaces in use, in order of their names.
     *
     * @param spaces no more than were asked for
     * @param next where the next page starts behind; empty when this was the last one. It may be there with few spaces, or
     *     none: dropped ones are passed over, and one page does not pass over all of them
     */
    public record SpacesPage(List<MemoryStore.KnownSpace> spaces, Optional<String> next) {}

    /**
     * Spaces of this partition that are in use.
     *
     * @param prefix of their names
     * @param after the name behind which to begin; empty for the first
     * @param limit at most so many, 1 or more
     */
    public SpacesPage spaces(String prefix, Optional<String> after, int limit) {
        Bytes from = StoreKeys.space(prefix);
        Bytes behind =
                after.map(space -> StoreKeys.successor(StoreKeys.space(space))).orElse(from);
        if (behind.compareTo(from) > 0) {
            from = behind;
        }
        Bytes to = StoreKeys.afterSpaces(prefix);
        List<MemoryStore.KnownSpace> spaces = new ArrayList<>();
        int left = limit + PASSED_OVER;
        while (true) {
            int max = Math.min(left, Math.max(MIN_PAGE, limit - spaces.size()));
            List<KeyValue<Bytes, byte[]>> page = store.scan(from, to, max);
            for (KeyValue<Bytes, byte[]> entry : page) {
                SpaceRecord record = SpaceRecord.decode(entry.value);
                String space = StoreKeys.body(entry.key.get());
                if (record.exists()) {
                    spaces.add(new MemoryStore.KnownSpace(space, record));
                }
                if (spaces.size() == limit) {
                    return new SpacesPage(spaces, Optional.of(space));
                }
            }
            if (page.size() < max) {
                return new SpacesPage(spaces, Optional.empty());
            }
            Bytes last = page.get(max - 1).key;
            left -= max;
            if (left == 0) {
                return new SpacesPage(spaces, Optional.of(StoreKeys.body(last.get())));
            }
            from = StoreKeys.successor(last);
        }
    }
}
