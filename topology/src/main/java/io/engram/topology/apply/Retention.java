package io.engram.topology.apply;

import io.engram.topology.format.DefaultsReview;
import io.engram.topology.format.DueKind;
import io.engram.topology.format.RetentionState;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.metrics.SpaceMetrics.Expiry;
import io.engram.topology.store.DueQueue;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.MemoryStore.KnownSpace;
import io.engram.topology.store.MemoryStore.TimedMemory;
import io.engram.topology.store.RetentionConfig;
import io.engram.topology.store.RetentionKeys;
import io.engram.topology.tick.SpaceRetention;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/**
 * Forgets what a space keeps no longer: memories older than its time to live, and the oldest beyond its maximum. In the
 * store, and so in the changelog and on standbys.
 *
 * <p>A space with a retention has a {@link RetentionState}, a key per memory in order of time, and at most two keys in order
 * of what is due, so that a tick touches the spaces that something is to be done with and no others:
 *
 * <pre>
 * {@link DueKind#LIMIT}    settings changed, keys are to be written, there are too many   at once, in turns
 * {@link DueKind#EXPIRY}   the oldest memory becomes too old                              at that time
 * </pre>
 *
 * The expiry key may be early, since the oldest memory may have been replaced or forgotten; it is never late. When the
 * configured retention is another than before, the spaces that follow it are gone through once, a few each tick.
 *
 * <p>The work is cut into small steps: each new memory forgets at most two, each tick as many as fit into its time.
 * Belongs to the stream thread.
 */
public final class Retention implements SpaceRetention {
    private static final int STEP = 100;
    private static final int PER_MEMORY = 2;
    private static final int HANDED_OUT = 50;
    private static final int CACHED_SPACES = 1_000;
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

    /** The expiry key of a space is moved no more often than this, so that a steady stream costs little. */
    private static final long MOVE_MS = 1_000;

    private static final byte[] NO_VALUE = {};

