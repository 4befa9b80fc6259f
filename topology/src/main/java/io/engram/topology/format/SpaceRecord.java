package io.engram.topology.format;

import io.engram.schemas.SpaceSettings;
import java.nio.ByteBuffer;
import java.util.OptionalLong;
import java.util.function.Predicate;

/**
 * What is known of a memory space.
 *
 * <pre>
 * big-endian
 * offset size  field
 * 0      1     version = 5
 * 1      4     dimension, 0 while it is not fixed
 * 5      8     memories of this generation or older were dropped; 0 = never
 * 13     17    that drop's {@link Stamp}
 * 30     8     nothing had been enqueued after this time when it was dropped, epoch ms
 * 38     8     time to live, ms; 0 = for ever, -1 = as configured
 * 46     17    {@link Stamp} of the change that set the time to live
 * 63     8     most memories kept; 0 = all, -1 = as configured
 * 71     17    {@link Stamp} of the change that set the most memories
 * 88     1     flags: 1 = there is a {@link RetentionState}, 2 = all that was dropped is deleted
 * </pre>
 *
 * @param droppedBeforeMs what claimed at the drop to be of a later time had it from a clock that was ahead; {@link
 *     Long#MAX_VALUE} when nobody knew
 * @param ttlMs empty for what the instances are configured with
 * @param ttlSet so that an older change, or an older drop, of another lane does not undo it
 * @param maxMemories empty for what the instances are configured with
 * @param maxMemoriesSet likewise
 * @param isRetained true when there is a {@link RetentionState} of the space, and every change of a memory keeps its key in
 *     order of time
 * @param isSwept true when every memory that the last drop hides is deleted
 */
