package io.engram.topology.store;

import io.engram.schemas.SpaceSettings;
import java.nio.ByteBuffer;
import java.util.OptionalLong;

/**
 * What is known of a memory space.
 *
 * <pre>
 * offset size  field
 * 0      1     version = 2 (version 1 ends after the drop time)
 * 1      4     dimension, 0 while it is not fixed
 * 5      8     memories of this generation or older were dropped; 0 = never
 * 13     8     enqueue time of that drop, epoch ms
 * 21     8     time to live, ms; 0 = for ever, -1 = as configured
 * 29     8     most memories kept; 0 = all, -1 = as configured
 * 37     1     1 = every memory has its key in order of time
 * </pre>
 *
 * @param ttlMs empty for what the instances are configured with
 * @param maxMemories empty for what the instances are configured with
 * @param inOrderOfTime true when every memory of the space has a key in order of time, which retention needs
 */
public record SpaceRecord(
        int dimension,
        long droppedGeneration,
        long droppedAtMs,
        OptionalLong ttlMs,
        OptionalLong maxMemories,
        boolean inOrderOfTime) {
    /** A space of which nothing is known. */
    public static final SpaceRecord UNKNOWN =
            new SpaceRecord(0, 0, 0, OptionalLong.empty(), OptionalLong.empty(), false);

    private static final byte VERSION_1 = 1;
    private static final byte VERSION = 2;
    private static final int SIZE = 38;

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
        return new SpaceRecord(fixed, droppedGeneration, droppedAtMs, ttlMs, maxMemories, inOrderOfTime);
    }

    /** The record after the settings were applied. */
    public SpaceRecord with(SpaceSettings settings) {
        return new SpaceRecord(
                settings.dimension().orElse(dimension),
                droppedGeneration,
                droppedAtMs,
                changed(ttlMs, settings.ttlMs()),
                changed(maxMemories, settings.maxMemories()),
                inOrderOfTime);
    }

    private static OptionalLong changed(OptionalLong before, OptionalLong setting) {
        if (setting.isEmpty()) {
            return before;
        }
        return setting.getAsLong() == SpaceSettings.DEFAULT ? OptionalLong.empty() : setting;
    }

    /** The record after a drop: the space begins anew, but remembers when. */
    public static SpaceRecord dropped(long generation, long atMs) {
        return new SpaceRecord(0, generation, atMs, OptionalLong.empty(), OptionalLong.empty(), false);
    }

    /** The record once nothing from before the drop can come any more. */
    public SpaceRecord withoutDropMark() {
        return new SpaceRecord(dimension, 0, 0, ttlMs, maxMemories, inOrderOfTime);
    }

    /** The record once every memory has its key in order of time. */
    public SpaceRecord inOrder() {
        return new SpaceRecord(dimension, droppedGeneration, droppedAtMs, ttlMs, maxMemories, true);
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
                .array();
    }

    static SpaceRecord decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION && version != VERSION_1) {
            throw new IllegalArgumentException("space record of version " + version + ", expected " + VERSION);
        }
        int dimension = in.getInt();
        long droppedGeneration = in.getLong();
        long droppedAtMs = in.getLong();
        return version == VERSION_1
                ? new SpaceRecord(
                        dimension, droppedGeneration, droppedAtMs, OptionalLong.empty(), OptionalLong.empty(), false)
                : new SpaceRecord(
                        dimension,
                        droppedGeneration,
                        droppedAtMs,
                        setting(in.getLong()),
                        setting(in.getLong()),
                        in.get() == 1);
    }

    private static OptionalLong setting(long stored) {
        return stored == SpaceSettings.DEFAULT ? OptionalLong.empty() : OptionalLong.of(stored);
    }
}
