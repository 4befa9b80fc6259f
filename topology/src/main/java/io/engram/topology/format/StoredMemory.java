package io.engram.topology.format;

import io.engram.schemas.Lane;
import io.engram.schemas.Metadata;
import io.engram.schemas.Observation;
import io.engram.schemas.SessionPosition;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * A memory as it is stored; every accessor reads straight from the bytes.
 *
 * <pre>
 * little-endian
 * offset size  field
 * 0      1     version = 1
 * 1      1     kind: 1 = memory, 2 = tombstone (ends after the source offset)
 * 2      8     generation
 * 10     8     enqueue time of the change, epoch ms
 * 18     8     digest
 * 26     1     lane
 * 27     8     source offset
 * 35     8     sequence, 0 = without a session
 * 43     8     confidence, NaN = none
 * 51     12    observation time: epoch seconds (8), nanoseconds (4, -1 = none)
 * 63     4     dimension d
 * 67     4×d   embedding, float32
 * ...    4+n   session  \   (empty = none)
 * ...    4+n   content   } byte count, UTF-8
 * ...    4+n   metadata /  (compact JSON)
 * </pre>
 */
public final class StoredMemory {
    private static final byte VERSION = 1;
    private static final byte KIND_MEMORY = 1;
    private static final byte KIND_TOMBSTONE = 2;
    private static final int KIND = 1;
    private static final int GENERATION = 2;
    private static final int ENQUEUED_AT = 10;
    private static final int DIGEST = 18;
    private static final int LANE = 26;
    private static final int SOURCE_OFFSET = 27;
    private static final int SEQUENCE = 35;
    private static final int CONFIDENCE = 43;
    private static final int OBSERVED_AT = 51;
    private static final int DIMENSION = 63;
    private static final int EMBEDDING = 67;
    private static final int NO_TIME = -1;
    private static final long NO_SEQUENCE = 0;

    private final ByteBuffer bytes;

    private StoredMemory(byte[] bytes) {
        this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes[0] != VERSION) {
            throw new IllegalArgumentException("memory of version " + bytes[0] + ", expected " + VERSION);
        }
    }

    /** Where a change came from and when. */
    public record Origin(long generation, long enqueuedAtMs, long digest, Lane lane, long sourceOffset) {
        /** The same with another generation. */
        public Origin withGeneration(long other) {
            return new Origin(other, enqueuedAtMs, digest, lane, sourceOffset);
        }
    }

    /** A view of stored bytes; they are not copied. */
    public static StoredMemory of(byte[] bytes) {
        return new StoredMemory(bytes);
    }

    /** The bytes of a memory, as the layout says. */
    public static byte[] encode(Observation observation, Origin origin) {
        byte[] session =
                observation.position().map(SessionPosition::session).orElse("").getBytes(StandardCharsets.UTF_8);
        byte[] content = observation.content().getBytes(StandardCharsets.UTF_8);
        byte[] metadata = observation.metadata().toJson();
        float[] embedding = observation.embedding();
        int texts = 3 * Integer.BYTES + session.length + content.length + metadata.length;
        ByteBuffer out = allocate(EMBEDDING + embedding.length * Float.BYTES + texts);
        putOrigin(out, KIND_MEMORY, origin);
        out.putLong(observation.position().map(SessionPosition::sequence).orElse(NO_SEQUENCE));
        out.putDouble(observation.confidence().orElse(Double.NaN));
        out.putLong(observation.observedAt().map(Instant::getEpochSecond).orElse(0L));
        out.putInt(observation.observedAt().map(Instant::getNano).orElse(NO_TIME));
        out.putInt(embedding.length);
        out.asFloatBuffer().put(embedding);
        out.position(EMBEDDING + embedding.length * Float.BYTES);
        for (byte[] text : new byte[][] {session, content, metadata}) {
            out.putInt(text.length).put(text);
        }
        return out.array();
    }

    /** The same memory, of another origin. */
    public byte[] withOrigin(Origin origin) {
        ByteBuffer out = allocate(bytes.capacity());
        out.put(0, bytes, 0, bytes.capacity());
        putOrigin(out, bytes.get(KIND), origin);
        return out.array();
    }

    /** The bytes of a tombstone, as the layout says. */
    public static byte[] encodeTombstone(Origin origin) {
        ByteBuffer out = allocate(SEQUENCE);
        putOrigin(out, KIND_TOMBSTONE, origin);
        return out.array();
    }

    private static ByteBuffer allocate(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void putOrigin(ByteBuffer out, byte kind, Origin origin) {
        out.put(VERSION)
                .put(kind)
                .putLong(origin.generation())
                .putLong(origin.enqueuedAtMs())
                .putLong(origin.digest());
        out.put((byte) origin.lane().ordinal()).putLong(origin.sourceOffset());
    }

    /** True for the mark of a forgotten memory; only the change itself is known then. */
    public boolean isTombstone() {
        return bytes.get(KIND) == KIND_TOMBSTONE;
    }

    /** True when this is a memory of exactly that digest. */
    public boolean says(long digest) {
        return !isTombstone() && digest() == digest;
    }

    /** Bytes of everything that is stored of it. */
    public int sizeBytes() {
        return bytes.capacity();
    }

    /** Where the change that stored it came from. */
    public Origin origin() {
        return new Origin(generation(), enqueuedAtMs(), digest(), lane(), sourceOffset());
    }

    public long generation() {
        return bytes.getLong(GENERATION);
    }

    public long enqueuedAtMs() {
        return bytes.getLong(ENQUEUED_AT);
    }

    public long digest() {
        return bytes.getLong(DIGEST);
    }

    public Lane lane() {
        return Lane.ALL.get(bytes.get(LANE));
    }

    public long sourceOffset() {
        return bytes.getLong(SOURCE_OFFSET);
    }

    /** Its place in the session that it came in; empty when it came without one. */
    public Optional<SessionPosition> position() {
        long sequence = bytes.getLong(SEQUENCE);
        return sequence == NO_SEQUENCE
                ? Optional.empty()
                : Optional.of(new SessionPosition(new String(text(0), StandardCharsets.UTF_8), sequence));
    }

    public OptionalDouble confidence() {
        double value = bytes.getDouble(CONFIDENCE);
        return Double.isNaN(value) ? OptionalDouble.empty() : OptionalDouble.of(value);
    }

    public Optional<Instant> observedAt() {
        int nanos = bytes.getInt(OBSERVED_AT + Long.BYTES);
        return nanos == NO_TIME
                ? Optional.empty()
                : Optional.of(Instant.ofEpochSecond(bytes.getLong(OBSERVED_AT), nanos));
    }

    public int dimension() {
        return bytes.getInt(DIMENSION);
    }

    public float[] embedding() {
        float[] embedding = new float[dimension()];
        embedding(embedding);
        return embedding;
    }

    /**
     * Copies the embedding.
     *
     * @param into as many components as {@link #dimension} says
     */
    public void embedding(float[] into) {
        bytes.slice(EMBEDDING, into.length * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(into);
    }

    public String content() {
        return new String(text(1), StandardCharsets.UTF_8);
    }

    public Metadata metadata() {
        return Metadata.fromJson(text(2));
    }

    private byte[] text(int index) {
        int at = EMBEDDING + dimension() * Float.BYTES;
        for (int i = 0; i < index; i++) {
            at += Integer.BYTES + bytes.getInt(at);
        }
        byte[] text = new byte[bytes.getInt(at)];
        bytes.get(at + Integer.BYTES, text);
        return text;
    }
}
