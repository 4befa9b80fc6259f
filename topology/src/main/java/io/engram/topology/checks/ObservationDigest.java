package io.engram.topology.checks;

import io.engram.schemas.Observation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;

/**
 * The first 64 bits of SHA-256 over what an observation says: operation, id, content, decoded embedding, metadata,
 * confidence and observation time. Neither its session and sequence nor how it was written in JSON matter. Each part is
 * preceded by its length, so that no two observations share their bytes. Not thread-safe.
 */
final class ObservationDigest {
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
        int size = 64 + id.length + content.length + metadata.length + embedding.length * Float.BYTES;
        if (scratch.capacity() < size) {
            scratch = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        }
        ByteBuffer out = scratch.clear();
        out.put((byte) observation.operation().ordinal());
        out.putInt(id.length).put(id);
        out.putInt(content.length).put(content);
        out.putInt(metadata.length).put(metadata);
        out.putInt(embedding.length);
        out.asFloatBuffer().put(embedding);
        out.position(out.position() + embedding.length * Float.BYTES);
        out.putDouble(observation.confidence().orElse(-1));
        Instant observedAt = observation.observedAt().orElse(Instant.MIN);
        out.putLong(observedAt.getEpochSecond()).putInt(observedAt.getNano());
        out.putInt(observation.settings().dimension().orElse(0));
        sha256.update(out.array(), 0, out.position());
        return ByteBuffer.wrap(sha256.digest()).getLong();
    }
}
