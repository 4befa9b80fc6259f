package io.engram.topology.intake;

import io.engram.schemas.Observation;
import io.engram.schemas.SpaceSettings;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;

/**
 * The first 64 bits of SHA-256 over everything that an observation says. Neither its session and sequence nor how it was
 * written in JSON matter. Each part of variable length is preceded by its length and each optional one by whether it is
 * there, so that no two observations share their bytes. Not thread-safe.
 *
 * <pre>
 * little-endian
 * size  field
 * 1     version = 2
 * 1     operation
 * 1+4+n id, UTF-8
 * 4+n   content, UTF-8
 * 4+n   metadata, compact JSON with sorted keys
 * 4+4×d embedding, float32
 * 1+8   confidence
 * 1+12  observation time: epoch seconds (8), nanoseconds (4)
 * 1+4   settings: dimension
 * 1+8   settings: ttl_ms
 * 1+8   settings: max_memories
 * </pre>
 */
final class ObservationDigest {
    private static final byte VERSION = 2;
    /** More than the fields of fixed size take. */
    private static final int FIXED_SIZE = 128;

    private final MessageDigest sha256;
    private ByteBuffer scratch = ByteBuffer.allocate(8 << 10).order(ByteOrder.LITTLE_ENDIAN);

    ObservationDigest() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    long of(Observation observation) {
        byte[] id = observation
                .id()
                .map(text -> text.getBytes(StandardCharsets.UTF_8))
                .orElse(new byte[0]);
        byte[] content = observation.content().getBytes(StandardCharsets.UTF_8);
        byte[] metadata = observation.metadata().toJson();
        float[] embedding = observation.embedding();
        int size = FIXED_SIZE + id.length + content.length + metadata.length + embedding.length * Float.BYTES;
        if (scratch.capacity() < size) {
            scratch = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        }
        ByteBuffer out = scratch.clear();
        out.put(VERSION).put((byte) observation.operation().ordinal());
        putPresence(observation.id().isPresent(), out).putInt(id.length).put(id);
        out.putInt(content.length).put(content);
        out.putInt(metadata.length).put(metadata);
        out.putInt(embedding.length);
        out.asFloatBuffer().put(embedding);
        out.position(out.position() + embedding.length * Float.BYTES);
        putPresence(observation.confidence().isPresent(), out)
                .putDouble(observation.confidence().orElse(0));
        Instant observedAt = observation.observedAt().orElse(Instant.EPOCH);
        putPresence(observation.observedAt().isPresent(), out)
                .putLong(observedAt.getEpochSecond())
                .putInt(observedAt.getNano());
        SpaceSettings settings = observation.settings();
        putPresence(settings.dimension().isPresent(), out)
                .putInt(settings.dimension().orElse(0));
        putPresence(settings.ttlMs().isPresent(), out).putLong(settings.ttlMs().orElse(0));
        putPresence(settings.maxMemories().isPresent(), out)
                .putLong(settings.maxMemories().orElse(0));
        sha256.update(out.array(), 0, out.position());
        return ByteBuffer.wrap(sha256.digest()).getLong();
    }

    private static ByteBuffer putPresence(boolean present, ByteBuffer out) {
        return out.put((byte) (present ? 1 : 0));
    }
}
