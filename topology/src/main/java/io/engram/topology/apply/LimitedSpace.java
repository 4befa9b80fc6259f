package io.engram.topology.apply;

import io.engram.topology.format.RetentionState;
import io.engram.topology.store.MemoryStore.TimedMemory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * A space with a retention, and how far that is:
 *
 * <pre>
 * walking, if something was stored before there was a limit: missing keys in order of time are written ──→ ready: limits hold
 * </pre>
 *
 * Belongs to the stream thread.
 */
final class LimitedSpace {
    private static final int STORE_EVERY = 50;

    private final String space;
    // Empty when nothing is stored yet.
    private Optional<RetentionState> stored;
    private boolean walking;
    private boolean queued;
    private long expiryAtMs;
    private Optional<String> walkedTo;
    // Keys before it are gone, and a store is slow to pass over what was deleted.
    private Optional<TimedMemory> passed = Optional.empty();
    // As far as that is stored, which it is not for each memory.
    private long floorMs;
    private int passedSince;

    private LimitedSpace(String space, RetentionState state, Optional<RetentionState> stored) {
        this.space = space;
        this.stored = stored;
        this.walking = state.isWalking();
        this.queued = state.isQueued();
        this.expiryAtMs = state.expiryAtMs();
        this.floorMs = state.floorMs();
        this.walkedTo = state.walkedTo();
    }

    /** A space as it is stored. */
    static LimitedSpace of(String space, RetentionState state) {
        return new LimitedSpace(space, state, Optional.of(state));
    }

    /** A space that is limited from now on. */
    static LimitedSpace begin(String space, boolean isEmpty) {
        return new LimitedSpace(
                space,
                new RetentionState(!isEmpty, false, RetentionState.NEVER, 0, Optional.empty()),
                Optional.empty());
    }

    String space() {
        return space;
    }

    RetentionState state() {
        return new RetentionState(walking, queued, expiryAtMs, floorMs, walkedTo);
    }

    /** The state, when it is not what is stored. */
    Optional<RetentionState> changed() {
        RetentionState now = state();
        return stored.equals(Optional.of(now)) ? Optional.empty() : Optional.of(now);
    }

    void saved(RetentionState state) {
        stored = Optional.of(state);
    }

    boolean isWalking() {
        return walking;
    }

    Optional<String> walkedTo() {
        return walkedTo;
    }

    /** Memories up to that id were walked; all of them when there is none. */
    void walked(Optional<String> to) {
        walkedTo = to;
        walking = to.isPresent();
    }

    boolean isQueued() {
        return queued;
    }

    void queued(boolean isQueued) {
        queued = isQueued;
    }

    long expiryAtMs() {
        return expiryAtMs;
    }

    void expiryAtMs(long atMs) {
        expiryAtMs = atMs;
    }

    /** The place in the order of time behind which the oldest memory is to be looked for. */
    Optional<TimedMemory> passed() {
        return passed.or(() -> Optional.of(floorMs).filter(ms -> ms > 0).map(ms -> new TimedMemory(ms, "")));
    }

    /** The oldest memory was taken away. */
    void passed(TimedMemory memory) {
        passed = Optional.of(memory);
        passedSince++;
        if (passedSince >= STORE_EVERY) {
            passedSince = 0;
            floorMs = memory.timeMs();
        }
    }

    /** A memory got its place in the order of time; it may be an old one that came late. */
    void placed(TimedMemory memory) {
        floorMs = Math.min(floorMs, memory.timeMs());
        if (passed.filter(mark -> memory.timeMs() < mark.timeMs()
                        || memory.timeMs() == mark.timeMs()
                                && Arrays.compareUnsigned(utf8(memory.id()), utf8(mark.id())) <= 0)
                .isPresent()) {
            passed = Optional.empty();
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
