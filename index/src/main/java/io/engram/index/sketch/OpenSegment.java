package io.engram.index.sketch;

import io.engram.index.HnswParameters;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Up to {@value #CAPACITY} entries of an index, in the order in which they came, and the graph over them once there are
 * enough.
 *
 * <pre>
 * ordinal      0 1 2 …                            in blocks of at most 1,024 and 400 KB
 * ids          String
 * generations  long
 * live         byte: 1 until the entry is removed or replaced
 * steps        float: what one step of the codes is worth
 * codes        a signed byte per component
 * graph        a node per entry, with its ordinal; none up to {@value #SCAN_THRESHOLD} entries
 * </pre>
 *
 * <p>Writers hold {@link #lock()}; readers need no lock and see every entry below {@link #size}, and those that a
 * link leads to.
 */
final class OpenSegment extends Segment {
    /** The working set of a graph of this size stays in the cache; a larger one would insert ever more slowly. */
    static final int CAPACITY = 60_000;

    /** Many spaces hold one memory. */
    private static final int FIRST_BLOCK = 1;

    /** Of the segment and its lock. */
    private static final int OWN_BYTES = 150;

    private static final int MAX_SHIFT = 10;

    /**
     * The codes of a block stay below half of a G1 region of 1 MiB, the smallest there is. What is larger has regions of its
     * own, and while the heap is rather full each such allocation stops all threads for a garbage collection.
     */
    private static final int MAX_BLOCK_BYTES = 400 << 10;

    /** What room is made for at once in the graph of a segment that will be filled: the rest comes in one step more. */
    static final int RESERVED = CAPACITY / 4 * 3;

    private final int dimension;
    private final Rotation rotation;
    private final HnswParameters parameters;
    private final ReentrantLock lock = new ReentrantLock();
    private final int shift;
    private final int mask;
    private final int expected;
    private final Block[] blocks;
    private volatile Optional<HammingGraph> graph = Optional.empty();
    private volatile int size;
    private volatile int dead;
    private volatile boolean sealed;
    private volatile long lastWriter; // id of a thread; 0 for none yet

    /** @param expected entries that the graph makes room for when it starts; 0 or more */
    OpenSegment(int dimension, Rotation rotation, HnswParameters parameters, int expected) {
        super(rotation);
        this.dimension = dimension;
        this.shift = shift(dimension);
        this.mask = (1 << shift) - 1;
        this.expected = expected;
        this.blocks = new Block[(CAPACITY >> shift) + 1];
        this.rotation = rotation;
        this.parameters = parameters;
    }

    /** A segment at one moment; what its blocks hold up to {@code size} does not change, but for what is live. */
    record Saved(int size, int dimension, int shift, Block[] blocks, Optional<HammingGraph.Saved> graph)
            implements SegmentWriter.Entries {
        private Block block(int ordinal) {
            return blocks[ordinal >> shift];
        }

        private int at(int ordinal) {
            return ordinal & (1 << shift) - 1;
        }

        @Override
        public byte[] id(int ordinal) {
            return block(ordinal).ids()[at(ordinal)].getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public long generation(int ordinal) {
            return block(ordinal).generations()[at(ordinal)];
        }

        @Override
        public float step(int ordinal) {
            return block(ordinal).steps()[at(ordinal)];
        }

        @Override
        public void codes(int ordinal, byte[] codes) {
            System.arraycopy(block(ordinal).codes(), at(ordinal) * dimension, codes, 0, dimension);
        }
    }

    /**
     * The open segment that was saved in a file, in the heap again.
     *
     * @param file verified
     */
    static OpenSegment of(SealedSegment file, int dimension, Rotation rotation, HnswParameters parameters) {
        int entries = file.size();
        OpenSegment segment = new OpenSegment(dimension, rotation, parameters, 0);
        for (int number = 0; number << segment.shift < entries; number++) {
            int first = number << segment.shift;
            int count = Math.min(segment.mask + 1, entries - first);
            Block block = Block.of(number == 0 ? count : segment.mask + 1, dimension);
            for (int i = 0; i < count; i++) {
                block.ids()[i] = file.id(first + i);
                block.generations()[i] = file.generation(first + i);
                block.steps()[i] = file.step(first + i);
                block.live()[i] = (byte) (file.isLive(first + i) ? 1 : 0);
                segment.dead += 1 - block.live()[i];
            }
            file.codes(first, count, block.codes());
            segment.blocks[number] = block;
        }
        if (file.hasGraph()) {
            segment.graph = Optional.of(HammingGraph.of(file, rotation.words(), parameters, dimension));
        }
        segment.size = entries;
        return segment;
    }

    /** What is to be saved. Waits for the writer, and makes it wait for as long as copying the links takes. */
    Saved save() {
        lock.lock();
        try {
            int entries = size;
            Block[] used = Arrays.copyOf(blocks, (entries + mask) >> shift);
            return new Saved(entries, dimension, shift, used, graph.map(now -> now.save(sealed)));
        } finally {
            lock.unlock();
        }
    }

    /** A bit for each entry that is removed or replaced; none when none is. */
    long[] deadBits() {
        lock.lock();
        try {
            long[] bits = new long[dead == 0 ? 0 : DeadEntries.wordsFor(size)];
            for (int ordinal = 0; bits.length > 0 && ordinal < size; ordinal++) {
                if (!isLive(ordinal)) {
                    bits[ordinal / Long.SIZE] |= 1L << ordinal;
                }
            }
            return bits;
        } finally {
            lock.unlock();
        }
    }

    /** The entries of a block, as a power of two. */
    private static int shift(int dimension) {
        return Math.min(MAX_SHIFT, 31 - Integer.numberOfLeadingZeros(Math.max(1, MAX_BLOCK_BYTES / dimension)));
    }

    int dimension() {
        return dimension;
    }

    /** Longs of a sketch. */
    int sketchWords() {
        return rotation.words();
    }

    ReentrantLock lock() {
        return lock;
    }

    @Override
    int size() {
        return size;
    }

    @Override
    int dead() {
        return dead;
    }

    /** True when nothing is appended any more. */
    boolean isSealed() {
        return sealed;
    }

    /** True when the current thread was the last to append: its core's cache still holds what an insert touches. */
    boolean isOwn() {
        return lastWriter == Thread.currentThread().getId();
    }

    /** Ends appending; with the lock. */
    void seal() {
        sealed = true;
    }

    @Override
    String id(int ordinal) {
        return blocks[ordinal >> shift].ids()[ordinal & mask];
    }

    @Override
    long generation(int ordinal) {
        return blocks[ordinal >> shift].generations()[ordinal & mask];
    }

    @Override
    float step(int ordinal) {
        return blocks[ordinal >> shift].steps()[ordinal & mask];
    }

    @Override
    boolean isLive(int ordinal) {
        return blocks[ordinal >> shift].live()[ordinal & mask] != 0;
    }

    @Override
    boolean matches(int ordinal, float[] unit) {
        return Quantizer.matches(unit, blocks[ordinal >> shift].codes(), (ordinal & mask) * dimension);
    }

    @Override
    void kill(int ordinal) {
        lock.lock();
        try {
            Block block = blocks[ordinal >> shift];
            if (block.live()[ordinal & mask] != 0) {
                block.live()[ordinal & mask] = 0;
                dead = dead + 1;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Appends an entry and links it; returns its ordinal. With the lock. */
    int append(String id, long generation, float[] unit, Scratch scratch) {
        int ordinal = size;
        Block block = blockFor(ordinal);
        int at = ordinal & mask;
        block.steps()[at] = Quantizer.encode(unit, block.codes(), at * dimension);
        block.ids()[at] = id;
        block.generations()[at] = generation;
        block.live()[at] = 1;
        link(ordinal, unit, scratch);
        lastWriter = Thread.currentThread().getId();
        size = ordinal + 1; // last: what could not be linked is not there
        return ordinal;
    }

    private Block blockFor(int ordinal) {
        int number = ordinal >> shift;
        Block block = blocks[number];
        if (block == null) {
            // Many spaces stay small: their only block grows with them.
            block = Block.of(number == 0 ? FIRST_BLOCK : mask + 1, dimension);
            blocks[number] = block;
        } else if ((ordinal & mask) == block.ids().length) {
            block = block.resized(Math.min(mask + 1, block.ids().length * 2), dimension);
            blocks[number] = block;
        }
        return block;
    }

    private void link(int ordinal, float[] unit, Scratch scratch) {
        if (graph.isPresent()) {
            addTo(graph.get(), unit, scratch);
        } else if (ordinal == SCAN_THRESHOLD) {
            startGraph(ordinal + 1, scratch);
        }
    }

    private void addTo(HammingGraph nodes, float[] unit, Scratch scratch) {
        rotation.rotate(unit, scratch.rotated());
        rotation.sketch(scratch.rotated(), scratch.sketch());
        nodes.add(scratch.sketch(), scratch.beam());
    }

    private void startGraph(int entries, Scratch scratch) {
        HammingGraph nodes = new HammingGraph(rotation.words(), parameters, dimension, expected);
        float[] unit = new float[dimension];
        for (int i = 0; i < entries; i++) {
            decode(i, unit);
            addTo(nodes, unit, scratch);
        }
        graph = Optional.of(nodes);
    }

    private void decode(int ordinal, float[] unit) {
        Block block = blocks[ordinal >> shift];
        byte[] codes = block.codes();
        float step = block.steps()[ordinal & mask];
        int from = (ordinal & mask) * dimension;
        for (int i = 0; i < unit.length; i++) {
            unit[i] = codes[from + i] * step;
        }
    }

    @Override
    boolean hasGraph() {
        return graph.isPresent();
    }

    @Override
    void walk(int ef, Scratch scratch) {
        graph.orElseThrow().search(scratch.sketch(), ef, scratch.beam(), scratch.neighbours(parameters.m()));
    }

    @Override
    int dot(short[] query, int ordinal, Scratch scratch) {
        return Quantizer.dot(query, blocks[ordinal >> shift].codes(), (ordinal & mask) * dimension);
    }

    @Override
    long memoryBytes() {
        long bytes = graph.map(HammingGraph::memoryBytes).orElse(0L);
        bytes += OWN_BYTES + 4L * blocks.length;
        for (int number = 0; number < blocks.length && blocks[number] != null; number++) {
            bytes += blocks[number].memoryBytes(dimension);
        }
        return bytes;
    }
}
