package io.engram.topology.retention;

import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.SpaceMetrics.Expiry;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.MemoryStore.TimedMemory;
import io.engram.topology.store.SpaceRecord;
import io.engram.topology.store.StoredMemory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Forgets what a space keeps no longer: memories older than its time to live, and the oldest beyond its maximum. In the
 * store, and so in the changelog and on standbys.
 *
 * <p>Spaces with a retention have a key per memory in order of time. A space that gets one later has these keys written a
 * few at a time, before its count is known and limited:
 *
 * <pre>
 * BACKFILL (write keys) → COUNT (count them) → READY
 * </pre>
 *
 * The work is cut into small steps: each new memory forgets at most two, each tick as many as fit into its time.
 * Belongs to the stream thread.
 */
public final class Retention {
    private static final int STEP = 100;
    private static final int PER_MEMORY = 2;
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private enum Phase {
        BACKFILL,
        COUNT,
        READY
    }

    private static final class Space {
        RetentionConfig limits;
        Phase phase;
        Optional<String> filledTo = Optional.empty();
        Optional<TimedMemory> countedTo = Optional.empty();
        // Keys before it are gone, and a store is slow to pass over what was deleted.
        Optional<TimedMemory> oldest = Optional.empty();
        long count;
        // Before this time nothing is too old.
        long dueAtMs;

        Space(RetentionConfig limits, Phase phase) {
            this.limits = limits;
            this.phase = phase;
        }
    }

    private final MemoryStore store;
    private final RetentionConfig defaults;
    private final EngramMetrics metrics;
    private final Map<String, Space> spaces = new LinkedHashMap<>();
    // While what was dropped is being deleted, keys in order of time disappear without being counted.
    private final Set<String> sweeping = new HashSet<>();

    public Retention(MemoryStore store, RetentionConfig defaults, EngramMetrics metrics) {
        this.store = store;
        this.defaults = defaults;
        this.metrics = metrics;
    }

    /** A space was found in the store, came into use or changed its settings. */
    public void known(String space, SpaceRecord record) {
        RetentionConfig limits = defaults.of(record);
        Space known = spaces.get(space);
        if (known != null) {
            known.limits = limits;
            known.dueAtMs = 0;
        } else if (limits.isLimited() || record.inOrderOfTime()) {
            spaces.put(space, new Space(limits, record.inOrderOfTime() ? Phase.COUNT : Phase.BACKFILL));
        }
    }

    /** A space was dropped: it begins anew, and nothing is limited until {@link #swept}. */
    public void dropped(String space) {
        spaces.remove(space);
        sweeping.add(space);
    }

    /** All that was dropped with a space is deleted. */
    public void swept(String space) {
        sweeping.remove(space);
        Space known = spaces.get(space);
        if (known != null && known.phase != Phase.BACKFILL) {
            known.phase = Phase.COUNT;
            known.countedTo = Optional.empty();
            known.oldest = Optional.empty();
            known.count = 0;
        }
    }

    /**
     * A memory was stored; may forget up to two others.
     *
     * @param replaced what was stored under its id before
     */
    public void remembered(String space, TimedMemory memory, Optional<StoredMemory> replaced, long nowMs) {
        Space known = spaces.get(space);
        if (known == null) {
            return;
        }
        replaced.filter(before -> !before.isTombstone())
                .ifPresent(before -> remove(known, space, new TimedMemory(before.enqueuedAtMs(), memory.id())));
        add(known, space, memory);
        enforce(known, space, nowMs, PER_MEMORY);
    }

    /** A memory was forgotten by a client. */
    public void forgotten(String space, String id, StoredMemory stored) {
        Space known = spaces.get(space);
        if (known != null) {
            remove(known, space, new TimedMemory(stored.enqueuedAtMs(), id));
        }
    }

    /**
     * Goes on with what there is to do, for a few milliseconds.
     *
     * @param brokerMs the broker's time; while it is unknown nothing is too old
     */
    public void tick(OptionalLong brokerMs) {
        long nowMs = brokerMs.orElse(0);
        long deadline = System.nanoTime() + TICK_NANOS;
        List<String> served = new ArrayList<>();
        for (Map.Entry<String, Space> entry : spaces.entrySet()) {
            if (System.nanoTime() >= deadline) {
                break;
            }
            served.add(entry.getKey());
            work(entry.getKey(), entry.getValue(), nowMs, deadline);
        }
        // Those that were served go to the end, so that many spaces take turns.
        for (String space : served) {
            spaces.put(space, spaces.remove(space));
        }
    }

