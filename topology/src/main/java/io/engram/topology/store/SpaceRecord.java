package io.engram.topology.store;

import io.engram.schemas.SpaceSettings;
import java.nio.ByteBuffer;
import java.util.OptionalLong;

/**
 * What is known of a memory space.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 3
 * 1      4     dimension, 0 while it is not fixed
 * 5      8     memories of this generation or older were dropped; 0 = never
 * 13     8     enqueue time of that drop, epoch ms
 * 21     8     time to live, ms; 0 = for ever, -1 = as configured
 * 29     8     most memories kept; 0 = all, -1 = as configured
 * 37     1     1 = every memory has its key in order of time
 * 38     8     enqueue time of the change that set the time to live, epoch ms; 0 = never
 * 46     8     enqueue time of the change that set the most memories, epoch ms; 0 = never
 * </pre>
 *
 * @param ttlMs empty for what the instances are configured with
 * @param maxMemories empty for what the instances are configured with
 * @param inOrderOfTime true when every memory of the space has a key in order of time, which retention needs
 * @param ttlSetAtMs so that an older change, or an older drop, of another lane does not undo it; epoch ms
 * @param maxMemoriesSetAtMs likewise
 */
public record SpaceRecord(
        int dimension,
        long droppedGeneration,
        long droppedAtMs,
        OptionalLong ttlMs,
        OptionalLong maxMemories,
        boolean inOrderOfTime,
        long ttlSetAtMs,
        long maxMemoriesSetAtMs) {
    /** A space of which nothing is known. */
    public static final SpaceRecord UNKNOWN =
            new SpaceRecord(0, 0, 0, OptionalLong.empty(), OptionalLong.empty(), false, 0, 0);

    private static final byte VERSION = 3;
    private static final int SIZE = 54;

    /** True when the space is in use: its dimension is fixed. */
    public boolean exists() {
        return dimension > 0;
    }

    /** True when the space has a retention of its own. */
    public boolean hasRetention() {
        return ttlMs.isPresent() || maxMemories.isPresent();
    }

    /** True when memories of some generation and older were dropped. */
    public boolean isDropped() {
        return droppedGeneration > 0;
    }

    /** True when the memory was dropped with the space: it was there, and nobody had enqueued it after the drop. */
    public boolean hides(StoredMemory memory) {
        return memory.generation() <= droppedGeneration && memory.enqueuedAtMs() <= droppedAtMs;
    }

    public SpaceRecord withDimension(int fixed) {
        return new SpaceRecord(
                fixed,
                droppedGeneration,
                droppedAtMs,
                ttlMs,
                maxMemories,
                inOrderOfTime,
                ttlSetAtMs,
                maxMemoriesSetAtMs);
    }

    /**
     * The record after the settings were applied; a setting that was changed later than that keeps its value.
     *
     * @param atMs when they were enqueued, epoch ms
     */
    public SpaceRecord with(SpaceSettings settings, long atMs) {
        boolean setsTtl = settings.ttlMs().isPresent() && atMs >= ttlSetAtMs;
        boolean setsMaxMemories = settings.maxMemories().isPresent() && atMs >= maxMemoriesSetAtMs;
        return new SpaceRecord(
                settings.dimension().orElse(dimension),
                droppedGeneration,
                droppedAtMs,
                setsTtl ? changed(ttlMs, settings.ttlMs()) : ttlMs,
                setsMaxMemories ? changed(maxMemories, settings.maxMemories()) : maxMemories,
                inOrderOfTime,
                setsTtl ? atMs : ttlSetAtMs,
                setsMaxMemories ? atMs : maxMemoriesSetAtMs);
    }

    private static OptionalLong changed(OptionalLong before, OptionalLong setting) {
        if (setting.isEmpty()) {
            return before;
        }
        return setting.getAsLong() == SpaceSettings.DEFAULT ? OptionalLong.empty() : setting;
    }

    /**
     * The record after a drop: the space begins anew, but remembers when. Its settings go with it, except for those that were
     * enqueued after the drop and overtook it on another lane.
     */
    public SpaceRecord dropped(long generation, long atMs) {
        boolean keepsTtl = ttlSetAtMs > atMs;
        boolean keepsMaxMemories = maxMemoriesSetAtMs > atMs;
        return new SpaceRecord(
                0,
                generation,
                atMs,
                keepsTtl ? ttlMs : OptionalLong.empty(),
                keepsMaxMemories ? maxMemories : OptionalLong.empty(),
                false,
                keepsTtl ? ttlSetAtMs : 0,
                keepsMaxMemories ? maxMemoriesSetAtMs : 0);
    }

    /** The record once nothing from before the drop can come any more. */
    public SpaceRecord withoutDropMark() {
        return new SpaceRecord(dimension, 0, 0, ttlMs, maxMemories, inOrderOfTime, ttlSetAtMs, maxMemoriesSetAtMs);
    }

    /** The record once every memory has its key in order of time. */
    public SpaceRecord inOrder() {
        return new SpaceRecord(
                dimension, droppedGeneration, droppedAtMs, ttlMs, maxMemories, true, ttlSetAtMs, maxMemoriesSetAtMs);
    }

    byte[] encode() {
        return ByteBuffer.allocate(SIZE)
                .put(VERSION)
                .putInt(dimension)
                .putLong(droppedGeneration)
                .putLong(droppedAtMs)
                .putLong(ttlMs.orElse(SpaceSettings.DEFAULT))
                .putLong(maxMemories.orElse(SpaceSettings.DEFAULT))
                .put((byte) (inOrderOfTime ? 1 : 0))
                .putLong(ttlSetAtMs)
                .putLong(maxMemoriesSetAtMs)
                .array();
    }

    static SpaceRecord decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("space record of version " + version + ", expected " + VERSION);
        }
        return new SpaceRecord(
                in.getInt(),
                in.getLong(),
                in.getLong(),
                setting(in.getLong()),
                setting(in.getLong()),
                in.get() == 1,
                in.getLong(),
                in.getLong());
    }

    private static OptionalLong setting(long stored) {
        return stored == SpaceSettings.DEFAULT ? OptionalLong.empty() : OptionalLong.of(stored);
    }
}