    private final MemoryStore store;
    private final RetentionKeys keys;
    private final RetentionConfig defaults;
    private final EngramMetrics metrics;
    private final DueQueue limits;
    private final DueQueue expiries;
    // Of the spaces that clients write to; ticks do not add to them.
    private final Map<String, LimitedSpace> cached = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, LimitedSpace> eldest) {
            return size() > CACHED_SPACES;
        }
    };
    private boolean reviewed;

    public Retention(MemoryStore store, RetentionConfig defaults, EngramMetrics metrics) {
        this.store = store;
        this.keys = store.retention();
        this.defaults = defaults;
        this.metrics = metrics;
        this.limits = store.due(DueKind.LIMIT);
        this.expiries = store.due(DueKind.EXPIRY);
    }

    /** A space came into use or changed its settings, or others are configured; before a memory of it is stored. */
    public void known(String space, SpaceRecord record) {
        if (record.isRetained()) {
            LimitedSpace known = find(space);
            queue(known);
            save(known);
        } else if (defaults.of(record).isLimited()) {
            begin(space, record);
        }
    }

    private LimitedSpace begin(String space, SpaceRecord record) {
        store.rewriteSpace(space, record.retained());
        LimitedSpace begun = LimitedSpace.begin(space, store.isEmpty(space));
        // While what was dropped is being deleted nothing is walked: see swept.
        if (begun.isWalking() && !record.isBeingSwept()) {
            queue(begun);
        }
        save(begun);
        return begun;
    }

    /**
     * A space was dropped: it begins anew, and what is in it is not limited until {@link #swept}.
     *
     * @param before what was known of the space before
     */
    public void dropped(String space, SpaceRecord before) {
        if (before.isRetained()) {
            schedule(find(space), RetentionState.NEVER);
            keys.deleteState(space);
            cached.remove(space);
        }
    }

    @Override
    public void swept(String space, SpaceRecord record) {
        if (record.isRetained()) {
            LimitedSpace known = find(space);
            if (known.isWalking()) {
                queue(known);
                save(known);
            }
        }
    }

    /**
     * A memory was stored; may forget up to two others.
     *
     * @param replaced what was stored under its id before
     */
    void remembered(String space, TimedMemory memory, Optional<StoredMemory> replaced, long nowMs) {
        SpaceRecord record = store.space(space);
        RetentionConfig config = defaults.of(record);
        if (!record.isRetained() && !config.isLimited()) {
            return;
        }
        // It is not retained yet when others were configured a moment ago.
        LimitedSpace known = record.isRetained() ? cachedSpace(space) : begin(space, record);
        replaced.filter(before -> !before.isTombstone())
                .ifPresent(before -> remove(known, new TimedMemory(before.enqueuedAtMs(), memory.id())));
        add(known, memory, config);
        if (exceeds(known, config)) {
            enforce(known, record, config, nowMs, PER_MEMORY);
            if (exceeds(known, config)) {
                queue(known);
            }
        }
        save(known);
    }

    /** A memory was forgotten by a client. */
    public void forgotten(String space, String id, StoredMemory stored) {
        if (store.space(space).isRetained()) {
            LimitedSpace known = cachedSpace(space);
            remove(known, new TimedMemory(stored.enqueuedAtMs(), id));
            save(known);
        }
    }

    @Override
    public void tick(OptionalLong brokerMs) {
        review();
        long nowMs = brokerMs.orElse(0);
        work(limits, DueQueue.AT_ONCE, nowMs);
        if (brokerMs.isPresent()) {
            work(expiries, nowMs, nowMs);
        }
    }

    /** Goes through the spaces that follow what is configured, if that is new to them. */
    private void review() {
        if (reviewed) {
            return;
        }
        DefaultsReview review = keys.review();
        if (review.ttlMs() != defaults.ttlMs() || review.maxMemories() != defaults.maxMemories()) {
            review = new DefaultsReview(defaults.ttlMs(), defaults.maxMemories(), true, Optional.empty());
        }
        if (review.isOpen()) {
            List<KnownSpace> page = store.spacesAfter(review.reviewedTo(), STEP);
            for (KnownSpace known : page) {
                SpaceRecord record = known.record();
                if (record.exists()
                        && (record.ttlMs().isEmpty() || record.maxMemories().isEmpty())) {
                    known(known.space(), record);
                }
            }
            boolean more = page.size() == STEP;
            keys.putReview(new DefaultsReview(
                    defaults.ttlMs(),
                    defaults.maxMemories(),
                    more,
                    more ? Optional.of(page.get(STEP - 1).space()) : Optional.empty()));
            reviewed = !more;
        } else {
            reviewed = true;
        }
    }

    private void work(DueQueue queue, long untilMs, long nowMs) {
        long deadline = System.nanoTime() + TICK_NANOS;
        List<DueQueue.Due> due = queue.until(untilMs, HANDED_OUT);
        while (!due.isEmpty()) {
            for (DueQueue.Due next : due) {
                // What waits for the index already must not make a stream thread wait for room.
                if (!store.view().index().hasBackgroundRoom()) {
                    return;
                }
                queue.done(next);
                serve(queue, next, nowMs);
                // Asked afterwards: on a machine so slow that reading takes all the time, there is some progress still.
                if (System.nanoTime() - deadline >= 0) {
                    return;
                }
            }
            due = queue.until(untilMs, HANDED_OUT);
        }
    }

    private void serve(DueQueue queue, DueQueue.Due due, long nowMs) {
        SpaceRecord record = store.peekSpace(due.subject());
        if (!record.isRetained()) {
            return; // dropped meanwhile
        }
        LimitedSpace known = find(due.subject());
        boolean isCurrent = queue == limits ? known.isQueued() : known.expiryAtMs() == due.time();
        if (!isCurrent) {
            return; // of before a drop
        }
        if (queue == limits) {
            known.queued(false);
        } else {
            known.expiryAtMs(RetentionState.NEVER);
        }
        if (step(known, record, nowMs)) {
            queue(known);
        }
        save(known);
    }

    /** Returns true when there is more to do at once. */
    private boolean step(LimitedSpace known, SpaceRecord record, long nowMs) {
        RetentionConfig config = defaults.of(record);
        if (known.isWalking()) {
            if (record.isBeingSwept()) {
                return false; // see swept
            }
            walk(known);
            return true;
        }
        Enforced enforced = enforce(known, record, config, nowMs, STEP);
        if (enforced.more()) {
            return true;
        }
        long nextMs = enforced.oldest()
                .map(memory -> config.expiryMs(memory.timeMs()))
                .orElse(RetentionConfig.NEVER);
        schedule(known, nextMs == RetentionConfig.NEVER ? RetentionState.NEVER : Math.max(nextMs, nowMs + MOVE_MS));
        return false;
    }

    private void walk(LimitedSpace known) {
        MemoryStore.MemoryPage page = store.memoriesAfter(known.space(), known.walkedTo(), STEP);
        page.memories().forEach(memory -> {
            keys.putTime(known.space(), memory);
            known.placed(memory);
        });
        known.walked(page.lastId());
    }

    private void add(LimitedSpace known, TimedMemory memory, RetentionConfig config) {
        keys.putTime(known.space(), memory);
        known.placed(memory);
        long expiryMs = config.expiryMs(memory.timeMs());
        // The end of a walk looks for the oldest.
        if (!known.isWalking() && expiryMs < known.expiryAtMs()) {
            schedule(known, expiryMs);
        }
    }

    private void remove(LimitedSpace known, TimedMemory memory) {
        keys.deleteTime(known.space(), memory);
    }

    /**
     * What was left.
     *
     * @param more true when there may be more to forget
     * @param oldest memory that is left, unless there may be more to forget
     */
    private record Enforced(boolean more, Optional<TimedMemory> oldest) {
        static final Enforced NOTHING_LEFT = new Enforced(false, Optional.empty());
    }

    /** True when there are more memories than may be, and all of them have their key in order of time. */
    private boolean exceeds(LimitedSpace known, RetentionConfig config) {
        return config.maxMemories() > 0
                && !known.isWalking()
                && store.size(known.space()).memories() > config.maxMemories();
    }

    /** Forgets up to {@code max} memories. */
    private Enforced enforce(LimitedSpace known, SpaceRecord record, RetentionConfig config, long nowMs, int max) {
        if (!config.isLimited()) {
            return Enforced.NOTHING_LEFT;
        }
        List<TimedMemory> oldest = keys.timesAfter(known.space(), known.passed(), max);
        for (TimedMemory memory : oldest) {
            boolean expired = config.hasExpired(memory.timeMs(), nowMs);
            if (!expired && !exceeds(known, config)) {
                return new Enforced(false, Optional.of(memory));
            }
            forget(known, record, memory, expired ? Expiry.TTL : Expiry.MAX_MEMORIES);
        }
        return oldest.size() == max ? new Enforced(true, Optional.empty()) : Enforced.NOTHING_LEFT;
    }

    private void forget(LimitedSpace known, SpaceRecord record, TimedMemory memory, Expiry cause) {
        String space = known.space();
        known.passed(memory);
        keys.deleteTime(space, memory);
        Optional<StoredMemory> current = store.memory(space, record, memory.id())
                .filter(stored -> !stored.isTombstone() && stored.enqueuedAtMs() == memory.timeMs());
        if (current.isPresent()) {
            store.deleteMemory(space, memory.id(), current.get());
            store.view().index().withdraw(space, memory.id());
            metrics.knownSpace(space).expired(cause);
        }
    }

    /** There is something to do with the space at once. */
    private void queue(LimitedSpace known) {
        if (!known.isQueued()) {
            known.queued(true);
            limits.put(0, known.space(), NO_VALUE);
        }
    }

    private void schedule(LimitedSpace known, long atMs) {
        if (atMs == known.expiryAtMs()) {
            return;
        }
        if (known.expiryAtMs() != RetentionState.NEVER) {
            expiries.delete(known.expiryAtMs(), known.space());
        }
        known.expiryAtMs(atMs == RetentionState.NEVER ? atMs : expiries.put(atMs, known.space(), NO_VALUE));
    }

    private void save(LimitedSpace known) {
        known.changed().ifPresent(state -> {
            keys.putState(known.space(), state);
            known.saved(state);
        });
    }

    private LimitedSpace find(String space) {
        LimitedSpace known = cached.get(space);
        return known == null ? read(space) : known;
    }

    private LimitedSpace cachedSpace(String space) {
        LimitedSpace known = find(space);
        cached.put(space, known);
        return known;
    }

    private LimitedSpace read(String space) {
        return keys.state(space)
                .map(state -> LimitedSpace.of(space, state))
                .orElseThrow(() -> new IllegalStateException(
                        "store " + store.name() + " has no retention state of space " + space));
    }
}