    private void work(String space, Space known, long nowMs, long deadline) {
        boolean more = !sweeping.contains(space);
        while (more && System.nanoTime() < deadline) {
            more = switch (known.phase) {
                case BACKFILL -> backfill(known, space);
                case COUNT -> count(known, space);
                case READY -> isDue(known, nowMs) && hasRoom() && enforce(known, space, nowMs, STEP) == STEP;
            };
        }
    }

    private static boolean isDue(Space known, long nowMs) {
        return nowMs >= known.dueAtMs || known.limits.maxMemories() > 0 && known.count > known.limits.maxMemories();
    }

    /** What waits for the index already must not make a stream thread wait for room. */
    private boolean hasRoom() {
        return store.view().index().hasBackgroundRoom();
    }

    private boolean backfill(Space known, String space) {
        MemoryStore.MemoryPage page = store.memoriesAfter(space, known.filledTo, STEP);
        page.memories().forEach(memory -> store.putTime(space, memory));
        known.filledTo = page.lastId();
        if (known.filledTo.isEmpty()) {
            store.putSpace(space, store.space(space).inOrder());
            known.phase = Phase.COUNT;
        }
        return true;
    }

    private boolean count(Space known, String space) {
        List<TimedMemory> page = store.timesAfter(space, known.countedTo, STEP);
        known.count += page.size();
        if (page.size() < STEP) {
            known.phase = Phase.READY;
        } else {
            known.countedTo = Optional.of(page.get(STEP - 1));
        }
        return true;
    }

    private static boolean isBehind(TimedMemory memory, Optional<TimedMemory> mark) {
        return mark.isPresent()
                && (memory.timeMs() < mark.get().timeMs()
                        || memory.timeMs() == mark.get().timeMs()
                                && Arrays.compareUnsigned(
                                                utf8(memory.id()),
                                                utf8(mark.get().id()))
                                        <= 0);
    }

    private static byte[] utf8(String id) {
        return id.getBytes(StandardCharsets.UTF_8);
    }

    private void add(Space known, String space, TimedMemory memory) {
        store.putTime(space, memory);
        if (known.limits.ttlMs() > 0) {
            known.dueAtMs = Math.min(known.dueAtMs, memory.timeMs() + known.limits.ttlMs());
        }
        if (known.phase == Phase.READY || known.phase == Phase.COUNT && isBehind(memory, known.countedTo)) {
            known.count++;
        }
        if (isBehind(memory, known.oldest)) {
            known.oldest = Optional.empty(); // an older one came late
        }
    }

    private void remove(Space known, String space, TimedMemory memory) {
        store.deleteTime(space, memory);
        if (known.phase == Phase.READY || known.phase == Phase.COUNT && isBehind(memory, known.countedTo)) {
            known.count--;
        }
    }

    /** Forgets up to {@code max} memories; returns how many it looked at and took away. */
    private int enforce(Space known, String space, long nowMs, int max) {
        if (known.phase != Phase.READY || !known.limits.isLimited() || sweeping.contains(space)) {
            return 0;
        }
        long limit = known.limits.maxMemories();
        List<TimedMemory> oldest = store.timesAfter(space, known.oldest, max);
        int forgotten = 0;
        for (TimedMemory memory : oldest) {
            boolean expired = known.limits.hasExpired(memory.timeMs(), nowMs);
            boolean tooMany = limit > 0 && known.count > limit;
            if (!expired && !tooMany) {
                known.dueAtMs = known.limits.ttlMs() > 0 ? memory.timeMs() + known.limits.ttlMs() : Long.MAX_VALUE;
                return forgotten;
            }
            forget(known, space, memory, expired ? Expiry.TTL : Expiry.MAX_MEMORIES);
            forgotten++;
        }
        if (oldest.size() < max) {
            known.dueAtMs = Long.MAX_VALUE; // nothing is left that could become too old
        }
        return forgotten;
    }

    private void forget(Space known, String space, TimedMemory memory, Expiry cause) {
        known.oldest = Optional.of(memory);
        remove(known, space, memory);
        Optional<StoredMemory> current = store.memory(space, memory.id())
                .filter(stored -> !stored.isTombstone() && stored.enqueuedAtMs() == memory.timeMs());
        if (current.isPresent()) {
            store.deleteMemory(space, memory.id(), current.get());
            store.view().index().withdraw(space, memory.id());
            metrics.knownSpace(space).expired(cause);
        }
    }
}