public record SpaceRecord(
        int dimension,
        long droppedGeneration,
        Stamp dropped,
        long droppedBeforeMs,
        OptionalLong ttlMs,
        Stamp ttlSet,
        OptionalLong maxMemories,
        Stamp maxMemoriesSet,
        boolean isRetained,
        boolean isSwept) {
    private static final int RETAINED = 1;
    private static final int SWEPT = 2;

    /** A space of which nothing is known. */
    public static final SpaceRecord UNKNOWN = new SpaceRecord(
            0,
            0,
            Stamp.NEVER,
            Long.MAX_VALUE,
            OptionalLong.empty(),
            Stamp.NEVER,
            OptionalLong.empty(),
            Stamp.NEVER,
            false,
            false);

    private static final byte VERSION = 5;
    private static final int SIZE = 38 + 3 * Stamp.SIZE;

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
        return memory.generation() <= droppedGeneration
                && (memory.enqueuedAtMs() <= dropped.atMs()
                        || memory.enqueuedAtMs() > droppedBeforeMs
                        || memory.enqueuedAtMs() - dropped.atMs() <= Stamp.CLOCKS_DIFFER_MS
                                && memory.lane() == dropped.lane()
                                && memory.sourceOffset() < dropped.offset());
    }

    /** True while memories that the last drop hides may still be stored. */
    public boolean isBeingSwept() {
        return isDropped() && !isSwept;
    }

    public SpaceRecord withDimension(int fixed) {
        return with(fixed, isRetained, isSwept);
    }

    /** The record once there is a {@link RetentionState}. */
    public SpaceRecord retained() {
        return with(dimension, true, isSwept);
    }

    /** The record once every memory that the last drop hides is deleted. */
    public SpaceRecord swept() {
        return with(dimension, isRetained, true);
    }

    private SpaceRecord with(int newDimension, boolean newIsRetained, boolean newIsSwept) {
        return new SpaceRecord(
                newDimension,
                droppedGeneration,
                dropped,
                droppedBeforeMs,
                ttlMs,
                ttlSet,
                maxMemories,
                maxMemoriesSet,
                newIsRetained,
                newIsSwept);
    }

    /**
     * The record after the settings were applied; a setting that was changed later keeps its value.
     *
     * @param stamp of the change
     * @param isLater tells whether another change is later than this one
     */
    public SpaceRecord with(SpaceSettings settings, Stamp stamp, Predicate<Stamp> isLater) {
        boolean setsTtl = settings.ttlMs().isPresent() && !isLater.test(ttlSet);
        boolean setsMaxMemories = settings.maxMemories().isPresent() && !isLater.test(maxMemoriesSet);
        return new SpaceRecord(
                settings.dimension().orElse(dimension),
                droppedGeneration,
                dropped,
                droppedBeforeMs,
                setsTtl ? setting(settings.ttlMs().getAsLong()) : ttlMs,
                setsTtl ? stamp : ttlSet,
                setsMaxMemories ? setting(settings.maxMemories().getAsLong()) : maxMemories,
                setsMaxMemories ? stamp : maxMemoriesSet,
                isRetained,
                isSwept);
    }

    /**
     * The record after a drop: the space begins anew, but remembers when. Its settings go with it, except for those that were
     * enqueued after the drop and overtook it on another lane.
     *
     * @param stamp of the drop
     * @param latestMs nothing was enqueued after this time so far, epoch ms
     * @param isLater tells whether another change is later than the drop
     */
    public SpaceRecord dropped(long generation, Stamp stamp, long latestMs, Predicate<Stamp> isLater) {
        boolean keepsTtl = isLater.test(ttlSet);
        boolean keepsMaxMemories = isLater.test(maxMemoriesSet);
        return new SpaceRecord(
                0,
                generation,
                stamp,
                latestMs,
                keepsTtl ? ttlMs : OptionalLong.empty(),
                keepsTtl ? ttlSet : Stamp.NEVER,
                keepsMaxMemories ? maxMemories : OptionalLong.empty(),
                keepsMaxMemories ? maxMemoriesSet : Stamp.NEVER,
                false,
                false);
    }

    /** The record once nothing from before the drop can come any more. */
    public SpaceRecord withoutDropMark() {
        return new SpaceRecord(
                dimension,
                0,
                Stamp.NEVER,
                Long.MAX_VALUE,
                ttlMs,
                ttlSet,
                maxMemories,
                maxMemoriesSet,
                isRetained,
                false);
    }

    /** The bytes of it, as the layout says. */
    public byte[] encode() {
        ByteBuffer out =
                ByteBuffer.allocate(SIZE).put(VERSION).putInt(dimension).putLong(droppedGeneration);
        dropped.writeTo(out);
        out.putLong(droppedBeforeMs).putLong(ttlMs.orElse(SpaceSettings.DEFAULT));
        ttlSet.writeTo(out);
        out.putLong(maxMemories.orElse(SpaceSettings.DEFAULT));
        maxMemoriesSet.writeTo(out);
        return out.put((byte) ((isRetained ? RETAINED : 0) | (isSwept ? SWEPT : 0)))
                .array();
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException when it is of another version
     */
    public static SpaceRecord decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("space record of version " + version + ", expected " + VERSION);
        }
        int dimension = in.getInt();
        long droppedGeneration = in.getLong();
        Stamp dropped = Stamp.readFrom(in);
        long droppedBeforeMs = in.getLong();
        OptionalLong ttlMs = setting(in.getLong());
        Stamp ttlSet = Stamp.readFrom(in);
        OptionalLong maxMemories = setting(in.getLong());
        Stamp maxMemoriesSet = Stamp.readFrom(in);
        byte flags = in.get();
        return new SpaceRecord(
                dimension,
                droppedGeneration,
                dropped,
                droppedBeforeMs,
                ttlMs,
                ttlSet,
                maxMemories,
                maxMemoriesSet,
                (flags & RETAINED) != 0,
                (flags & SWEPT) != 0);
    }

    private static OptionalLong setting(long value) {
        return value == SpaceSettings.DEFAULT ? OptionalLong.empty() : OptionalLong.of(value);
    }
}
