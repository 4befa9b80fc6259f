package io.engram.schemas;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One record of a lane: usually one thing to remember, else the operation that its {@code operation} names.
 *
 * <p>Immutable as long as callers leave the arrays alone: they are shared, not copied, because this is the hot path.
 *
 * @param operation what to do
 * @param id the memory's id, at most {@value Limits#MAX_ID_BYTES} bytes; the default is {@code
 *     <session>:<lane>:<incarnation>:<sequence>}. Required for {@link Operation#FORGET}
 * @param session the producer's ordered stream, 1 to {@value Limits#MAX_ID_BYTES} bytes
 * @param sequence 1, 2, 3, … within the session
 * @param content the text, at most {@value Limits#MAX_CONTENT_BYTES} bytes of UTF-8; empty unless {@link
 *     Operation#OBSERVE}
 * @param embedding finite and not all zero, {@value Limits#MIN_DIMENSION} to {@value Limits#MAX_DIMENSION} components;
 *     empty unless {@link Operation#OBSERVE}
 * @param metadata flat facts to filter by
 * @param confidence 0 to 1
 * @param observedAt when the producer saw it
 * @param settings for {@link Operation#CONFIGURE}, else {@link SpaceSettings#NONE}
 */
public record Observation(
        Operation operation,
        Optional<String> id,
        String session,
        long sequence,
        String content,
        float[] embedding,
        Metadata metadata,
        OptionalDouble confidence,
        Optional<Instant> observedAt,
        SpaceSettings settings) {

    private static final float[] NO_EMBEDDING = {};

    public Observation {
        Objects.requireNonNull(operation, "operation");
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(session, "session");
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(embedding, "embedding");
        Objects.requireNonNull(metadata, "metadata");
        Objects.requireNonNull(confidence, "confidence");
        Objects.requireNonNull(observedAt, "observedAt");
        Objects.requireNonNull(settings, "settings");
    }

    /** Something to remember, without the optional fields. */
    public static Observation observe(String session, long sequence, String content, float[] embedding) {
        return new Observation(
                Operation.OBSERVE,
                Optional.empty(),
                session,
                sequence,
                content,
                embedding,
                Metadata.EMPTY,
                OptionalDouble.empty(),
                Optional.empty(),
                SpaceSettings.NONE);
    }

    /** An operation that needs neither id nor settings: {@link Operation#CLOSE} or {@link Operation#DROP}. */
    public static Observation of(Operation operation, String session, long sequence) {
        return new Observation(
                operation,
                Optional.empty(),
                session,
                sequence,
                "",
                NO_EMBEDDING,
                Metadata.EMPTY,
                OptionalDouble.empty(),
                Optional.empty(),
                SpaceSettings.NONE);
    }

    /** Forget the memory {@code id}. */
    public static Observation forget(String session, long sequence, String id) {
        return of(Operation.FORGET, session, sequence).withId(id);
    }

    /** Change the settings of the space. */
    public static Observation configure(String session, long sequence, SpaceSettings settings) {
        Observation bare = of(Operation.CONFIGURE, session, sequence);
        return new Observation(
                bare.operation,
                bare.id,
                session,
                sequence,
                bare.content,
                bare.embedding,
                bare.metadata,
                bare.confidence,
                bare.observedAt,
                settings);
    }

    public Observation withId(String newId) {
        return new Observation(
                operation,
                Optional.of(newId),
                session,
                sequence,
                content,
                embedding,
                metadata,
                confidence,
                observedAt,
                settings);
    }

    public Observation withMetadata(Metadata newMetadata) {
        return new Observation(
                operation, id, session, sequence, content, embedding, newMetadata, confidence, observedAt, settings);
    }

    /** The same record at another place in another session. */
    public Observation at(String newSession, long newSequence) {
        return new Observation(
                operation, id, newSession, newSequence, content, embedding, metadata, confidence, observedAt, settings);
    }
}
